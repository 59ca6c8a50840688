"""Synthetic pairs: directions that are not trained, made by requests in those that are."""

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.data.directions import around_pivot
from ontarget.data.synthetic import draw_synthetic_pairs, gives_pairs
from ontarget.records import Direction, Sample

LANGUAGES = ("en", "it", "nl", "ro")
EVERY = [Direction(a, b) for a, b in permutations(LANGUAGES, 2)]


def samples_of(directions: list[Direction], rows: int = 6) -> list[Sample]:
    """Rows whose text in each language names the row and the language."""
    return [
        Sample(
            key=f"a.tsv:{row}/{a}-{b}", source_lang=a, asked_lang=b, target_lang=b,
            source=f"{a} {row}", target=f"{b} {row}",
        )
        for row in range(rows)
        for a, b in directions
    ]  # fmt: skip


@given(st.sets(st.sampled_from(EVERY), min_size=1), st.integers(0, 9))
def test_the_request_is_trained_the_pair_is_not_and_both_are_of_one_row(
    supervised: set[Direction], seed: int
) -> None:
    directions = sorted(supervised)
    for pair in draw_synthetic_pairs(samples_of(directions), directions, seed):
        sample, request = pair.sample, pair.request
        assert (sample.source_lang, sample.target_lang) not in supervised
        assert (request.source_lang, request.target_lang) in supervised
        assert len({sample.source_lang, sample.target_lang, request.source_lang}) == 3
        assert sample.target_lang == sample.asked_lang == request.target_lang
        (language, row), (other, same) = sample.source.split(), request.source.split()
        assert (language, other, row) == (sample.source_lang, request.source_lang, same)
        assert sample.key == f"a.tsv:{row}/{sample.source_lang}-{sample.target_lang}"
        assert sample.target == ""


@given(st.sets(st.sampled_from(EVERY), min_size=1))
def test_there_are_pairs_exactly_where_one_side_is_trained_into_a_third_language(
    supervised: set[Direction],
) -> None:
    """By all triples of languages."""
    possible = any(
        (pivot, target) in supervised
        and (source, target) not in supervised
        and ((source, pivot) in supervised or (pivot, source) in supervised)
        for source, pivot, target in permutations(LANGUAGES, 3)
    )
    assert gives_pairs(supervised) == possible
    drawn = list(draw_synthetic_pairs(samples_of(sorted(supervised)), supervised, 1))
    assert bool(drawn) == possible


def test_no_pair_is_made_twice_though_a_row_is_trained_both_ways() -> None:
    supervised = around_pivot(LANGUAGES)
    drawn = [pair.sample for pair in draw_synthetic_pairs(samples_of([*supervised]), supervised, 1)]
    assert len({(s.source, s.target_lang) for s in drawn}) == len(drawn)


def test_every_zero_shot_direction_gets_about_as_many_pairs() -> None:
    supervised = around_pivot(LANGUAGES)
    samples = samples_of([d for d in supervised if d.source_lang == "en"], rows=2000)
    drawn = draw_synthetic_pairs(samples, supervised, 1)
    counts = Counter((p.sample.source_lang, p.sample.target_lang) for p in drawn)
    assert set(counts) == set(EVERY) - set(supervised)
    assert sum(counts.values()) == 6000
    assert all(900 < count < 1100 for count in counts.values())


def test_a_pair_depends_on_the_seed_and_on_its_own_sample_only() -> None:
    supervised = around_pivot(LANGUAGES)
    samples = samples_of([d for d in supervised if d.source_lang == "en"], rows=40)
    drawn = list(draw_synthetic_pairs(samples, supervised, 1))
    assert list(draw_synthetic_pairs(samples[::-1], supervised, 1)) == drawn[::-1]
    assert list(draw_synthetic_pairs(samples, supervised, 2)) != drawn


@pytest.mark.parametrize("directions", [[("en", "it"), ("it", "en")], [("en", "it")]])
def test_two_languages_give_no_pair(directions: list[tuple[str, str]]) -> None:
    assert not gives_pairs([Direction(*one) for one in directions])
