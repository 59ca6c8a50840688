"""Special tokens of a tokenizer: which there are, and texts that contain one.

A tokenizer reads a special token inside a text as a command: end the text, or switch turns in a
chat. Many are named by no attribute such as `eos_token` and only marked as special among the added
tokens, such as Gemma's `<end_of_turn>`.
"""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ontarget.records import Parallel

TOKENIZER, ADDED = "tokenizer.json", '"added_tokens":'


def special_tokens(tokenizer: Any) -> dict[int, str]:
    """All special tokens by id: those with a role (BOS, EOS), and those only marked as special."""
    roles = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
    added = tokenizer.added_tokens_decoder.items()
    return dict(roles) | {index: str(token) for index, token in added if token.special}


def special_tokens_of_folder(folder: Path) -> list[str]:
    """The special tokens that a model folder's tokenizer.json lists, without loading a tokenizer.

    [] without such a file: the check is then made when the model is loaded.
    """
    try:
        text = (folder / TOKENIZER).read_text(encoding="utf-8")
        tokens, _ = json.JSONDecoder().raw_decode(text.split(ADDED, 1)[1].lstrip())
        return [str(token["content"]) for token in tokens if token["special"]]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):  # its loader will say
        return []


def any_of(tokens: Iterable[str]) -> re.Pattern[str] | None:
    """A pattern that finds any of these tokens; None if none could be told from ordinary text."""
    marks = [re.escape(token) for token in tokens if len(token) > 2 and not token.isalnum()]
    return re.compile("|".join(sorted(marks, key=len, reverse=True))) if marks else None


def rows_with_special_tokens(
    tokens: Iterable[str], rows: Sequence[Parallel]
) -> list[tuple[str, str]]:
    """(key, special token) of each row with a text that contains one of `tokens`."""
    pattern = any_of(tokens)
    if pattern is None:
        return []
    matches = (
        (row.key, next(filter(None, map(pattern.search, row.texts.values())), None)) for row in rows
    )
    return [(key, match[0]) for key, match in matches if match]
