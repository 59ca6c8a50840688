"""The shape of records: which columns are languages, source and target, or an instruction."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from ontarget.data.readers.base import Entry
from ontarget.data.readers.shapes.matching import is_tag
from ontarget.errors import CorpusError

SAMPLED = 100  # rows by which the shape of a source is found
SHOWN, LISTED = 40, 12  # characters of a column's name, and names, in messages
STRUCT = "translation"
# Every spelling of a field in one place; letter case, `_` and `-` do not count.
ROLES = {
    "source": "source src sourcetext srctext sourcesentence srcsentence sentence1 original",
    "target": "target tgt trg targettext tgttext trgtext targetsentence tgtsentence sentence2 "
    "translation reference ref mt",
    "source_lang": "sourcelang srclang sourcelanguage srclanguage langsrc sourcecode",
    "target_lang": "targetlang tgtlang trglang targetlanguage tgtlanguage langtgt targetcode",
}
TEXT_ROLES = ("source", "target")
CHATS = ("messages", "conversations")
ORDINARY = frozenset("id no is new run min day sid war mt or to as so he".split())  # words too


class Kind(StrEnum):
    """How a record holds its texts."""

    COLUMNS = "a column a language"
    STRUCT = "an object of languages under 'translation'"
    PAIR = "source and target"
    ALPACA = "instruction, input and output"
    CHAT = "messages"


class Shape(NamedTuple):
    """The shape of a source's records."""

    kind: Kind
    columns: Mapping[str, str]  # tag or role -> column


def find_shape(entry: Entry, sample: Sequence[Mapping[str, Any]], place: str) -> Shape:
    """The shape of records like these.

    Raises:
        CorpusError: they have no text in a known place, or `fields` names what they do not have.
    """
    names = list(dict.fromkeys(name for record in sample for name in record))
    check_fields(entry, names, place)
    if any(isinstance(record.get(STRUCT), Mapping) for record in sample):
        return Shape(Kind.STRUCT, {})
    roles = {role: candidates(role, entry, names) for role in ROLES}
    bilingual = all(roles[role] for role in TEXT_ROLES)
    taken = {name for found in roles.values() for name in found} if bilingual else set()
    languages = language_columns(entry, [n for n in names if n not in taken], sample)
    if len(languages) > 1:
        return Shape(Kind.COLUMNS, languages)
    for name in CHATS:
        if any(isinstance(record.get(name), list) for record in sample):
            return Shape(Kind.CHAT, {"chat": name})
    if {"instruction", "output"} <= set(names):
        return Shape(Kind.ALPACA, {})
    if bilingual:
        return Shape(
            Kind.PAIR, {role: single(role, roles[role], place) for role in roles_of(roles)}
        )
    if languages:
        return Shape(Kind.COLUMNS, languages)
    raise CorpusError(
        f"{place}: no language and no source and target among {listed(names)}; name columns by "
        "tags such as en, it, or add fields: {source: COLUMN, target: COLUMN} and "
        "languages: [en, it]"
    )


def roles_of(found: Mapping[str, Sequence[str]]) -> list[str]:
    """The roles that have a column; those of languages only if both have one."""
    named = all(found[role] for role in ROLES)
    return [role for role in ROLES if named or role in TEXT_ROLES]


def check_fields(entry: Entry, names: Sequence[str], place: str) -> None:
    """Raise CorpusError where `fields` maps something unknown, or to a column that is not there."""
    for name, column in entry.fields.items():
        if name not in ROLES and not is_tag(name):
            raise CorpusError(
                f"{place}: fields: {name!r} is neither {', '.join(ROLES)} nor a language; "
                "give fields: {source: COLUMN}"
            )
        if names and column not in names:
            raise CorpusError(
                f"{place}: fields: no column {column!r} among {listed(names)}; name one of them"
            )


def candidates(role: str, entry: Entry, names: Sequence[str]) -> list[str]:
    """The columns that may have a role; the user's word is the last one."""
    if role in entry.fields:
        return [entry.fields[role]]
    spellings = ROLES[role].split()
    return [name for name in names if plain(name) in spellings]


def plain(name: str) -> str:
    """A name in lower case, without `_` and `-`: `sourcelang` for `sourceLang`."""
    return name.lower().replace("_", "").replace("-", "")


def single(role: str, found: Sequence[str], place: str) -> str:
    """The only column of a role, or CorpusError."""
    if len(found) > 1:
        raise CorpusError(
            f"{place}: {' and '.join(map(repr, found))} may all be the {role}; add "
            f"fields: {{{role}: {found[0]}}}"
        )
    return found[0]


def language_columns(
    entry: Entry, names: Sequence[str], sample: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """The columns of languages by tag; one such as `id` only if its cells have letters."""
    mapped = {tag: column for tag, column in entry.fields.items() if tag not in ROLES}
    others = [n for n in names if n not in mapped.values() and n not in mapped and is_tag(n)]
    found = {n: n for n in others if n not in ORDINARY or has_letters(row.get(n) for row in sample)}
    return mapped | found


def has_letters(values: Iterable[Any]) -> bool:
    """Whether one of these is a text with letters."""
    return any(isinstance(value, str) and any(map(str.isalpha, value)) for value in values)


def repeated_name(names: Iterable[str]) -> str | None:
    """The first of these names that occurs twice; None if none does."""
    return next((name for name, count in Counter(names).items() if count > 1), None)


def listed(names: Sequence[str]) -> str:
    """Names for a message, which quotes no long header in full."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return (", ".join(str(name)[:SHOWN] for name in names[:LISTED]) or "nothing") + more
