"""Step 2 and what step 4 reads of it: the file, its order, and what is counted."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.reports import SCORE
from support.runs import Log

from ontarget import artifacts
from ontarget.analysis.results import read_confusions
from ontarget.artifacts import ArrowRecords
from ontarget.data.conflicts import (
    Experiment,
    draw_conflicts,
    draw_own_conflicts,
    wrong_target,
)
from ontarget.errors import ArtifactError
from ontarget.recipe import training_data
from ontarget.recipe.sections.training import Unlikelihood
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import ConflictSettings
from ontarget.records import Direction, Sample
from ontarget.steps import s2_conflict

LANGUAGES = ("en", "it", "nl", "ro")
DIRECTIONS = [("en", "it"), ("it", "en"), ("nl", "en"), ("en", "nl")]
SAMPLES = [
    Sample(
        key=f"a.tsv:{n}/{a}-{b}", source_lang=a, asked_lang=b, target_lang=b,
        source=f"{a} {n}", target=f"{b} {n}",
    )
    for n in range(6)
    for a, b in DIRECTIONS
]  # fmt: skip


def context(folder: Path, settings: Any) -> StepContext[Any]:
    """Of a step that finds step 1's and step 2's folder, and writes into the latter."""
    for name in ("1_prepare", "2_conflict"):
        (folder / name).mkdir(exist_ok=True)
    artifacts.write_arrow(folder / "1_prepare" / "train.arrow", SAMPLES, Sample)
    artifacts.write_jsonl(folder / "1_prepare" / "monolingual.jsonl", [])
    return StepContext(
        settings=settings,
        inputs={name: folder / name for name in ("1_prepare", "2_conflict")},
        out=folder / "2_conflict", start="", unfinished=folder, logs=folder, run_name="",
        report_to=(), tell=Log().tell,
    )  # fmt: skip


def settings(**changes: Any) -> ConflictSettings:
    default: dict[str, Any] = {
        "languages": LANGUAGES, "seed": 3, "conflicts": "references", "draw": "wrong_target",
        "per_sample": 1, "confusions": None, "general": False,
    }  # fmt: skip
    return ConflictSettings(**default | changes)


def drawn(folder: Path, **changes: Any) -> tuple[list[Sample], dict[str, Any]]:
    """The conflicts and what the step reports."""
    result = s2_conflict.run(context(folder, settings(**changes)))
    return list(ArrowRecords(folder / "2_conflict" / "conflicts.arrow", Sample)), result


def test_conflicts_stand_in_the_order_of_the_samples(tmp_path: Path) -> None:
    conflicts, result = drawn(tmp_path)
    assert conflicts == [wrong_target(sample, LANGUAGES, 3) for sample in SAMPLES]
    assert result == {
        "conflicts": 24,
        "asking_for_the_right_language": 0,
        "asking_for_the_right_language_percent": 0.0,
    }


def test_the_papers_draw_takes_its_instructions_from_the_training_set(tmp_path: Path) -> None:
    conflicts, result = drawn(tmp_path, draw="any_other_instruction")
    counts = Counter({Direction(*pair): 6 for pair in DIRECTIONS})
    experiment = Experiment(languages=LANGUAGES, instructions=counts)
    assert conflicts == list(draw_conflicts(SAMPLES, "any_other_instruction", experiment, 3))
    right = sum(one.asked_lang == one.target_lang for one in conflicts)
    assert result["asking_for_the_right_language"] == right > 0
    assert result["asking_for_the_right_language_percent"] == round(100 * right / 24, 2)


def test_own_conflicts_are_drawn_by_the_directions_of_training(tmp_path: Path) -> None:
    conflicts, result = drawn(tmp_path, conflicts="own")
    directions = {Direction(*pair) for pair in DIRECTIONS}
    assert conflicts == list(draw_own_conflicts(SAMPLES, LANGUAGES, 3, directions))
    assert result["asking_for_the_right_language"] == 0


def test_step_4_finds_all_conflicts_of_the_samples_that_it_takes(tmp_path: Path) -> None:
    conflicts, result = drawn(tmp_path, per_sample=3, draw="to_source")
    assert result["conflicts"] == 72
    assert result["drawn_as_wrong_target"] == 48  # the source is one language

    class Settings:
        drawn, unlikelihood = 3, Unlikelihood(steps=1, conflicts="references", per_sample=3)

    places = [5, 0, 23]
    found = training_data.conflict_samples(context(tmp_path, Settings), places)
    expected = [one for place in places for one in conflicts[3 * place : 3 * place + 3]]
    assert found.samples == expected
    keys = [SAMPLES[place].key for place in places for _ in range(3)]
    assert [one.key for one in found.samples] == keys


def write_scores(path: Path, *lines: tuple[str, str, str, dict[str, int]]) -> str:
    """Scores of (system, source, target, languages that were detected)."""
    score = replace(SCORE, off_target_percent=94.737, off_target_interval=(75.4, 99.1))
    records = [
        replace(score, system=system, source=source, target=target, languages=languages)
        for system, source, target, languages in lines
    ]
    artifacts.write_jsonl(path, records)
    return str(path)


def test_confused_conflicts_follow_the_scores_of_a_run(tmp_path: Path) -> None:
    scores = write_scores(
        tmp_path / "scores.jsonl",
        ("stage1", "it", "ro", {"en": 900, "ro": 5}),
        ("stage2", "it", "nl", {"en": 900}),  # stage 2 does not start from it
        ("stage1", "nl", "ro", {"fr": 7}),  # French is not in the experiment
    )
    conflicts, result = drawn(tmp_path, draw="confused", confusions=scores)
    from_italian = [one for one in conflicts if one.source_lang == "it"]
    assert Counter(one.asked_lang for one in from_italian).most_common(1) == [("ro", 6)]
    others = [(one, sample) for one, sample in zip(conflicts, SAMPLES, strict=True)
              if sample.source_lang != "it"]  # fmt: skip
    assert all(one == wrong_target(sample, LANGUAGES, 3) for one, sample in others)
    assert result["drawn_as_wrong_target"] == len(others) == 18


def test_without_the_scores_all_are_drawn_as_wrong_target_and_that_is_reported(
    tmp_path: Path,
) -> None:
    missing = str(tmp_path / "missing.jsonl")
    conflicts, result = drawn(tmp_path, draw="confused", confusions=missing)
    assert conflicts == [wrong_target(sample, LANGUAGES, 3) for sample in SAMPLES]
    assert result["drawn_as_wrong_target"] == 24


@pytest.mark.parametrize(
    ("systems", "counted"), [("base stage1", 20), ("base stage2", 10), ("mine yours", 30)]
)
def test_confusions_are_those_of_the_system_that_stage_2_starts_from(
    tmp_path: Path, systems: str, counted: int
) -> None:
    """Of a run without stage 1 the base model, of other systems all."""
    one, other = systems.split()
    scores = write_scores(
        tmp_path / "scores.jsonl", (one, "it", "ro", {"en": 10}), (other, "it", "ro", {"en": 20})
    )
    assert read_confusions(Path(scores), LANGUAGES) == {("it", "ro"): {"en": counted}}


def test_a_label_counts_as_each_language_that_it_may_mean_but_not_as_the_requested_one(
    tmp_path: Path,
) -> None:
    languages = ("en", "zh-Hans", "nb", "it")
    scores = write_scores(
        tmp_path / "scores.jsonl",
        ("stage1", "en", "it", {"zh": 3, "no": 2, "en": 4, "it": 9}),
        ("stage1", "en", "zh-Hans", {"zh": 8, "yue": 1}),
    )
    assert read_confusions(Path(scores), languages) == {
        ("en", "it"): {"zh-Hans": 3, "nb": 2, "en": 4}, ("en", "zh-Hans"): {},
    }  # fmt: skip


def test_damaged_scores_are_an_error_that_names_their_line(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    path.write_text("[1]\n")
    with pytest.raises(ArtifactError, match=r"scores\.jsonl:1: not a valid"):
        drawn(tmp_path, draw="confused", confusions=str(path))
