"""Rows to samples, and choices that depend on the samples and a seed only."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ontarget.data.sampling import (
    choose,
    choose_places,
    first_of_each_direction,
    samples_of,
)
from ontarget.records import Direction, Parallel, Sample

EN_IT, IT_EN, IT_NL = Direction("en", "it"), Direction("it", "en"), Direction("it", "nl")


def sample(number: int, direction: Direction = EN_IT) -> Sample:
    return Sample(
        key=f"c.tsv:{number}/{direction}", source_lang=direction.source_lang,
        asked_lang=direction.target_lang, target_lang=direction.target_lang, source="s", target="t",
    )  # fmt: skip


SAMPLES = [sample(number) for number in range(20)]


def test_a_row_gives_a_true_sample_in_every_direction_for_which_it_has_both_sides() -> None:
    rows = [
        Parallel(key="c.tsv:2", texts={"en": "hello", "it": "ciao"}),
        Parallel(key="c.tsv:3", texts={"it": "addio", "nl": "dag"}),
    ]
    samples = list(samples_of(rows, [EN_IT, IT_EN, IT_NL]))
    assert [(one.key, one.source, one.target) for one in samples] == [
        ("c.tsv:2/en-it", "hello", "ciao"),
        ("c.tsv:2/it-en", "ciao", "hello"),
        ("c.tsv:3/it-nl", "addio", "dag"),
    ]
    assert not any(one.conflicts for one in samples)


def test_places_are_those_of_the_samples_that_are_chosen() -> None:
    keys = [one.key for one in SAMPLES]
    for by_row in (False, True):
        places = choose_places(iter(keys), 7, 3, by_row=by_row)
        assert [SAMPLES[place] for place in places] == choose(SAMPLES, 7, 3, by_row=by_row)


@given(st.permutations(SAMPLES), st.integers(0, 20), st.integers(0, 3))
def test_a_choice_does_not_depend_on_the_order(
    shuffled: list[Sample], count: int, seed: int
) -> None:
    chosen = choose(SAMPLES, count, seed)
    assert choose(shuffled, count, seed) == chosen
    assert len(chosen) == count == len({one.key for one in chosen})


@given(st.integers(0, 20), st.sets(st.sampled_from(SAMPLES)), st.integers(0, 3))
def test_a_choice_from_fewer_samples_keeps_those_that_are_left(
    count: int, removed: set[Sample], seed: int
) -> None:
    chosen = choose(SAMPLES, count, seed)
    remaining = [one for one in SAMPLES if one not in removed]
    kept = [one for one in chosen if one not in removed]
    assert choose(remaining, count, seed)[: len(kept)] == kept


def test_a_choice_is_random_in_the_seed() -> None:
    counts = Counter(one.key for seed in range(400) for one in choose(SAMPLES, 5, seed))
    # 46 is five standard deviations of a binomial(400, 1/4)
    assert len(counts) == 20 and all(abs(count - 100) < 46 for count in counts.values())


def test_the_first_samples_of_each_direction_keep_their_order() -> None:
    samples = [sample(1), sample(1, IT_EN), sample(2), sample(3), sample(2, IT_EN)]
    assert first_of_each_direction(samples, 2) == [
        sample(1), sample(2), sample(1, IT_EN), sample(2, IT_EN),
    ]  # fmt: skip
    assert first_of_each_direction(samples, 0) == []
