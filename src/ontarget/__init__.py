"""Language-aware instruction tuning: translate into the language you were asked for."""

__version__ = "0.1.0"
