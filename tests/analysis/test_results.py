"""Records in a run folder that somebody changed: an error in one line, never shown or counted."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from support.reports import OUTPUT, SCORE

from ontarget.analysis import results
from ontarget.errors import ArtifactError

# 18 of 19 judged segments are off-target: 94.737 %.
CONSISTENT = replace(SCORE, off_target_percent=94.737, off_target_interval=(75.4, 99.1))
NOTHING_JUDGED = replace(
    CONSISTENT, off_target_percent=None, off_target_interval=None,
    verdicts=dict.fromkeys(SCORE.verdicts, 0) | {"undecided": 20}, languages={},
)  # fmt: skip


def write_line(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("score", [CONSISTENT, NOTHING_JUDGED], ids=["judged", "nothing judged"])
def test_a_consistent_score_is_read_back_unchanged(score: Any, tmp_path: Path) -> None:
    assert results.read_scores(write_line(tmp_path / "scores.jsonl", asdict(score))) == [score]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"off_target_percent": 2.0}, r"off_target_percent: expected 94\.737 by its verdicts"),
        ({"off_target_percent": None}, r"off_target_percent: expected 94\.737"),
        ({"off_target_interval": None}, "off_target_interval: expected one around"),
        ({"off_target_interval": [99.0, 75.0]}, "off_target_interval: expected one around"),
        ({"verdicts": {}}, "verdicts: expected a count of each of on_target, "),
        ({"verdicts": CONSISTENT.verdicts | {"great": 1}}, "verdicts: expected a count of each"),
        ({"verdicts": CONSISTENT.verdicts | {"other": 3}}, "add up to its 20 segments"),
        ({"verdicts": CONSISTENT.verdicts | {"other": -1, "pivot": 19}}, "a count of each"),
        ({"truncated": 21}, "truncated: expected a count of its 20 segments"),
        ({"truncated": -1}, "truncated: expected a count of its 20 segments"),
        ({"languages": {"en": 0}}, "languages: expected counts of at least 1"),
        ({"source": "xx"}, "expected a language that CLDR knows, not 'xx'"),
        ({"bleu": float("nan")}, "expected percentages from 0 to 100"),
        ({"system": "\ud800"}, "system: expected whole characters"),
    ],
)
def test_an_inconsistent_score_is_an_error_that_names_its_line(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = write_line(tmp_path / "scores.jsonl", asdict(CONSISTENT) | changes)
    pattern = rf"jsonl:1: not a valid Score \(.*{message}.*; remove its"
    with pytest.raises(ArtifactError, match=pattern):
        results.read_scores(path)


@pytest.mark.parametrize("key", ["off_target_percent", "off_target_interval"])
def test_a_score_without_judged_segments_has_no_ratio(key: str, tmp_path: Path) -> None:
    value: Any = 0.0 if key == "off_target_percent" else [0.0, 1.0]
    path = write_line(tmp_path / "scores.jsonl", asdict(NOTHING_JUDGED) | {key: value})
    with pytest.raises(ArtifactError, match="expected null, since nothing was judged"):
        results.read_scores(path)


def test_a_consistent_translation_is_read_back_unchanged(tmp_path: Path) -> None:
    path = write_line(tmp_path / "segments.jsonl", asdict(OUTPUT))
    assert results.read_judged(path) == [OUTPUT]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"verdict": "great"}, "verdicts: expected one of on_target"),
        ({"reference_verdict": ""}, "verdicts: expected one of on_target"),
        ({"chrf": float("nan")}, "chrf: expected a number from 0 to 100"),
        ({"chrf": 100.1}, "chrf: expected a number from 0 to 100"),
        ({"target_lang": ""}, "expected a language that CLDR knows, not ''"),
        ({"hypothesis": "a \ud800"}, "hypothesis: expected whole characters"),
    ],
)
def test_an_impossible_translation_is_an_error_that_names_its_line(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = write_line(tmp_path / "segments.jsonl", asdict(OUTPUT) | changes)
    pattern = rf"jsonl:1: not a valid JudgedTranslation \(.*{message}.*; remove its"
    with pytest.raises(ArtifactError, match=pattern):
        results.read_judged(path)
