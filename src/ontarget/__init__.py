"""Language-aware instruction tuning: translate into the language you were asked for."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ontarget.offtarget.metric import OffTarget as OffTarget

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`OffTarget`, loaded when it is asked for: importing the package costs nothing."""
    if name == "OffTarget":
        from ontarget.offtarget.metric import OffTarget

        return OffTarget
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
