"""What a user wishes besides a translation, as sentences of the request.

They stand in the template after the line that names the target language, or before the source
where that is the same line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ontarget.data.constraints.formality import WORDINGS
from ontarget.data.constraints.glossary import term_sentence
from ontarget.data.constraints.words import folded, words_in
from ontarget.data.readers.lines import read_lines
from ontarget.errors import ModelError, TranslationError
from ontarget.models.templates import PromptFormat, json_parts

MOST_TERMS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the request says besides the languages and the source."""

    glossary: tuple[tuple[str, str], ...] = ()  # (term, its translation)
    formality: str = ""  # a key of `WORDINGS`: formal, informal
    instruction: str = ""

    def sentences(self, source: str) -> tuple[str, ...]:
        """The sentences of a request; of the glossary, the terms that occur in the source."""
        found = [term_sentence(term, own) for term, own in self.terms_in(source)]
        general = [WORDINGS.get(self.formality, ""), self.instruction.strip()]
        return tuple(sentence for sentence in (*general, *found) if sentence)

    def terms_in(self, source: str) -> list[tuple[str, str]]:
        """The terms of the glossary that a text has as whole words, and their translations.

        Of two terms such as `cat` and `wild cat`, "a wild cat" has the longer one.
        """
        found = words_in(source, (term for term, _ in self.glossary))
        return [(term, own) for term, own in self.glossary if term in found]

    def missing_terms(self, source: str, translation: str) -> list[str]:
        """The translations of terms that a translation lacks; an inflected one may contain them."""
        text = folded(translation)
        return [own for _, own in self.terms_in(source) if folded(own) not in text]


def read_glossary(path: Path) -> tuple[tuple[str, str], ...]:
    """A file with a term, a tab and its translation on each line.

    Raises:
        OnTargetError: the file cannot be read, or a line is no such pair.
    """
    if path.exists() and not path.is_file():  # a pipe may never end
        raise TranslationError(
            f"{path}: is no regular file; give a file with a term, a tab and its translation in "
            "each line"
        )
    terms: dict[str, str] = {}
    for number, line in read_lines(path):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != 2 or not all(cells):
            raise TranslationError(
                f"{path}:{number}: expected a term, a tab and its translation; correct the line"
            )
        if terms.setdefault(cells[0], cells[1]) != cells[1]:
            raise TranslationError(f"{path}:{number}: {cells[0]!r} has two translations; keep one")
        if len(terms) > MOST_TERMS:
            raise TranslationError(f"{path}: has more than {MOST_TERMS} terms; leave some out")
    if not terms:
        raise TranslationError(f"{path}: has no terms; write a term, a tab and its translation")
    return tuple(terms.items())


def make_wishes(glossary: Mapping[str, str], formality: str, instruction: str) -> Wishes:
    """Checked wishes.

    Raises:
        TranslationError: there is no such formality, or a term is empty.
    """
    if formality and formality not in WORDINGS:
        raise TranslationError(f"formality: {formality!r}; use {' or '.join(WORDINGS)}")
    if not all(term.strip() and own.strip() for term, own in glossary.items()):
        raise TranslationError("glossary: a term or its translation is empty; leave it out")
    return Wishes(glossary=tuple(glossary.items()), formality=formality, instruction=instruction)


def with_sentences(form: PromptFormat, sentences: Sequence[str]) -> PromptFormat:
    """The format whose templates say these sentences too.

    Raises:
        ModelError: the template has no words to add them to.
    """
    if not sentences:
        return form
    if json_parts(form.template) is not None:
        raise ModelError(
            "the template is not in words, so it cannot mention a glossary, a formality or an "
            "instruction; leave them out, or give a template such as instruction"
        )
    line = " ".join(sentences).replace("{", "{{").replace("}", "}}")
    return replace(
        form,
        template=insert(form.template, line),
        by_target=tuple((language, insert(text, line)) for language, text in form.by_target),
    )


def insert(template: str, sentence: str) -> str:
    """The template with a sentence in a line of its own."""
    lines = template.split("\n")
    place = next(
        (at for at, line in enumerate(lines) if "{target}" in line or "{target_code}" in line), 0
    )
    after = 0 if "{input}" in lines[place] else 1
    return "\n".join([*lines[: place + after], sentence, *lines[place + after :]])
