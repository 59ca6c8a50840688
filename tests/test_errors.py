"""Texts of unknown origin in messages."""

from hypothesis import given
from hypothesis import strategies as st

from ontarget.errors import visible


@given(st.text())
def test_a_visible_text_is_printable_and_a_printable_text_is_unchanged(text: str) -> None:
    assert visible(text).isprintable()
    assert not text.isprintable() or visible(text) == text
