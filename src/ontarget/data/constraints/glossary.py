"""Which of several translations of a term a translation uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ontarget.data.constraints.base import Pair, check_signs
from ontarget.data.constraints.words import folded, words_in
from ontarget.data.readers.lines import STDIN, read_lines
from ontarget.errors import CorpusError

EXPECTED = "a term, its translation and at least one other translation, with tabs between them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A term and its possible translations."""

    source: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Glossary:
    """The translation of a term: of a pair's terms the first that is translated in one way.

    Of two terms such as `cat` and `wild cat`, "a wild cat" has the longer one.
    """

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
        found = words_in(pair.target, term.targets) if term else set()
        return pair.target if found == {value} else None

    def holds(self, value: str, response: str) -> bool:
        """Whether a response has this translation of a term and no other possible one."""
        return any(
            words_in(response, term.targets) == {value}
            for term in self.terms
            if value in term.targets
        )

    def _term(self, pair: Pair) -> Term | None:
        """The pair's first term that is translated in one way, else its first term."""
        present = words_in(pair.source, (term.source for term in self.terms))
        terms = [term for term in self.terms if term.source in present]
        usable = (term for term in terms if len(words_in(pair.target, term.targets)) == 1)
        return next(usable, terms[0] if terms else None)


def term_sentence(term: str, translation: str) -> str:
    """The sentence of an instruction that asks for a translation of a term."""
    return f'Translate "{term}" as "{translation}".'


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
        check_signs(line, f"{path}:{number}")
        if len(set(map(folded, targets))) < len(targets):
            raise CorpusError(f"{path}:{number}: repeats a translation; keep one of them")
        if folded(source) in terms:
            raise CorpusError(f"{path}:{number}: {source!r} has a line already; keep one of them")
        terms[folded(source)] = Term(source=source, targets=tuple(targets))
    if not terms:
        raise CorpusError(f"{path}: has no terms; write {EXPECTED}")
    return Glossary(tuple(terms.values()))
