"""Directions: around a pivot, the remaining ones, and how a recipe writes them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.data.directions import (
    around_pivot,
    parse_directions,
    remaining_directions,
    undirected,
)
from ontarget.records import Direction

languages = st.lists(st.sampled_from("en it nl ro de fr".split()), min_size=2, unique=True)


@given(languages)
def test_supervised_and_zero_shot_together_are_every_direction_once(codes: list[str]) -> None:
    supervised = around_pivot(codes)
    zero_shot = remaining_directions(codes, supervised)
    directions = [*supervised, *zero_shot]
    assert len(directions) == len(set(directions)) == len(codes) * (len(codes) - 1)
    assert all(codes[0] in direction for direction in supervised)
    assert not any(codes[0] in direction for direction in zero_shot)


@given(languages)
def test_a_direction_is_parsed_as_it_is_written(codes: list[str]) -> None:
    directions = remaining_directions(codes, ())
    assert parse_directions(list(map(str, directions)), codes) == directions


@given(languages, st.randoms(use_true_random=False))
def test_each_pair_of_languages_is_taken_once_in_the_direction_that_comes_first(
    codes: list[str], rng: random.Random
) -> None:
    directions = list(around_pivot(codes))
    rng.shuffle(directions)
    pairs = undirected(directions)
    assert {frozenset(pair) for pair in pairs} == {frozenset(one) for one in directions}
    assert len(pairs) == len(codes) - 1
    assert list(pairs) == [
        one for place, one in enumerate(directions)
        if frozenset(one) not in map(frozenset, directions[:place])
    ]  # fmt: skip


def test_an_arrow_means_both_ways() -> None:
    assert parse_directions(["en<->it"], ["en", "it"]) == (
        Direction("en", "it"),
        Direction("it", "en"),
    )


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["en-fr"], "'en-fr' is no direction between the languages en, it, nl; write en-nl, or"),
        (["en-en"], "'en-en' is no direction"),
        (["en<->it", "it-en"], "it-en is listed twice; list it once"),
    ],
)
def test_an_impossible_direction_is_an_error_that_quotes_it(texts: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_directions(texts, ["en", "it", "nl"])
