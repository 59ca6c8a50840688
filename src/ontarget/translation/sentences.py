"""Long lines in parts of whole sentences, which are joined again.

Ends of sentences are found by punctuation of any script. A wrong end, as after an abbreviation,
does no harm but a smaller context: parts are as long as they may be, and the spaces between them
are kept. pysbd, which knows abbreviations of 22 languages, is not maintained.
"""

import re
from collections.abc import Iterator, Sequence

LONGEST = 400  # characters of a part: about 100 tokens of Latin text, several hundred of others
SENTENCE_END = re.compile(
    r"[.?!\u2026\u061f\u06d4\u0964\u1362]+[\"'\u201d\u2019\u00bb)\]]*\s+"
    r"|[\u3002\uff01\uff1f\uff61]+[\u300d\u300f\u201d\u2019\uff09]*\s*"
)
CLAUSE_END = re.compile(r"[,;:\u060c\u3001\uff0c\uff1b]\s*(?!\d)")
SPACE = re.compile(r"\s+")


def split_long(
    text: str, kept: Sequence[tuple[int, int]] = (), longest: int = LONGEST
) -> list[str]:
    """A text in parts of at most `longest` characters, if it has ends of sentences or spaces.

    The parts together are the text. No part ends inside the spans `kept`; a longer one is a part.
    """
    if len(text) <= longest:
        return [text]
    inside = [place for start, end in kept for place in range(start + 1, end)]
    forbidden = set(inside)
    parts, start = [], 0
    while len(text) - start > longest:
        cut = last_end(text, start, start + longest, forbidden)
        parts.append(text[start:cut])
        start = cut
    return [*parts, text[start:]]


def last_end(text: str, start: int, limit: int, forbidden: set[int]) -> int:
    """The last good place to cut between `start` and `limit`: a sentence, a clause, a word."""
    for pattern in (SENTENCE_END, CLAUSE_END, SPACE):
        ends = [place for place in ends_of(pattern, text, start, limit) if place not in forbidden]
        if ends:
            return ends[-1]
    cut = limit
    while cut in forbidden:
        cut += 1
    return cut


def ends_of(pattern: re.Pattern[str], text: str, start: int, limit: int) -> Iterator[int]:
    """Where matches of a pattern end."""
    for match in pattern.finditer(text, start, limit):
        if start < match.end() < len(text):
            yield match.end()
