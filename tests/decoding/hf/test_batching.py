"""Batches by number and by tokens: none too large, none split without need, and no prompt lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.models import prompt_of

from ontarget.decoding.base import Search
from ontarget.decoding.hf.batching import batches
from ontarget.errors import ModelError

LENGTHS = st.lists(st.integers(1, 20), max_size=30)


def padded(lengths: list[int], search: Search) -> int:
    """Positions that a batch of prompts of these lengths has at its end."""
    return len(lengths) * search.beams * (max(lengths) + search.max_new_tokens)


def search_of(budget: int | None, batch: int = 8, beams: int = 1) -> Search:
    return Search(beams=beams, max_new_tokens=5, batch=batch, batch_tokens=budget)


@given(LENGTHS, st.integers(1, 6), st.integers(1, 3), st.integers(75, 300))
def test_batches_are_sorted_and_as_large_as_both_limits_allow(
    lengths: list[int], batch: int, beams: int, budget: int
) -> None:
    search = search_of(budget, batch, beams)
    made = list(batches([prompt_of(*range(n)) for n in lengths], search))
    order = [index for indices in made for index in indices]
    assert sorted(order) == list(range(len(lengths)))
    assert [lengths[i] for i in order] == sorted(lengths, reverse=True)
    for number, indices in enumerate(made):
        sizes = [lengths[index] for index in indices]
        assert len(sizes) <= batch and padded(sizes, search) <= budget
        if number + 1 < len(made):
            more = [*sizes, lengths[made[number + 1][0]]]
            assert len(more) > batch or padded(more, search) > budget


@given(LENGTHS, st.integers(0, 5))
def test_without_the_first_batches_the_same_ones_follow(lengths: list[int], done: int) -> None:
    prompts = [prompt_of(*range(n)) for n in lengths]
    made = list(batches(prompts, search_of(60)))
    finished = {index for indices in made[:done] for index in indices}
    left = [index for index in range(len(prompts)) if index not in finished]
    rest = batches([prompts[index] for index in left], search_of(60))
    assert [[left[index] for index in indices] for indices in rest] == made[done:]


def test_a_prompt_beyond_the_budget_is_an_error() -> None:
    with pytest.raises(ModelError) as raised:
        list(batches([prompt_of(*range(9))], search_of(27, beams=2)))
    assert str(raised.value) == (
        "batch_tokens: the longest prompt (9 tokens) and max_new_tokens 5 make 28 tokens with 2 "
        "beams, more than 27; raise batch_tokens"
    )
