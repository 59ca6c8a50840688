"""Files of a run's folder that somebody changed: refused in one line, never shown or counted."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from conftest import RECIPE
from support.reports import ANSWER, SCORE, SYSTEMS, a_report, a_segment

from ontarget.analysis.segments import align_segments
from ontarget.errors import ArtifactError
from ontarget.recipe.recipe import Recipe
from ontarget.report import page
from ontarget.report.render import tables
from ontarget.steps import inputs, s7_report

# 18 of 19 judged: 94.737 %.
WHOLE = replace(SCORE, off_target_percent=94.737, off_target_interval=(75.4, 99.1))
NONE_JUDGED = replace(
    WHOLE, off_target_percent=None, off_target_interval=None,
    verdicts=dict.fromkeys(SCORE.verdicts, 0) | {"undecided": 20}, languages={},
)  # fmt: skip


def written(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("score", [WHOLE, NONE_JUDGED], ids=["judged", "nothing judged"])
def test_a_score_that_its_counts_bear_out_is_read_as_it_is(score: Any, tmp_path: Path) -> None:
    assert inputs.scores(written(tmp_path / "scores.jsonl", asdict(score))) == [score]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"off_target_percent": 2.0}, r"off_target_percent: 94\.737 expected by its verdicts"),
        ({"off_target_percent": None}, r"off_target_percent: 94\.737 expected"),
        ({"off_target_interval": None}, "off_target_interval: one around"),
        ({"off_target_interval": [99.0, 75.0]}, "off_target_interval: one around"),
        ({"verdicts": {}}, "verdicts: a count of each of on_target, "),
        ({"verdicts": WHOLE.verdicts | {"great": 1}}, "verdicts: a count of each"),
        ({"verdicts": WHOLE.verdicts | {"other": 3}}, "add up to its 20 segments"),
        ({"verdicts": WHOLE.verdicts | {"other": -1, "pivot": 19}}, "a count of each"),
        ({"languages": {"en": 0}}, "languages: counts of at least 1"),
        ({"source": "xx"}, "a language that CLDR knows expected, not 'xx'"),
        ({"bleu": float("nan")}, "percents from 0 to 100"),
        ({"system": "\ud800"}, "system: whole characters expected"),
    ],
)
def test_a_score_that_contradicts_itself_is_refused_with_its_line(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "scores.jsonl", asdict(WHOLE) | changes)
    with pytest.raises(ArtifactError, match=rf"jsonl:1: is no Score \(.*{message}.*; remove its"):
        inputs.scores(path)


@pytest.mark.parametrize("key", ["off_target_percent", "off_target_interval"])
def test_nothing_judged_has_no_ratio(key: str, tmp_path: Path) -> None:
    value: Any = 0.0 if key == "off_target_percent" else [0.0, 1.0]
    path = written(tmp_path / "scores.jsonl", asdict(NONE_JUDGED) | {key: value})
    with pytest.raises(ArtifactError, match="null expected, for nothing was judged"):
        inputs.scores(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"verdict": "great"}, "verdicts: each one of on_target"),
        ({"reference_verdict": ""}, "verdicts: each one of on_target"),
        ({"chrf": float("nan")}, "chrf: a number from 0 to 100"),
        ({"chrf": 100.1}, "chrf: a number from 0 to 100"),
        ({"target_lang": ""}, "a language that CLDR knows expected, not ''"),
        ({"hypothesis": "a \ud800"}, "hypothesis: whole characters expected"),
    ],
)
def test_an_answer_that_there_cannot_be_is_refused_with_its_line(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "segments.jsonl", asdict(ANSWER) | changes)
    with pytest.raises(ArtifactError, match=rf"jsonl:1: is no Answer \(.*{message}.*; remove its"):
        inputs.answers(path)


def test_a_second_answer_to_the_same_segment_is_refused() -> None:
    twice = [*a_segment(1), *a_segment(1)[:1]]
    with pytest.raises(ValueError, match=r"two answers of base to t:1/it-nl \(it-nl\)"):
        align_segments(twice, SYSTEMS)


@pytest.mark.parametrize(
    ("systems", "message"),
    [
        ([], "0 scores of any system"),
        (["base", "stage1"], "0 scores of stage2 in it-nl; expected one of each system"),
        ([*SYSTEMS, "base"], "2 scores of base in it-nl"),
        ([*SYSTEMS, "guest"], "1 scores of guest in it-nl"),
    ],
)
def test_a_report_has_one_score_of_each_system_in_each_direction(
    systems: list[str], message: str, tmp_path: Path
) -> None:
    recipe = Recipe.model_validate({**RECIPE, "out": tmp_path, "control": False})
    path = tmp_path / "scores.jsonl"
    with pytest.raises(ArtifactError, match=rf"scores.jsonl: {message}"):
        s7_report.refuse_incomplete(path, [replace(WHOLE, system=x) for x in systems], recipe)
    s7_report.refuse_incomplete(path, [replace(WHOLE, system=x) for x in SYSTEMS], recipe)


def test_control_characters_in_a_table_steer_no_terminal() -> None:
    assert tables.escape_markdown("a\x1b[31m\u202e b\n\u200cc") == "a\\x1b\\[31m\\u202e b \u200cc"


def test_a_signature_is_text_in_the_markdown_report() -> None:
    hostile = "lid:`<img src=x>\x1b[31m\n# Heading"
    text = page.render_markdown(replace(a_report(), scores=(replace(WHOLE, detector=hostile),)))
    assert "- lid:\\`\\<img src=x\\>\\x1b\\[31m \\# Heading\n" in text
