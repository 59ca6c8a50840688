"""What every language identifier offers."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from ontarget.languages.tags import language_and_script, names_script, standard

# Language code -> probability 0-1, likeliest first; {} where no language is likely. A detector
# with restricted candidates gives the probabilities it had among all its labels.
Probabilities = Mapping[str, float]
Scores = Mapping[str, float]  # eldc's label -> 0-1, best first; no probabilities
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

    @property
    def shortest(self) -> int:
        """Letters from which its answers are evidence."""

    def identify(self, texts: Sequence[str]) -> list[Probabilities]:
        """The language probabilities of each text."""


@runtime_checkable
class ScoredIdentifier(Identifier, Protocol):
    """An identifier that also tells how pure a text is, by eldc's scores."""

    def identify_with_scores(
        self, texts: Sequence[str]
    ) -> list[tuple[Probabilities, Scores | None]]:
        """The language probabilities of each text, and eldc's scores of it; None: unknown."""


def describe_candidates(candidates: Sequence[str] | None, labels: int) -> str:
    """`restricted(en,it)`, or `open(176)` where every label may be answered."""
    return f"restricted({','.join(sorted(candidates))})" if candidates else f"open({labels})"


def written_as(code: str, scripts: set[str] | None = None) -> bool:
    """Whether the script that a code names, if any, is one of these; None: the likely one."""
    code = standard(code)
    if not names_script(code):
        return True
    script = language_and_script(code)[1]
    return script in (scripts or {language_and_script(standard(code.split("-")[0]))[1]})
