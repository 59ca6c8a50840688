"""JSON lines as Hugging Face translation data: {"translation": {"en": ..., "it": ...}}."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from ontarget.data.readers.lines import read_lines
from ontarget.errors import CorpusError

SAMPLED_LINES = 1000  # in which every language is expected to occur
SHAPE = '{"translation": {"en": "...", "it": "..."}}'


def read(path: Path, languages: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """(key, texts of `languages`) of each line; a line may lack some of them.

    Raises:
        CorpusError: a line is not JSON of that shape, or a language occurs in no line.
    """
    unseen = set(languages)
    number = 0
    for number, line in read_lines(path):
        texts = parse_translation(line, f"{path}:{number}")
        selected = {language: texts[language] for language in languages if language in texts}
        unseen -= selected.keys()
        yield f"{path.name}:{number}", selected
    if unseen and number:
        raise CorpusError(
            f"{path}: no line has the language {min(unseen)!r}; "
            "rename its key or leave the language out"
        )


def columns(path: Path) -> list[str]:
    """The languages of the first lines."""
    lines = islice(read_lines(path), SAMPLED_LINES)
    texts = [parse_translation(line, f"{path}:{number}") for number, line in lines]
    return list(dict.fromkeys(language for row in texts for language in row))


def unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; ValueError for a repeated key, of which `json` would keep the last."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {max(names, key=names.count)!r} occurs twice")
    return content


def parse_translation(line: str, place: str) -> dict[str, str]:
    """The texts of one line, by language."""
    try:
        content = json.loads(line, object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{place}: is not JSON ({error}); expected {SHAPE}") from error
    texts = content.get("translation") if isinstance(content, dict) else None
    if not isinstance(texts, dict):
        raise CorpusError(f"{place}: has no object under 'translation'; expected {SHAPE}")
    for language, text in texts.items():
        if not isinstance(text, str):
            raise CorpusError(f"{place}: the {language!r} text is not a string; expected {SHAPE}")
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise CorpusError(
                f"{place}: the {language!r} text contains a NUL or half a surrogate pair; remove it"
            )
    return texts
