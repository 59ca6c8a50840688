"""Text as every detector reads it: without what has no language, and not in capitals.

Done once, before any detector, and named in the metric's signature as `norm:1`.
"""

import re

VERSION = 1
CAPITALS = 0.6  # of the letters; more is a text in capitals, which is lower-cased

# Anything below contains one of these, so most texts are returned after one search.
TRIGGER = re.compile(
    r"[<>@#{}$`\\\[|_~]|%[a-zA-Z(]|://|www\.|&[a-z#]|\w\.\w\w|/\w+/|\w\(\)|[A-ZÀ-ÖØ-ÞΑ-ΫЀ-ЯԱ-Ֆ]{3}"
)
# Every alternative begins where its run does and is possessive: a line may have 100,000 characters.
MASKED = re.compile(
    r"""
      ```.*?``` | `[^`\n]+`                                    # code
    | (?:\b[a-z]+[ ]){0,2}(?:\b[a-z]+[(\[]?)?<\?>(?:[)\]]|[a-z]*(?:[ ][a-z]+\b){0,2})
    | <\|[^|<>\s]{1,40}\|> | </?[a-zA-Z][^<>]{0,300}>          # special tokens, markup
    | \[/?(?:INST|SYS|PAD|CLS|SEP|MASK|UNK|BOS|EOS)\]          # special tokens
    | (?i:(?:https?|ftp|file)://\S+ | www\.\S+)                   # URLs
    | (?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+                # e-mail addresses
    | (?<![\w.-])(?:[a-zA-Z0-9-]++\.)+(?:com|org|net|io|edu|gov|info|html?|php|pdf|py|txt
        |[a-z]{2}/\S*)\b\S*
    | (?<!\w)[@\#]\w+                                          # names and tags of social media
    | &(?:\#\d+|\#x[0-9a-fA-F]+|[a-zA-Z]{2,8});                # character references
    | \$\{[^{}\n]{0,80}\} | \{\{[^{}\n]{0,80}\}\} | \{[\w.:!, -]{0,80}\} | \$[A-Za-z_]\w*\$?
    | %\d+\$[sdif] | %(?:\(\w+\))?[-+ 0\#]*\d*(?:\.\d+)?[sdifgxrc]\b | %\w+%  # placeholders
    | (?<!\w)(?:[a-zA-Z]:)?(?:[/\\](?=[\w.-]*[a-zA-Z])[\w.-]+){2,}           # paths
    | \b\w+_\w+\b | \b\w+\(\)                                  # identifiers
    """,
    re.VERBOSE | re.DOTALL,
)


def normalise(text: str) -> str:
    """`text` with URLs, addresses, markup, placeholders, code and special tokens masked by spaces,
    lower-cased where most of its letters are capitals.
    """
    if TRIGGER.search(text) is None and not text.isupper():
        return text
    masked = MASKED.sub(lambda match: " " * len(match[0]), text)
    return masked.lower() if is_in_capitals(masked) else masked


def is_in_capitals(text: str) -> bool:
    """Whether most of the letters are capitals; never where most have no case."""
    upper = sum(map(str.isupper, text))
    return upper > 1 and upper > CAPITALS * sum(map(str.isalpha, text))
