"""Which of several translations of a term a translation uses."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import regex

from ontarget.data.constraints.base import Pair
from ontarget.data.readers.lines import STDIN, read_lines
from ontarget.errors import CorpusError
from ontarget.languages.writing import letters_of

EXPECTED = "a term, its translation and at least one other translation, with tabs between them"
WITHOUT_SPACES = regex.compile(
    letters_of("Hang", "Kana", "Hani", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"), regex.V1
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A term and its possible translations."""

    source: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Glossary:
    """The translation of a term: of a pair's terms the first that is translated in one way."""

    terms: tuple[Term, ...]

    def values(self, pair: Pair) -> Sequence[str]:
        """The possible translations of the pair's term; none without such a term."""
        term = self._term(pair)
        return term.targets if term else ()

    def wording(self, pair: Pair, value: str) -> str:
        """The sentence that asks for a translation of the pair's term, as `translate` words it."""
        term = self._term(pair)
        assert term is not None, f"{pair.key}: has no term"
        return term_sentence(term.source, value)

    def response(self, pair: Pair, value: str) -> str | None:
        """The translation, if it has this one of the possible translations and no other."""
        term = self._term(pair)
        return pair.target if term and used(pair.target, term.targets) == {value} else None

    def holds(self, value: str, response: str) -> bool:
        """Whether a response has this translation of a term and no other possible one."""
        return any(
            used(response, term.targets) == {value} for term in self.terms if value in term.targets
        )

    def _term(self, pair: Pair) -> Term | None:
        lower = pair.source.lower()
        for term in self.terms:
            if (
                term.source.lower() in lower
                and used(pair.source, [term.source])
                and len(used(pair.target, term.targets)) == 1
            ):
                return term
        return None


def term_sentence(term: str, translation: str) -> str:
    """The sentence of an instruction that asks for a translation of a term."""
    return f'Translate "{term}" as "{translation}".'


def used(text: str, words: Iterable[str]) -> set[str]:
    """Those of some words that are in a text as whole words, in any case.

    Of `cat` and `wild cat` only the longer one is in "a wild cat".
    """
    found, lower = set(), text.lower()
    for word in sorted(words, key=lambda one: (-len(one), one)):
        if word.lower() in lower:
            text, count = whole_word(word).subn("\n", text)
            found |= {word} if count else set()
    return found


@cache
def whole_word(word: str) -> regex.Pattern[str]:
    """A pattern for a word that is no part of a longer one, where the script separates words."""
    before, after = (
        "" if WITHOUT_SPACES.match(edge) or not regex.match(r"\w", edge) else border
        for edge, border in ((word[0], r"(?<!\w)"), (word[-1], r"(?!\w)"))
    )
    return regex.compile(before + regex.escape(word) + after, regex.IGNORECASE)


def read_glossary(path: Path) -> Glossary:
    """A file with a term, its translation and other translations on each line, between tabs.

    Raises:
        CorpusError: it cannot be read, has no terms, or a line is faulty; it is standard input or
            no regular file.
    """
    if path == STDIN or (path.exists() and not path.is_file()):
        raise CorpusError(f"{path}: not a regular file; give the path of a glossary")
    terms: dict[str, Term] = {}
    for number, line in read_lines(path):
        if not line.strip():
            continue
        source, *targets = (cell.strip() for cell in line.split("\t"))
        if len(targets) < 2 or not all([source, *targets]):
            raise CorpusError(f"{path}:{number}: expected {EXPECTED}; correct the line")
        if len({word.lower() for word in targets}) < len(targets):
            raise CorpusError(f"{path}:{number}: repeats a translation; keep one of them")
        if source.lower() in terms:
            raise CorpusError(f"{path}:{number}: {source!r} has a line already; keep one of them")
        terms[source.lower()] = Term(source=source, targets=tuple(targets))
    if not terms:
        raise CorpusError(f"{path}: has no terms; write {EXPECTED}")
    return Glossary(tuple(terms.values()))
