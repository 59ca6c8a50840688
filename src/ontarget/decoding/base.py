"""TODO."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How to decode."""

    beams: int  # 1: greedy
    max_new_tokens: int
    batch: int  # prompts at once
