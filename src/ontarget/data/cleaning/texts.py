"""What the rules of cleaning look at in one text or in two: equations, without files."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import blake2b

# Characters that no sentence has: controls but tab and line ends, half surrogate pairs, private
# use, the replacement character that a wrong decoding leaves, and controls of direction that
# override the order of letters.
UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ue000-\uf8ff\ufffd\ufffe\uffff"
    "\u202d\u202e]"
)
NO_WORD = re.compile(r"[\W_]+")
SIGNIFICANT = re.compile(r"[^\W_]")
ASCII_SIGNS = bytes(code for code in range(128) if not chr(code).isalnum())
MARKUP = ("<", "{", "%", "$", "@", "://")  # whatever the next patterns match has one of these
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:_-]{0,40})(?:\s[^<>]{0,300})?/?>")
PLACEHOLDER = re.compile(
    r"%(?:\d+\$|\(\w{1,40}\))?[-+0#]?\d*(?:\.\d+)?l?[sdifgxu](?![a-zA-Z0-9])"
    r"|\{\{[^{}\n]{0,80}\}\}|\$?\{[\w.:-]{0,80}\}|\$[A-Z][A-Z_]{2,40}\$?|%[A-Z][A-Z_]{2,40}%?"
)
URL = re.compile(
    r"(?i:https?|ftp)://[^\s<>\"'“”«»「」()（）,，、。]{1,300}|[a-zA-Z0-9_.+-]{1,64}@[a-zA-Z0-9-]{1,64}(?:\.[a-zA-Z0-9-]{1,64})+"
)
NUMBER = re.compile(r"\d+(?:[.,٫٬’'\u00a0\u202f ]\d+)*")
SEPARATORS = re.compile(r"\D")
DIGITS = 3  # shorter numbers are often written as words
LARGE = re.compile(r"\d\D?\d\D?\d")  # in a text that has a number of so many digits
CJK_UNITS = re.compile("[十百千万萬亿億兆]")  # 1850万 is 18,500,000

Finder = Callable[[str], Iterable[str]]


def is_empty(text: str) -> bool:
    """Whether a text has neither letters nor digits."""
    return SIGNIFICANT.search(text) is None


def unwanted(text: str) -> str:
    """The first character that no sentence has, "" for none."""
    if text.isprintable() and "\ufffd" not in text:  # most texts, without a search
        return ""
    found = UNWANTED.search(text)
    return found[0] if found else ""


def composed(text: str) -> str:
    """The text in Unicode's NFC."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def reduced(text: str) -> str:
    """What of a text tells it from others: letters and digits, without case."""
    if text.isascii():  # the same, in a tenth of the time
        return text.lower().encode().translate(None, ASCII_SIGNS).decode() or text.strip()
    return NO_WORD.sub("", text.casefold()) or text.strip()


def fingerprint(*texts: str) -> int:
    """A hash of texts, of 64 bits: among ten million, two collide in three cases of a million."""
    return int.from_bytes(blake2b("\0".join(texts).encode(), digest_size=8).digest(), "little")


def tags(text: str) -> list[str]:
    """Names of markup elements, opened and closed."""
    return [f"{slash}{name.lower()}" for slash, name in TAG.findall(text)]


def placeholders(text: str) -> list[str]:
    """Placeholders of format strings and templates."""
    return PLACEHOLDER.findall(text)


def urls(text: str) -> set[str]:
    """Domains of URLs, and e-mail addresses. The rest of a URL may differ by language."""
    return {domain(url.lower().rstrip(".;:!?/")) for url in URL.findall(text)}


def domain(url: str) -> str:
    """`wikipedia.org` of `https://en.wikipedia.org/wiki`; an e-mail address as it is."""
    _, scheme, rest = url.partition("://")
    return ".".join(re.split("[/?#:]", rest)[0].split(".")[-2:]) if scheme else url


def numbers(text: str) -> set[str]:
    """Numbers by their digits alone, in Western digits: `1000` of `1,000` and `1.000`."""
    decimal = "".join(
        str(unicodedata.decimal(c)) if c.isdecimal() and not c.isascii() else c for c in text
    )
    return {SEPARATORS.sub("", number).lstrip("0") for number in NUMBER.findall(decimal)}


def numbers_disagree(source: str, target: str) -> bool:
    """Whether two numbers or more of one side are all missing in the other.

    Digits are looked for within all digits of the other side: languages group and split them
    differently. Numbers of fewer than three digits do not count, and none does where the other side
    has a sign for ten thousand or the like.
    """
    return _missing(source, target) or _missing(target, source)


def _missing(text: str, other: str) -> bool:
    if LARGE.search(text) is None:
        return False
    large = [number for number in numbers(text) if len(number) >= DIGITS]
    if len(large) < 2 or CJK_UNITS.search(other):
        return False
    there = " ".join(numbers(other))
    return not any(number in there for number in large)


def has_markup(text: str) -> bool:
    """Whether a text may have placeholders, tags or URLs: most have none, and this is cheap."""
    return any(sign in text for sign in MARKUP)


def difference(source: str, target: str, found: Finder) -> str:
    """What one text has more often than the other, "" if nothing: `+` what the target has more."""
    one, other = Counter(found(source)), Counter(found(target))
    missing, added = one - other, other - one
    return " ".join([*(f"-{item}" for item in missing), *(f"+{item}" for item in added)])
