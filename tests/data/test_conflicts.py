"""The draws of conflict samples: what changes, what does not, and what a draw depends on."""

from collections import Counter
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.data.conflicts import (
    ConflictCounts,
    Experiment,
    any_other_instruction,
    draw_conflicts,
    wrong_target,
)
from ontarget.data.conflicts import draw_own_conflicts as stream_own_conflicts
from ontarget.records import Direction, Parallel, Sample

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


def count_asking_right_language(conflicts: list[Sample]) -> int:
    tally = ConflictCounts()
    assert list(tally.counted(conflicts)) == conflicts
    return tally.asking_right_language


def draw_own_conflicts(
    samples: list[Sample], languages: list[str], seed: int, texts: list[Parallel] | None = None
) -> list[Sample]:
    directions = {Direction(sample.source_lang, sample.target_lang) for sample in samples}
    return list(stream_own_conflicts(samples, languages, seed, directions, texts or []))


languages = st.lists(st.sampled_from(LANGUAGES), min_size=2, unique=True)
seeds = st.integers(0, 2**32)


@given(languages, seeds, st.text(min_size=1))
def test_wrong_target_requests_another_language_and_changes_nothing_else(
    codes: list[str], seed: int, key: str
) -> None:
    source, target, *_ = codes
    sample = replace(SAMPLE, key=key, source_lang=source, asked_lang=target, target_lang=target)
    conflict = wrong_target(sample, codes, seed)
    assert conflict.conflicts
    assert conflict.asked_lang in set(codes) - {target}
    assert asdict(conflict) | {"asked_lang": target} == asdict(sample)


@given(seeds, st.permutations(LANGUAGES))
def test_order_and_repetition_of_languages_do_not_matter(seed: int, shuffled: list[str]) -> None:
    assert wrong_target(SAMPLE, shuffled * 2, seed) == wrong_target(SAMPLE, LANGUAGES, seed)


@given(seeds, st.permutations(range(12)))
def test_the_order_of_the_samples_does_not_matter(seed: int, order: list[int]) -> None:
    samples = [replace(SAMPLE, source=str(index)) for index in range(12)]
    for draw, choices in ((wrong_target, LANGUAGES), (any_other_instruction, IWSLT4)):
        in_order = [draw(sample, choices, seed) for sample in samples]  # type: ignore[operator]
        shuffled = [draw(samples[index], choices, seed) for index in order]  # type: ignore[operator]
        assert [in_order[index] for index in order] == shuffled


def test_file_and_line_of_a_sample_do_not_matter() -> None:
    moved = replace(SAMPLE, key="train.tsv:1/it-nl")
    for seed in range(40):
        conflict = wrong_target(SAMPLE, LANGUAGES, seed)
        assert wrong_target(moved, LANGUAGES, seed) == replace(conflict, key=moved.key)


def test_draws_are_the_same_in_every_process_and_version() -> None:
    languages = [wrong_target(SAMPLE, LANGUAGES, seed).asked_lang for seed in range(8)]
    assert languages == ["fr", "en", "ru", "it", "ja", "en", "de", "ru"]
    conflicts = [any_other_instruction(SAMPLE, IWSLT4, seed) for seed in range(4)]
    instructions = [f"{sample.source_lang}-{sample.asked_lang}" for sample in conflicts]
    assert instructions == ["nl-en", "en-it", "ro-en", "en-nl"]


def test_wrong_target_is_uniform_over_the_other_languages_including_the_source() -> None:
    samples = (replace(SAMPLE, source=str(index)) for index in range(8000))
    counts = Counter(wrong_target(sample, LANGUAGES, seed=0).asked_lang for sample in samples)
    assert counts.keys() == set(LANGUAGES) - {"nl"}
    # 148 is five standard deviations of a binomial(8000, 1/8)
    assert all(abs(count - 1000) < 148 for count in counts.values())


def test_two_fifths_of_the_papers_conflicts_into_english_still_request_english() -> None:
    into_english = replace(SAMPLE, source_lang="nl", asked_lang="en", target_lang="en")
    conflicts = [
        any_other_instruction(replace(into_english, source=str(index)), IWSLT4, 0)
        for index in range(5000)
    ]
    # two of the five other instructions end in English; 0.035 is five standard deviations
    share = count_asking_right_language(conflicts) / len(conflicts)
    assert share == pytest.approx(2 / 5, abs=0.035)


def test_the_papers_draw_never_keeps_the_instruction() -> None:
    sample = replace(SAMPLE, source_lang="en")
    conflicts = [any_other_instruction(sample, IWSLT4, seed) for seed in range(200)]
    instructions = {(conflict.source_lang, conflict.asked_lang) for conflict in conflicts}
    assert instructions == set(IWSLT4) - {("en", "nl")}


def test_the_papers_draw_follows_the_frequency_of_the_instructions() -> None:
    instructions = Counter(IWSLT4 | {Direction("en", "it"): 6, Direction("ro", "en"): 0})
    samples = (replace(SAMPLE, source=str(index)) for index in range(5000))
    requested = Counter(
        any_other_instruction(sample, instructions, seed=0).asked_lang for sample in samples
    )
    # The sample's own it-nl is not among these. Of all 10, 6 request Italian; ro-en counts 0.
    assert requested["it"] / 5000 == pytest.approx(6 / 10, abs=0.035)
    assert requested["en"] / 5000 == pytest.approx(2 / 10, abs=0.035)


