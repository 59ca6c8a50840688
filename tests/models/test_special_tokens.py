"""Special tokens: those of a tokenizer, the same from its folder, and rows that contain one."""

from pathlib import Path

import pytest
from support.chats import FAMILIES, chat_model
from support.models import coder

from ontarget.models.loading import save_model
from ontarget.models.special_tokens import (
    rows_with_special_tokens,
    special_tokens,
    special_tokens_of_folder,
)
from ontarget.records import Parallel


@pytest.mark.parametrize("make", [lambda: chat_model("gemma-3"), lambda: coder("M2M-100")])
def test_a_folder_lists_the_special_tokens_that_its_tokenizer_has(
    make: object, tmp_path: Path
) -> None:
    loaded = make()  # type: ignore[operator]
    save_model(loaded, tmp_path)
    tokens = special_tokens(loaded.tokenizer)
    assert sorted(special_tokens_of_folder(tmp_path)) == sorted(tokens.values())
    assert all(loaded.tokenizer.convert_tokens_to_ids(text) == i for i, text in tokens.items())


def test_a_token_that_only_the_added_tokens_mark_is_special() -> None:
    tokens = special_tokens(chat_model("gemma-3").tokenizer).values()
    assert {"<s>", "</s>", *FAMILIES["gemma-3"].tokens} <= set(tokens)
    assert "Translate" not in tokens


@pytest.mark.parametrize(
    "text", [None, "", "{", '{"added_tokens": 1}', '{"added_tokens": [{"id": 1}]}', "[" * 10**5]
)
def test_a_folder_without_a_readable_tokenizer_json_has_no_list(
    text: str | None, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "tokenizer.json").write_text(text)
    assert special_tokens_of_folder(tmp_path) == []


def test_rows_with_a_special_token_in_any_language_are_found_with_their_key() -> None:
    rows = [
        Parallel(key="a", texts={"en": "fine", "it": "bene <end"}),
        Parallel(key="b", texts={"en": "no", "it": "x<end>x"}),
        Parallel(key="c", texts={"en": "<ends>"}),
        Parallel(key="d", texts={"en": "pad 42 _"}),
    ]
    tokens = ["<end>", "<ends>", "pad", "42", "_"]  # words and marks of one sign are ordinary text
    assert rows_with_special_tokens(tokens, rows) == [("b", "<end>"), ("c", "<ends>")]
    assert rows_with_special_tokens(["pad"], rows) == []
