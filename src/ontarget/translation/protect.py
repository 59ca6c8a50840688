"""What a translation must keep: placeholders, tags, URLs, and the markup of a format.

Models read these pieces as they are, since words such as <b> and {name} are in what they were
trained on; made-up marks are not. Afterwards the pieces of the translation must be those of the
source. Where they are not, the text between them is translated by itself, so none can be lost.
"""

import re
from collections import Counter
from dataclasses import dataclass

GENERAL = re.compile(
    r"https?://[^\s<>\"'\])]*[^\s<>\"'\]).,;:!?]"  # URLs
    r"|(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)+"  # addresses
    r"|</?[A-Za-z][^<>]{0,1000}>"  # tags
    r"|\$?\{\{?[^{}\n]{0,80}\}?\}"  # {name}, {{name}}, ${name}, {}
    r"|%(?:\(\w{1,80}\)|\d{1,9}\$)?[-+#0]{0,5}\d{0,9}(?:\.\d{1,9})?(?:hh|ll|[hlLqjzt])?"
    r"[diouxXeEfFgGcrsa@](?![A-Za-z])"
    r"|&(?:#\d+|#x[0-9A-Fa-f]+|[A-Za-z]\w*);"  # character references
)
NAMED = re.compile(r"[`h\w{$]|%\(|%\d+\$")  # begins a piece that may stand anywhere in the text


@dataclass(frozen=True, slots=True)
class Pieces:
    """What is kept of a text: the markup of its format, and placeholders."""

    markup: re.Pattern[str]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each piece, in order."""
        found, place = [], 0
        patterns = (self.markup, GENERAL)
        coming = [pattern.search(text) for pattern in patterns]
        while any(coming):
            first = min((match for match in coming if match), key=lambda match: match.start())
            if first.end() > first.start():
                found.append(first.span())
            place = max(first.end(), first.start() + 1)
            # A match ahead stays valid, so no text is searched once for each piece before it.
            coming = [
                pattern.search(text, place) if match and match.start() < place else match
                for pattern, match in zip(patterns, coming, strict=True)
            ]
        return found

    def found(self, text: str) -> list[str]:
        """The pieces, in order."""
        return [text[start:end] for start, end in self.spans(text)]

    def are_kept(self, source: str, translation: str) -> bool:
        """Whether a translation has the same pieces; those without a name in the same order."""
        before, after = self.found(source), self.found(translation)
        fixed = [
            [piece for piece in pieces if not NAMED.match(piece)] for pieces in (before, after)
        ]
        return Counter(before) == Counter(after) and fixed[0] == fixed[1]

    def leave_words(self, text: str) -> bool:
        """Whether there is anything to translate beside the pieces."""
        return any(has_words(run) for run in self.split(text)[::2])

    def split(self, text: str) -> list[str]:
        """Text and pieces by turns, beginning and ending with text; together the whole."""
        runs, place = [], 0
        for start, end in self.spans(text):
            runs += [text[place:start], text[start:end]]
            place = end
        return [*runs, text[place:]]


def has_words(text: str) -> bool:
    """Whether there is anything to translate: a letter."""
    return any(char.isalpha() for char in text)
