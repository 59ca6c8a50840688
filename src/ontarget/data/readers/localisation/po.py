"""gettext catalogues: `msgid` is the source text, `msgstr` the target text.

The source language is the first of the entry's `languages`, else that of the header
`X-Source-Language`, else `en`. The target language is that of the header `Language`, else the
second of the entry's. Fuzzy entries have no target text. Obsolete entries (`#~`) are comments, and
contexts (`msgctxt`) are not part of the text.

An entry with plural forms yields the plural with the last form. It also yields the singular with
the first form if there are exactly two forms: elsewhere the first form may be that of 0, or of all
numbers.

polib is not used: it accepts broken quotes and drops characters there, and it opens a file if the
content happens to be the path of one.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ontarget
from ontarget.data.readers.base import Reader, Row, Source
from ontarget.data.readers.lines import LONGEST, create_text, read_lines
from ontarget.data.readers.localisation.xml import two_languages
from ontarget.errors import CorpusError
from ontarget.records import Parallel

KEYWORD = re.compile(r"(msgctxt|msgid_plural|msgid|msgstr(?:\[\d{1,2}\])?)[ \t]*(.*)")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
ESCAPED = {
    "n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "a": "\a", "b": "\b", "f": "\f",
    "v": "\v",
}  # fmt: skip
ESCAPES = {ord(char): f"\\{letter}" for letter, char in ESCAPED.items()}
FIRST = ("msgctxt", "msgid")
AFTER = {"": FIRST, "msgctxt": ("msgid",), "msgid": ("msgid_plural", "msgstr")}
SCRIPTS = {"latin": "Latn", "cyrillic": "Cyrl", "arabic": "Arab", "devanagari": "Deva"}


@dataclass(slots=True)
class Message:
    """One entry of a catalogue."""

    strings: dict[str, list[str]] = field(default_factory=dict)  # by keyword, in order
    lines: dict[str, int] = field(default_factory=dict)  # of the keywords
    fuzzy: bool = False
    size: int = 0  # characters and strings

    def last(self) -> str:
        """The last keyword so far."""
        return next(reversed(self.strings), "")

    def text(self, keyword: str) -> str:
        """The text of a keyword."""
        return "".join(self.strings.get(keyword, ()))

    def is_header(self) -> bool:
        """Whether it describes the catalogue."""
        return not self.text("msgid") and "msgctxt" not in self.strings


def read(source: Source, wanted: Collection[str]) -> Iterator[Row]:
    """(key, texts of `wanted`) of each entry that is not obsolete.

    Raises:
        CorpusError: a line is no part of a catalogue, or the target language is unknown.
    """
    (path,) = source.paths
    source_lang, target_lang = tags(source)
    for number, message in enumerate(messages(path)):
        if message.is_header():
            if number:
                raise CorpusError(
                    f"{path}:{message.lines['msgid']}: an empty msgid, which only the header at "
                    "the start has; remove the entry"
                )
            continue
        for line, text, translation in pairs(message):
            texts = {source_lang: text} | ({} if message.fuzzy else {target_lang: translation})
            yield f"{source.name}:{line}", {t: each for t, each in texts.items() if t in wanted}


def tags(source: Source) -> list[str]:
    """Source and target language."""
    (path,) = source.paths
    first = next(messages(path), None)
    header = header_fields(first, path) if first and first.is_header() else {}
    named = source.entry.languages
    source_lang = named[0] if named else language_tag(header.get("x-source-language", "en"))
    target_lang = language_tag(header.get("language", "")) or (named[1] if named[1:] else "")
    if not target_lang or source_lang == target_lang:
        fault = f"is {target_lang!r} like the source" if target_lang else "is not in the header"
        raise CorpusError(
            f"{path}: the target language {fault}; add `languages: [en, it]` to the corpus in the "
            'recipe, or correct the line "Language: it\\n" of the header'
        )
    return [source_lang, target_lang]


def header_fields(header: Message, path: Path) -> dict[str, str]:
    """The values of the header by name in lower case.

    Raises:
        CorpusError: the catalogue is not in UTF-8.
    """
    names = (line.partition(":") for line in header.text("msgstr").split("\n"))
    fields = {name.strip().lower(): value.strip() for name, _, value in names}
    charset = re.search(r"charset=([\w.:-]+)", fields.get("content-type", ""))
    if charset and charset[1].upper() not in ("UTF-8", "UTF8", "ASCII", "US-ASCII", "CHARSET"):
        raise CorpusError(
            f"{path}: the header names the encoding {charset[1][:40]}; convert the file with "
            "`msgconv --to-code=UTF-8`"
        )
    return fields


def language_tag(name: str) -> str:
    """gettext's name of a language as a tag: `sr_Latn` for `sr@latin`."""
    language, _, modifier = name.partition("@")
    return f"{language}_{SCRIPTS[modifier]}" if modifier in SCRIPTS else name


