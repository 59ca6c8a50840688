"""Mixing: quotas against exact shares, and a choice that depends on rows and a seed only."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ontarget.data.mixing import Mixture, copies, quotas, repeated
from ontarget.records import Direction, Sample

EN_IT, IT_EN, EN_NL = Direction("en", "it"), Direction("it", "en"), Direction("en", "nl")
COUNTS = {EN_IT: 1000, EN_NL: 100}
counts_of_directions = st.dictionaries(
    st.sampled_from([EN_IT, IT_EN, EN_NL, Direction("nl", "en")]),
    st.integers(1, 10**6),
    min_size=1,
)


def sample(row: int, direction: Direction) -> Sample:
    source_lang, target_lang = direction
    return Sample(
        key=f"train.tsv:{row}/{direction}",
        source_lang=source_lang,
        asked_lang=target_lang,
        target_lang=target_lang,
        source=f"{source_lang} {row}",
        target=f"{target_lang} {row}",
    )


def mixed(samples: Sequence[Sample], mixture: Mixture, seed: int = 1) -> list[Sample]:
    keys = [one.key for one in samples]
    directions = [Direction(one.source_lang, one.target_lang) for one in samples]
    return list(repeated(samples, copies(keys, directions, mixture, seed).tolist()))


@pytest.mark.parametrize(
    ("mixture", "expected"),
    [
        (Mixture(), (1000, 100)),
        (Mixture(per_direction=300), (300, 100)),
        (Mixture(temperature=2.0), (316, 100)),  # sqrt(1000) to sqrt(100)
        (Mixture(temperature=1e9), (100, 100)),
        (Mixture(total=2200), (2000, 200)),
        (Mixture(total=500, temperature=1e9), (250, 250)),
        (Mixture(per_direction=100, total=400), (200, 200)),
    ],
)
def test_quotas_of_a_thousand_and_a_hundred_samples(
    mixture: Mixture, expected: tuple[int, int]
) -> None:
    assert tuple(quotas(COUNTS, mixture).values()) == expected


@given(counts=counts_of_directions, total=st.integers(1, 10**6))
def test_quotas_have_the_total_as_sum_and_are_within_one_of_the_exact_share(
    counts: dict[Direction, int], total: int
) -> None:
    found = quotas(counts, Mixture(total=total))
    assert sum(found.values()) == total
    everything = sum(counts.values())
    for direction, count in counts.items():
        assert abs(found[direction] - Fraction(total * count, everything)) < Fraction(10001, 10000)


@given(counts=counts_of_directions, temperature=st.floats(1, 100))
def test_without_a_total_nothing_is_repeated_and_the_largest_share_is_used_up(
    counts: dict[Direction, int], temperature: float
) -> None:
    found = quotas(counts, Mixture(temperature=temperature))
    assert all(found[direction] <= count for direction, count in counts.items())
    assert any(found[direction] >= count - 1 for direction, count in counts.items())


def test_both_directions_of_a_pair_get_the_same_rows_and_more_contain_fewer() -> None:
    samples = [sample(row, direction) for row in range(50) for direction in (EN_IT, IT_EN)]
    chosen = {n: mixed(samples, Mixture(per_direction=n)) for n in (5, 20)}
    rows = {
        n: [{one.source for one in part if one.source_lang == code} for code in ("en", "it")]
        for n, part in chosen.items()
    }
    for n, (english, italian) in rows.items():
        assert len(english) == n
        assert {text.split()[1] for text in english} == {text.split()[1] for text in italian}
    assert rows[5][0] < rows[20][0]


def test_the_choice_depends_on_rows_and_seed_and_not_on_order() -> None:
    samples = [sample(row, EN_IT) for row in range(50)]
    some = Mixture(per_direction=10)
    assert set(mixed(samples[::-1], some)) == set(mixed(samples, some))
    assert set(mixed(samples, some, seed=2)) != set(mixed(samples, some))


def test_copies_have_keys_of_their_own_and_differ_by_at_most_one() -> None:
    samples = [sample(row, EN_IT) for row in range(4)]
    drawn = mixed(samples, Mixture(total=10))
    assert len({one.key for one in drawn}) == len(drawn) == 10
    times = Counter(one.source for one in drawn)
    assert sorted(times.values()) == [2, 2, 3, 3]
    assert {"train.tsv:0/en-it", "train.tsv:0~2/en-it"} <= {one.key for one in drawn}


def test_a_mixture_of_everything_is_the_samples_themselves() -> None:
    samples = [sample(row, direction) for row in range(9) for direction in (EN_IT, EN_NL)]
    assert mixed(samples, Mixture()) == samples
    assert mixed([], Mixture()) == []


@pytest.mark.parametrize("wrong", [{"temperature": 0.5}, {"total": 0}, {"per_direction": -1}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Mixture.model_validate(wrong)
