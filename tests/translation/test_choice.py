"""How many segments a chosen model decodes at once."""

import pytest

from ontarget.decoding.hf.batching import rows_of
from ontarget.translation.choice import Decoding


def test_without_a_number_a_budget_of_tokens_fills_a_batch() -> None:
    """16,384 tokens are 64 rows of 56 prompt tokens and 200 new ones, and 16 of four times that."""
    search = Decoding().search(max_new_tokens=200)
    assert [rows_of(longest, search) for longest in (56, 824)] == [64, 16]


@pytest.mark.parametrize(("beams", "segments"), [(1, 64), (4, 16), (64, 1)])
def test_each_beam_counts(beams: int, segments: int) -> None:
    search = Decoding(beams=beams).search(max_new_tokens=200)
    assert rows_of(56, search) == segments


def test_short_segments_are_at_most_256() -> None:
    assert rows_of(1, Decoding().search(max_new_tokens=8)) == 256


def test_the_budget_holds_a_segment_whatever_max_new_tokens_is() -> None:
    assert rows_of(100, Decoding().search(max_new_tokens=100_000)) == 1


def test_a_number_is_taken_as_it_is() -> None:
    assert rows_of(10_000, Decoding(batch=7).search(max_new_tokens=10_000)) == 7
