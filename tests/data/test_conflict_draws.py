"""What each draw requests, several conflicts of a sample, and what is counted and refused."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.data.conflicts import (
    ConflictCounts,
    Draw,
    Experiment,
    draw_conflicts,
    draw_fault,
    wrong_target,
)
from ontarget.languages.families import close_languages, script_variants
from ontarget.records import Direction, Sample

LANGUAGES = ("en", "it", "ro", "nl", "zh-Hans", "zh-Hant", "sr", "sr-Latn", "cs", "sk")
DIRECTIONS = Counter(
    direction
    for other in LANGUAGES[1:]
    for direction in (Direction("en", other), Direction(other, "en"))
)
CONFUSIONS = {
    Direction("it", "nl"): {"en": 7, "it": 1},
    Direction("it", "ro"): {"en": 1},
    Direction("nl", "it"): {"ro": 5},
}
EXPERIMENT = Experiment(languages=LANGUAGES, instructions=DIRECTIONS, confusions=CONFUSIONS)
DRAWS: tuple[Draw, ...] = get_args(Draw)

seeds = st.integers(0, 2**32)
every_draw = pytest.mark.parametrize("draw", DRAWS)


def pair(source_lang: str, target_lang: str, text: str = "x") -> Sample:
    return Sample(
        key=f"a.tsv:1/{source_lang}-{target_lang}", source_lang=source_lang,
        asked_lang=target_lang, target_lang=target_lang, source=f"{text} 1", target=f"{text} 2",
    )  # fmt: skip


def drawn(
    samples: Sequence[Sample], draw: Draw, seed: int = 1, per_sample: int = 1
) -> tuple[list[Sample], ConflictCounts]:
    counts = ConflictCounts()
    conflicts = draw_conflicts(samples, draw, EXPERIMENT, seed, per_sample, counts)
    return list(counts.counted(conflicts)), counts


def requested(draw: Draw, *sample: str) -> set[str]:
    """Languages that a draw requests for a direction, over many texts."""
    conflicts, _ = drawn([pair(*sample, text=str(n)) for n in range(200)], draw)
    return {conflict.asked_lang for conflict in conflicts}


def test_to_pivot_requests_the_first_language_and_of_a_response_in_it_any_other() -> None:
    assert requested("to_pivot", "it", "nl") == {"en"}
    assert requested("to_pivot", "it", "en") == set(LANGUAGES) - {"en"}


def test_to_source_requests_the_language_of_the_source() -> None:
    assert requested("to_source", "it", "nl") == {"it"}


def test_close_language_requests_a_confusable_one_else_one_of_the_branch_else_of_the_script() -> (
    None
):
    assert requested("close_language", "en", "cs") == {"sk"}  # listed as confusable
    assert requested("close_language", "en", "it") == {"ro"}  # both Romance
    assert close_languages("hu", ("en", "hu", "ru", "fi")) == ("en", "fi")  # Latin script
    assert close_languages("ja", ("en", "ja", "zh", "ru")) == ("zh",)  # Chinese characters
    assert close_languages("el", LANGUAGES) == ()


def test_a_language_in_another_script_is_a_variant_of_it_and_not_close_to_it() -> None:
    assert requested("script_variant", "en", "zh-Hant") == {"zh-Hans"}
    assert requested("script_variant", "en", "sr") == {"sr-Latn"}
    assert close_languages("zh-Hans", ("zh-Hans", "zh-Hant", "en")) == ()
    assert script_variants("zh", ("zh-Hans", "zh-TW", "en")) == ("zh-TW",)


@pytest.mark.parametrize(
    ("draw", "sample"),
    [
        ("to_pivot", ("it", "en")), ("script_variant", ("en", "it")), ("confused", ("ro", "en")),
        ("close_language", ("en", "zh-Hans")), ("confused", ("nl", "en")),
    ],
)  # fmt: skip
def test_where_a_draw_has_nothing_to_request_wrong_target_draws_and_it_is_counted(
    draw: Draw, sample: tuple[str, str]
) -> None:
    samples = [pair(*sample, text=str(n)) for n in range(20)]
    conflicts, counts = drawn(samples, draw, seed=3)
    assert conflicts == [wrong_target(each, LANGUAGES, 3) for each in samples]
    assert (counts.conflicts, counts.as_wrong_target) == (20, 20)


def test_confused_requests_what_was_answered_in_the_language_of_the_response() -> None:
    """Requests for it-nl and it-ro were answered in English 7 times and once; plus one each."""
    samples = [pair("it", "en", text=str(n)) for n in range(9000)]
    conflicts, counts = drawn(samples, "confused")
    shares = Counter(conflict.asked_lang for conflict in conflicts)
    assert counts.as_wrong_target == 0
    total = 8 + 2 + 7  # of the other seven languages each was answered so never
    expected = {language: 1 / total for language in LANGUAGES if language != "en"}
    expected |= {"nl": 8 / total, "ro": 2 / total}
    assert {language: n / 9000 for language, n in shares.items()} == pytest.approx(
        expected,
        abs=0.026,  # five standard deviations
    )


@every_draw
@given(seed=seeds, order=st.permutations(range(8)))
def test_a_draw_depends_on_seed_and_content_only(draw: Draw, seed: int, order: list[int]) -> None:
    targets = ["it", "nl", "zh-Hans", "sr"]
    samples = [pair("en", target, str(n)) for n in range(2) for target in targets]
    in_order, _ = drawn(samples, draw, seed, per_sample=2)
    shuffled, _ = drawn([samples[index] for index in order], draw, seed, per_sample=2)
    pairs = [in_order[at : at + 2] for at in range(0, 16, 2)]
    assert [one for index in order for one in pairs[index]] == shuffled


@every_draw
@given(seed=seeds, per_sample=st.integers(1, 9))
def test_conflicts_of_a_sample_have_different_instructions_and_one_response(
    draw: Draw, seed: int, per_sample: int
) -> None:
    samples = [pair("it", "en"), pair("en", "zh-Hant"), pair("en", "nl")]
    conflicts, counts = drawn(samples, draw, seed, per_sample)
    assert counts.conflicts == len(conflicts) == 3 * per_sample
    for number, sample in enumerate(samples):
        of_sample = conflicts[number * per_sample : (number + 1) * per_sample]
        assert len({(one.source_lang, one.asked_lang) for one in of_sample}) == per_sample
        kept = {(one.key, one.source, one.target, one.target_lang) for one in of_sample}
        assert kept == {(sample.key, sample.source, sample.target, sample.target_lang)}
        own = (sample.source_lang, sample.asked_lang)
        assert own not in {(one.source_lang, one.asked_lang) for one in of_sample}


@every_draw
@given(seed=seeds)
def test_the_first_conflict_is_the_one_that_is_drawn_alone(draw: Draw, seed: int) -> None:
    sample = pair("it", "en")
    (alone,), _ = drawn([sample], draw, seed)
    first, *_ = drawn([sample], draw, seed, per_sample=5)[0]
    assert first == alone


@every_draw
def test_only_the_papers_draw_requests_the_right_language_and_that_is_counted(draw: Draw) -> None:
    samples = [pair(other, "en", str(n)) for other in LANGUAGES[1:] for n in range(30)]
    conflicts, counts = drawn(samples, draw)
    right = sum(conflict.asked_lang == "en" for conflict in conflicts)
    assert counts.asking_right_language == right
    assert (right > 0) == (draw == "any_other_instruction")


@every_draw
def test_conflicts_are_drawn_one_by_one(draw: Draw) -> None:
    """A stream without end: no draw waits for all samples."""

    def endless() -> object:
        while True:
            yield pair("it", "en")

    conflicts = draw_conflicts(endless(), draw, EXPERIMENT, 1, per_sample=2)  # type: ignore[arg-type]
    assert len(list(islice(conflicts, 5))) == 5


@every_draw
def test_no_draw_takes_a_conflict(draw: Draw) -> None:
    conflict = replace(pair("it", "en"), asked_lang="nl")
    with pytest.raises(ValueError, match="is a conflict already; draw conflicts from true samples"):
        drawn([conflict], draw)


def test_more_conflicts_than_other_languages_cannot_be_drawn() -> None:
    experiment = Experiment(languages=("en", "it", "nl"))
    with pytest.raises(ValueError, match="besides 'en', '..', '..'; 3 conflicts need 4 languages"):
        list(draw_conflicts([pair("it", "en")], "wrong_target", experiment, 1, per_sample=3))


@pytest.mark.parametrize(
    ("draw", "languages", "per_sample", "fault"),
    [
        ("wrong_target", "en it nl", 3, "per_sample: 3 conflicts of a sample request as many other "
         "languages, and en, it, nl leave 2; lower it"),
        ("to_pivot", "en it", 2, "per_sample: 2 conflicts of a sample request as many other"),
        ("close_language", "en zh ru", 1, "draw: close_language finds no two close languages among "
         "en, zh, ru; add one, or use wrong_target"),
        ("script_variant", "en sr ru", 1, "draw: script_variant finds no language in two scripts "
         "among en, sr, ru; add one such as zh-Hant beside zh-Hans, or use wrong_target"),
        ("hardest", "en it nl", 2, "draw: hardest has nothing to choose, since en, it, nl leave as "
         "many other languages as conflicts; lower per_sample, or use wrong_target"),
        ("any_other_instruction", "en it", 2, "per_sample: 2 conflicts of a sample have as many "
         "other instructions, and training has 1; lower it"),
    ],
)  # fmt: skip
def test_an_impossible_draw_is_refused_with_what_to_change(
    draw: str, languages: str, per_sample: int, fault: str
) -> None:
    found = draw_fault(draw, languages.split(), 2, per_sample)
    assert found is not None and found.startswith(fault)


def test_a_possible_draw_has_no_fault() -> None:
    assert [draw_fault(draw, LANGUAGES, 18, 1) for draw in DRAWS] == [None] * len(DRAWS)
