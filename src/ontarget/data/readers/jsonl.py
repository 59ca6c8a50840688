"""JSON lines and JSON documents of records, in the shapes that people have."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ontarget.data.readers import lines
from ontarget.data.readers.base import Reader, Record, Row, Source
from ontarget.data.readers.lines import create_text, read_chunks, read_lines
from ontarget.data.readers.shapes.records import read_records, tags_of_objects
from ontarget.errors import CorpusError
from ontarget.records import Parallel

UNENDED = "the list does not end; write or fetch the file again"
SHAPE = '{"translation": {"en": "...", "it": "..."}}'

LONGEST_SIGN = 400  # characters of a number or a word that is cut; a longer one is none
SIGN = re.compile(r"\S")

Objects = Iterator[tuple[int, dict[str, Any]]]  # (line number, object)


def unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; ValueError for a repeated key, of which `json` would keep the last."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {max(names, key=names.count)!r} occurs twice")
    return content


DECODER = json.JSONDecoder(object_pairs_hook=unique_keys)


def read_objects(path: Path) -> Objects:
    """One object a line; empty lines at the end are ignored.

    Raises:
        CorpusError: a line is no JSON object, or empty among others.
    """
    blank = 0
    for number, line in read_lines(path):
        if not line.strip():
            blank = blank or number
            continue
        if blank:
            raise CorpusError(f"{path}:{blank}: an empty line among JSON lines; remove it")
        try:
            content = DECODER.decode(line)
        except (ValueError, RecursionError) as error:
            raise CorpusError(
                f"{path}:{number}: is not JSON ({error}); expected one object a line"
            ) from error
        yield number, as_object(content, path, number)


def as_object(content: Any, path: Path, number: int) -> dict[str, Any]:
    """A JSON value that is an object, or CorpusError."""
    if not isinstance(content, dict):
        raise CorpusError(
            f"{path}:{number}: is JSON, but no object; expected one such as "
            f'{{"hypothesis": "...", "reference": "..."}} or {SHAPE}'
        )
    return content


class JsonText:
    """The text of a JSON document as far as it is needed, with the place in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.chunks = read_chunks(path)
        self.text, self.at = "", 0
        self.number = 1  # of the line at `at`

    def extend(self, size: int) -> bool:
        """Keep what is not read, and read on until it has `size` characters; False at the end."""
        parts, length = [self.text[self.at :]], len(self.text) - self.at
        while length < size:
            chunk = next(self.chunks, "")
            if not chunk:
                break
            parts.append(chunk)
            length += len(chunk)
        grown = length > len(parts[0])
        self.text, self.at = "".join(parts), 0
        return grown

    def skip_to(self, end: int) -> None:
        """Go on to a place in the text."""
        self.number += self.text.count("\n", self.at, end)
        self.at = end

    def peek(self) -> str:
        """The next character that is no white space, "" at the end."""
        while True:
            found = SIGN.search(self.text, self.at)
            self.skip_to(found.start() if found else len(self.text))
            if found:
                return found[0]
            if not self.extend(1):
                return ""

    def value(self) -> Any:
        """The next value, of at most `lines.LONGEST` characters."""
        while True:
            try:
                content, end = DECODER.raw_decode(self.text, self.at)
            except (ValueError, RecursionError) as error:
                at_hand = len(self.text) - self.at
                if at_hand < lines.LONGEST and self.extend(2 * at_hand):
                    continue
                if at_hand >= lines.LONGEST and is_cut(error, len(self.text)):
                    raise CorpusError(
                        f"{self.path}:{self.number}: the value that begins here is longer than "
                        f"{lines.LONGEST} characters; expected one sentence an object"
                    ) from error
                message = getattr(error, "msg", None) or str(error)
                raise CorpusError(
                    f"{self.path}:{self.number}: is not JSON in the value that begins here "
                    f"({message}); expected a list of objects such as {SHAPE}"
                ) from error
            self.skip_to(end)
            return content


def is_cut(error: Exception, length: int) -> bool:
    """Whether JSON of this length is only not complete, as far as the decoder could read it."""
    return isinstance(error, json.JSONDecodeError) and (
        error.msg.startswith("Unterminated string") or error.pos >= length - LONGEST_SIGN
    )


def read_document(path: Path) -> Objects:
    """The objects of a JSON list, or of JSON lines that are named .json.

    Raises:
        CorpusError: the document is no list of objects, or damaged.
    """
    document = JsonText(path)
    is_list = document.peek() == "["
    if is_list:
        document.skip_to(document.at + 1)
    while (sign := document.peek()) and sign != "]":
        number = document.number
        yield number, as_object(document.value(), path, number)
        if is_list and document.peek() != "]":
            pass_comma(document)
    if is_list and sign:
        document.skip_to(document.at + 1)
        sign = document.peek()
    elif is_list:
        raise CorpusError(f"{path}:{document.number}: {UNENDED}")
    if sign:
        raise CorpusError(f"{path}:{document.number}: {sign!r} after the end; remove what follows")


def pass_comma(document: JsonText) -> None:
    """Go on behind a comma and to another value; CorpusError where there is none."""
    sign = document.peek()
    if sign == ",":
        document.skip_to(document.at + 1)
        sign = document.peek()
        if sign not in ("", "]"):
            return
    fault = f"{sign!r}, expected a comma and an object" if sign else UNENDED
    raise CorpusError(f"{document.path}:{document.number}: {fault}")


def records(read: Callable[[Path], Objects], source: Source) -> Iterator[Record]:
    """The objects of a file; the second one that begins in a line has the key `a.json:1.2`."""
    (path,) = source.paths
    last, in_line = 0, 0
    for number, content in read(path):
        last, in_line = number, in_line + 1 if number == last else 1
        place = f"{number}.{in_line}" if in_line > 1 else f"{number}"
        yield f"{path}:{number}", f"{source.name}:{place}", content


def write_jsonl(path: Path, languages: Sequence[str], rows: Iterable[Parallel]) -> int:
    """Write a translation a line."""
    count = 0
    with create_text(path) as out:
        for row in rows:
            count += 1
            out.write(as_json(row, languages) + "\n")
    return count


def write_json(path: Path, languages: Sequence[str], rows: Iterable[Parallel]) -> int:
    """Write a list of translations, one a line."""
    count = 0
    with create_text(path) as out:
        for row in rows:
            count += 1
            out.write(("[\n" if count == 1 else ",\n") + as_json(row, languages))
        out.write("\n]\n" if count else "[]\n")
    return count


def as_json(row: Parallel, languages: Sequence[str]) -> str:
    """A row as a translation."""
    texts = {language: row.texts[language] for language in languages if language in row.texts}
    return json.dumps({"translation": texts}, ensure_ascii=False)


def json_reader(
    name: str,
    endings: tuple[str, ...],
    objects: Callable[[Path], Objects],
    write: Callable[[Path, Sequence[str], Iterable[Parallel]], int],
) -> Reader:
    """The reader of a kind of JSON file."""
    own = partial(records, objects)

    def tags(source: Source) -> list[str]:
        return tags_of_objects(source, own)

    def read(source: Source, wanted: Collection[str]) -> Iterator[Row]:
        return read_records(source, own, wanted)

    return Reader(
        name=name, endings=endings, tags=tags, read=read, write=write, records=own, keys=("fields",)
    )


READERS = (
    json_reader("jsonl", (".jsonl", ".ndjson"), read_objects, write_jsonl),
    json_reader("json", (".json",), read_document, write_json),
)