def pairs(message: Message) -> Iterator[tuple[int, str, str]]:
    """(line, source text, target text) of an entry; two for some with plural forms."""
    text, lines = message.text, message.lines
    if "msgid_plural" not in lines:
        yield lines["msgid"], text("msgid"), text("msgstr")
        return
    forms = [keyword for keyword in lines if keyword.startswith("msgstr")]
    if len(forms) == 2:
        yield lines["msgid"], text("msgid"), text(forms[0])
    yield lines["msgid_plural"], text("msgid_plural"), text(forms[-1])


def messages(path: Path) -> Iterator[Message]:
    """The entries of a catalogue, with its header.

    Raises:
        CorpusError: a line is no part of a catalogue.
    """
    message = Message()
    number = 0
    for number, line in read_lines(path):
        text = line.strip()
        keyword = KEYWORD.fullmatch(text)
        begins = text.startswith("#") or (keyword and keyword[1] in FIRST)
        if begins and message.last().startswith("msgstr"):
            yield message
            message = Message()
        if text.startswith("#,"):
            message.fuzzy |= "fuzzy" in re.split(r"[,\s]+", text[2:])
        elif text and not text.startswith("#"):
            add_line(message, keyword, text, path, number)
    if message.last().startswith("msgstr"):
        yield message
    elif message.strings:
        raise CorpusError(f"{path}:{number}: ends in an entry without msgstr; fetch it again")


def add_line(
    message: Message, keyword: re.Match[str] | None, text: str, path: Path, number: int
) -> None:
    """Add a keyword with its string, or a further string of the last keyword."""
    last = message.last()
    name, quoted = keyword.groups() if keyword else (last, text)
    if keyword:
        form = re.fullmatch(r"msgstr\[(\d+)\]", last)
        following = (f"msgstr[{int(form[1]) + 1}]",) if form else AFTER.get(last, FIRST)
        following = ("msgstr[0]",) if last == "msgid_plural" else following
        if name not in following:
            raise CorpusError(
                f"{path}:{number}: {name} where {' or '.join(following)} is expected; correct the "
                "entry"
            )
        message.strings[name], message.lines[name] = [], number
    if not name:
        raise CorpusError(
            f"{path}:{number}: {text[:40]!r} is no line of a gettext catalogue; remove it, or give "
            "the file's `format`"
        )
    content = unquote(quoted, path, number)
    message.strings[name].append(content)
    message.size += 1 + len(content)
    if message.size > LONGEST:
        raise CorpusError(f"{path}:{number}: the text is too long for a sentence; remove the entry")


def unquote(quoted: str, path: Path, number: int) -> str:
    """The text of a string in double quotes."""
    content = STRING.fullmatch(quoted)
    if content is None:
        raise CorpusError(
            f"{path}:{number}: {quoted[:40]!r} is not one string in double quotes; correct it"
        )

    def unescape(match: re.Match[str]) -> str:
        """The character of an escape."""
        if match[1] not in ESCAPED:
            raise CorpusError(
                f"{path}:{number}: the escape {match[0]!r} is none of gettext's \\n \\t \\\" \\\\; "
                "correct it"
            )
        return ESCAPED[match[1]]

    return re.sub(r"\\(.)", unescape, content[1])


def write(path: Path, languages: Sequence[str], rows: Iterable[Parallel]) -> int:
    """An entry a row that has a source text, with its key as context; returns how many.

    Raises:
        CorpusError: there are not two languages.
    """
    source, target = two_languages(path, languages)
    header = {
        "Project-Id-Version": f"ontarget {ontarget.__version__}",
        "Language": target.replace("-", "_"),
        "X-Source-Language": source,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
    }
    count = 0
    with create_text(path) as out:
        fields = "".join(f'"{name}: {value}\\n"\n' for name, value in header.items())
        out.write(f'msgid ""\nmsgstr ""\n{fields}')
        for row in rows:
            if source in row.texts:
                count += 1
                context, text, translation = (
                    each.translate(ESCAPES)
                    # equal source texts are different entries only in different contexts
                    for each in (row.key, row.texts[source], row.texts.get(target, ""))
                )
                out.write(f'\nmsgctxt "{context}"\nmsgid "{text}"\nmsgstr "{translation}"\n')
    return count


READER = Reader(name="po", endings=(".po",), tags=tags, read=read, write=write)
