"""Whether a translation is formal or informal, as the corpus says."""

from collections.abc import Sequence
from dataclasses import dataclass

from ontarget.data.constraints.base import Pair
from ontarget.errors import CorpusError

COLUMN = "formality"
WORDINGS = {"formal": "Use formal language.", "informal": "Use informal language."}


@dataclass(frozen=True, slots=True)
class Formality:
    """The formality that a column of the corpus names; an empty cell names none."""

    def values(self, pair: Pair) -> Sequence[str]:
        """Formal and informal; none if the corpus does not say which of them a pair is."""
        return tuple(WORDINGS) if pair.labels.get(COLUMN) else ()

    def wording(self, pair: Pair, value: str) -> str:
        """The sentence that asks for a formality, as `translate` words it."""
        return WORDINGS[value]

    def response(self, pair: Pair, value: str) -> str | None:
        """The translation, if the corpus says that it is so."""
        return pair.target if pair.labels[COLUMN] == value else None

    def holds(self, value: str, response: str) -> bool:
        """Raise CorpusError: a classifier is needed."""
        raise CorpusError(
            f"formality: no rule tells whether a response is {value}; let a classifier or people "
            "judge it"
        )
