"""What every language identifier offers."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

# Language code -> probability 0-1, likeliest first; {} where no language is likely. A detector
# with restricted candidates gives the probabilities it had among all its labels.
Probabilities = Mapping[str, float]
MIN_PROBABILITY = 0.01  # smaller ones are not asked for, which makes a prediction much cheaper


@runtime_checkable
class Identifier(Protocol):
    """A language identifier; its signature is printed beside every ratio."""

    @property
    def name(self) -> str:
        """The model, such as `fasttext-176-ftz`."""

    @property
    def candidate_set(self) -> str:
        """The languages it may answer: `open(176)` or `restricted(en,it)`."""

    @property
    def signature(self) -> str:
        """All that a prediction depends on besides the text."""

    def identify(self, texts: Sequence[str]) -> list[Probabilities]:
        """The language probabilities of each text."""


def describe_candidates(candidates: Sequence[str] | None, labels: int) -> str:
    """`restricted(en,it)`, or `open(176)` where every label may be answered."""
    return f"restricted({','.join(sorted(candidates))})" if candidates else f"open({labels})"
