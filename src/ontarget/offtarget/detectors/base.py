"""TODO."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

MIN_PROBABILITY = (
    0.01  # a share below is not asked for, which makes a prediction as cheap as the first
)
Probabilities = dict[str, float]  # language code -> 0-1, likeliest first


@runtime_checkable
class Identifier(Protocol):
    """Says which language each text is in; its signature is printed beside every ratio."""

    @property
    def name(self) -> str:
        """The model, such as `fasttext-176-ftz`."""

    @property
    def answers(self) -> str:
        """The languages it may answer: `open(176)` or `restricted(en,it)`."""

    @property
    def signature(self) -> str:
        """What a number measured with it depends on."""

    def shares_of(self, texts: Sequence[str]) -> list[Probabilities]:
        """How likely each language is, of those that are at all; {} where none is."""


def describe_answers(candidates: Sequence[str] | None, labels: int) -> str:
    """`restricted(en,it)`, or `open(176)` where every label may be answered."""
    return f"restricted({','.join(sorted(candidates))})" if candidates else f"open({labels})"


Probabilities = Mapping[
    str, float
]  # language code -> 0-1, likeliest first; {} where nothing is likely
