"""What a constraint is: an attribute of translations, its values, and the words that ask for them.

    attribute       values                wording of one
    output format   upper, json, ...      Write the translation in upper case.
    term for "cat"  gatto, micio          Translate "cat" as "gatto".
    formality       formal, informal      Use formal language.

A translation has one value. An instruction that words another one is in conflict with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ontarget.data.cleaning.rules import REASONS
from ontarget.data.cleaning.texts import unwanted
from ontarget.errors import CorpusError


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A source and its translation, with what the corpus says about the latter."""

    key: str
    source_lang: str
    target_lang: str
    source: str
    target: str
    labels: Mapping[str, str] = field(default_factory=dict)  # column -> cell


@runtime_checkable
class Constraint(Protocol):
    """An attribute of translations that an instruction can constrain."""

    def values(self, pair: Pair) -> Sequence[str]:
        """The values that an instruction for this pair can word; none if it has no such attribute.

        A translation that has one of them has no other one.
        """

    def wording(self, pair: Pair, value: str) -> str:
        """The sentence of an instruction that asks for a value."""

    def response(self, pair: Pair, value: str) -> str | None:
        """The translation with this value; None if it has another one and cannot be rewritten."""

    def holds(self, value: str, response: str) -> bool:
        """Whether a response has a value.

        Raises:
            CorpusError: no rule can tell.
        """


def check_signs(text: str, place: str) -> None:
    """Raise CorpusError for a text with a character that `clean` drops, such as a control one."""
    if sign := unwanted(text):
        raise CorpusError(f"{place}: has U+{ord(sign):04X}, {REASONS['control']}; remove it")