def test_wrong_target_never_requests_the_right_language() -> None:
    conflicts = [wrong_target(SAMPLE, LANGUAGES, seed) for seed in range(50)]
    assert count_asking_right_language(conflicts) == 0


def test_one_language_is_too_few() -> None:
    message = "42/it-nl: no language to request besides 'nl'; conflicts need at least two"
    with pytest.raises(ValueError, match=message):
        wrong_target(SAMPLE, ["nl"], seed=0)


def test_one_instruction_is_too_few() -> None:
    message = "no instruction besides it-nl; conflicts need at least two directions"
    with pytest.raises(ValueError, match=message):
        any_other_instruction(SAMPLE, {Direction("it", "nl"): 9}, seed=0)


def test_no_conflict_is_drawn_from_a_conflict() -> None:
    conflict = replace(SAMPLE, asked_lang="de")
    message = "requests 'de' but is in 'nl'.* draw conflicts from true"
    with pytest.raises(ValueError, match=message):
        wrong_target(conflict, LANGUAGES, 0)
    with pytest.raises(ValueError, match=message):
        any_other_instruction(conflict, IWSLT4, 0)


def test_a_draw_over_a_training_set_is_the_draw_of_each_sample() -> None:
    """The paper's draw takes the frequencies of instructions from the training set itself."""
    pairs = [("en", "it"), ("it", "en"), ("en", "nl"), ("en", "it")]
    samples = [
        replace(SAMPLE, key=str(n), source=f"{n}", source_lang=one, asked_lang=two, target_lang=two)
        for n, (one, two) in enumerate(pairs)
    ]
    counts = {Direction("en", "it"): 2, Direction("it", "en"): 1, Direction("en", "nl"): 1}
    experiment = Experiment(languages=tuple(LANGUAGES), instructions=counts)
    assert list(draw_conflicts(samples, "wrong_target", experiment, 3)) == [
        wrong_target(sample, LANGUAGES, 3) for sample in samples
    ]
    assert list(draw_conflicts(samples, "any_other_instruction", experiment, 3)) == [
        any_other_instruction(sample, counts, 3) for sample in samples
    ]


def english_centric(count: int) -> list[Sample]:
    """Sentence n of English and each of three other languages, both ways."""
    return [
        Sample(
            key=f"{n}/{a}-{b}", source_lang=a, asked_lang=b, target_lang=b,
            source=f"{a} {n}", target=f"{b} {n}",
        )
        for n in range(count)
        for other in ("it", "nl", "ro")
        for a, b in (("en", other), (other, "en"))
    ]  # fmt: skip


@given(seeds)
def test_an_own_conflict_requests_two_other_languages_of_a_sentence_of_training(seed: int) -> None:
    samples = english_centric(2)
    for sample, own in zip(samples, draw_own_conflicts(samples, LANGUAGES, seed), strict=True):
        assert own.key == sample.key and own.conflicts and own.target == ""
        assert len({own.source_lang, own.target_lang, own.asked_lang}) == 3
        assert (own.source_lang, own.source) in (
            (sample.source_lang, sample.source), (sample.target_lang, sample.target),
        )  # fmt: skip


@given(seeds)
def test_own_conflicts_translate_from_languages_with_the_fewest_targets_in_training(
    seed: int,
) -> None:
    """From Italian everything went into English, from English into three languages."""
    drawn = draw_own_conflicts(english_centric(3), LANGUAGES, seed)
    assert {own.source_lang for own in drawn} == {"it", "nl", "ro"}


def test_with_one_direction_each_both_sides_are_translated_from() -> None:
    samples = [s for s in english_centric(40) if {s.source_lang, s.target_lang} == {"en", "it"}]
    drawn = draw_own_conflicts(samples, LANGUAGES, seed=1)
    assert {own.source_lang for own in drawn} == {"en", "it"}


@given(seeds, st.permutations(range(18)))
def test_the_order_of_the_samples_does_not_matter_to_own_conflicts(
    seed: int, order: list[int]
) -> None:
    samples = english_centric(3)
    drawn = draw_own_conflicts(samples, LANGUAGES, seed)
    shuffled = draw_own_conflicts([samples[index] for index in order], LANGUAGES, seed)
    assert [drawn[index] for index in order] == shuffled


@given(seeds)
def test_with_monolingual_text_own_conflicts_translate_from_it(seed: int) -> None:
    """Romanian and German have no parallel text here; all of the text is drawn."""
    samples = [s for s in english_centric(40) if {s.source_lang, s.target_lang} == {"en", "it"}]
    texts = [Parallel(key=f"{n}", texts={"de" if n % 2 else "ro": f"text {n}"}) for n in range(4)]
    drawn = draw_own_conflicts(samples, [*LANGUAGES, "de"], seed, texts)
    assert [own.key for own in drawn] == [sample.key for sample in samples]
    sources = {(own.source_lang, own.source) for own in drawn}
    assert sources == {(lang, text) for row in texts for lang, text in row.texts.items()}
    requested = {code for own in drawn for code in (own.target_lang, own.asked_lang)}
    assert requested == {*LANGUAGES, "de"}
    assert all(len({o.source_lang, o.target_lang, o.asked_lang}) == 3 for o in drawn)


def test_own_conflicts_need_three_languages() -> None:
    with pytest.raises(ValueError, match="need at least 3 languages.*conflicts: references"):
        draw_own_conflicts([SAMPLE], ["it", "nl"], seed=1)
