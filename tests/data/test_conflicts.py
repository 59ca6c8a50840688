"""Laws of the conflict draws: what changes, what never does, and what a draw depends on."""

from collections import Counter
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.data.conflicts import any_other_instruction, count_asking_right_language, wrong_target
from ontarget.records import Direction, Sample

LANGUAGES = ["cs", "de", "en", "fr", "it", "ja", "nl", "ro", "ru"]
SAMPLE = Sample(
    key="train.tsv:42/it-nl",
    source_lang="it",
    asked_lang="nl",
    target_lang="nl",
    source="Ciao.",
    target="Hallo.",
)
IWSLT4 = Counter(
    Direction(*pair.split("-")) for pair in "en-it it-en en-nl nl-en en-ro ro-en".split()
)

languages = st.lists(st.sampled_from(LANGUAGES), min_size=2, unique=True)
seeds = st.integers(0, 2**32)


@given(languages, seeds, st.text(min_size=1))
def test_asks_for_a_wrong_language_and_changes_nothing_else(
    spoken: list[str], seed: int, key: str
) -> None:
    source, target, *_ = spoken
    sample = replace(SAMPLE, key=key, source_lang=source, asked_lang=target, target_lang=target)
    drawn = wrong_target(sample, spoken, seed)
    assert drawn.conflicts
    assert drawn.asked_lang in set(spoken) - {target}
    assert asdict(drawn) | {"asked_lang": target} == asdict(sample)


@given(seeds, st.permutations(LANGUAGES))
def test_order_and_repetition_of_languages_do_not_matter(seed: int, shuffled: list[str]) -> None:
    assert wrong_target(SAMPLE, shuffled * 2, seed) == wrong_target(SAMPLE, LANGUAGES, seed)


@given(seeds, st.permutations(range(30)))
def test_the_order_of_the_data_does_not_matter(seed: int, order: list[int]) -> None:
    samples = [replace(SAMPLE, source=str(index)) for index in range(30)]
    for draw, choices in ((wrong_target, LANGUAGES), (any_other_instruction, IWSLT4)):
        in_order = [draw(sample, choices, seed) for sample in samples]  # type: ignore[operator]
        shuffled = [draw(samples[index], choices, seed) for index in order]  # type: ignore[operator]
        assert [in_order[index] for index in order] == shuffled


def test_where_a_sample_stands_does_not_matter() -> None:
    moved = replace(SAMPLE, key="train.tsv:1/it-nl")
    for seed in range(40):
        drawn = wrong_target(SAMPLE, LANGUAGES, seed)
        assert wrong_target(moved, LANGUAGES, seed) == replace(drawn, key=moved.key)


def test_draws_are_pinned_across_processes_and_versions() -> None:
    wrong = [wrong_target(SAMPLE, LANGUAGES, seed).asked_lang for seed in range(8)]
    assert wrong == ["fr", "en", "ru", "it", "ja", "en", "de", "ru"]
    other = [any_other_instruction(SAMPLE, IWSLT4, seed) for seed in range(4)]
    assert [f"{each.source_lang}-{each.asked_lang}" for each in other] == [
        "nl-en",
        "en-it",
        "ro-en",
        "en-nl",
    ]


def test_the_draw_is_uniform_over_wrong_languages_the_source_included() -> None:
    samples = (replace(SAMPLE, source=str(index)) for index in range(8000))
    counts = Counter(wrong_target(sample, LANGUAGES, seed=0).asked_lang for sample in samples)
    assert counts.keys() == set(LANGUAGES) - {"nl"}
    # 148 is five standard deviations of a binomial(8000, 1/8)
    assert all(abs(count - 1000) < 148 for count in counts.values())


def test_two_fifths_of_the_papers_conflicts_into_english_still_ask_for_english() -> None:
    into_english = replace(SAMPLE, source_lang="nl", asked_lang="en", target_lang="en")
    drawn = [
        any_other_instruction(replace(into_english, source=str(index)), IWSLT4, 0)
        for index in range(5000)
    ]
    # two of the five other instructions end in English; 0.035 is five standard deviations
    assert count_asking_right_language(drawn) / len(drawn) == pytest.approx(2 / 5, abs=0.035)


def test_the_papers_draw_never_keeps_the_instruction_itself() -> None:
    sample = replace(SAMPLE, source_lang="en")
    drawn = {any_other_instruction(sample, IWSLT4, seed) for seed in range(200)}
    assert {(each.source_lang, each.asked_lang) for each in drawn} == set(IWSLT4) - {("en", "nl")}


def test_the_papers_draw_follows_the_frequency_of_the_instructions() -> None:
    instructions = Counter(IWSLT4 | {Direction("en", "it"): 6, Direction("ro", "en"): 0})
    samples = (replace(SAMPLE, source=str(index)) for index in range(5000))
    drawn = Counter(
        any_other_instruction(sample, instructions, seed=0).asked_lang for sample in samples
    )
    # it-nl is no instruction of these: 10 are left, of which 6 ask for Italian, none is ro-en.
    assert drawn["it"] / 5000 == pytest.approx(6 / 10, abs=0.035)
    assert drawn["en"] / 5000 == pytest.approx(2 / 10, abs=0.035)


def test_wrong_targets_never_ask_right() -> None:
    assert (
        count_asking_right_language([wrong_target(SAMPLE, LANGUAGES, seed) for seed in range(50)])
        == 0
    )


def test_one_language_is_too_few() -> None:
    with pytest.raises(
        ValueError, match="42/it-nl: no language to ask for besides 'nl'; conflicts"
    ):
        wrong_target(SAMPLE, ["nl"], seed=0)


def test_one_instruction_is_too_few() -> None:
    with pytest.raises(
        ValueError, match="no instruction besides it-nl; conflicts need at least two"
    ):
        any_other_instruction(SAMPLE, {Direction("it", "nl"): 9}, seed=0)


def test_a_conflict_is_not_drawn_twice() -> None:
    drawn = replace(SAMPLE, asked_lang="de")
    for again in (
        lambda: wrong_target(drawn, LANGUAGES, 0),
        lambda: any_other_instruction(drawn, IWSLT4, 0),
    ):
        with pytest.raises(
            ValueError, match="asks for 'de' but is in 'nl'.* draw conflicts from true"
        ):
            again()
