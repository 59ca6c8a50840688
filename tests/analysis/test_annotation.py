"""Disputed segments out to pearmut, and annotators' answers back."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ontarget.analysis import annotation
from ontarget.analysis.annotation import DisputedSegment
from ontarget.errors import CorpusError
from ontarget.offtarget.verdicts import Verdict

VERDICTS = [verdict.value for verdict in Verdict]
OFF = [verdict for verdict in VERDICTS if verdict not in ("on_target", "undecided")]
Rows = list[dict[str, Any]]


def rows_of(*verdicts: str) -> Rows:
    """Rows as `evaluate --segments-out` writes them."""
    return [
        {
            "file": "out.it", "line": line, "verdict": verdict, "language": "nl", "chrf": None,
            "target_lang": "it", "source": f"source {line}", "hypothesis": f"text {line}",
        }
        for line, verdict in enumerate(verdicts, start=1)
    ]  # fmt: skip


def write(folder: Path, rows: Rows, name: str = "segments.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def campaign_of(folder: Path, *verdicts: str) -> dict[str, Any]:
    segments = annotation.read_disputed(write(folder, rows_of(*verdicts)))
    return annotation.make_campaign(segments, "c", users=2)


def entry(campaign: dict[str, Any], index: int, answer: int | None, user: str) -> dict[str, Any]:
    """What pearmut logs when a user has answered about a document."""
    given = None if answer is None else {"output": {"sliders": {"language": answer}, "score": None}}
    return {
        "user_id": user, "item_i": index, "item": campaign["data"][index], "annotation": [given],
        "actions": [{"time": 1.0, "action": "submit"}],
    }  # fmt: skip


def test_all_but_on_target_is_disputed(tmp_path: Path) -> None:
    segments = annotation.read_disputed(write(tmp_path, rows_of(*VERDICTS)))
    assert [segment.verdict for segment in segments] == [v for v in VERDICTS if v != "on_target"]


def test_detectors_that_disagree_dispute_a_segment(tmp_path: Path) -> None:
    first, second = (
        rows_of("on_target", "on_target", "other"),
        rows_of("on_target", "pivot", "mixed"),
    )
    paths = write(tmp_path, first), write(tmp_path, second, "other.jsonl")
    found = annotation.read_disputed(*paths)
    pairs = [(segment.id, segment.verdict, segment.other_verdict) for segment in found]
    assert pairs == [("out.it:2", "on_target", "pivot"), ("out.it:3", "other", "mixed")]
    write(tmp_path, [row | {"hypothesis": "?"} for row in second], "other.jsonl")
    with pytest.raises(CorpusError, match=r"other.jsonl: has other segments than .*; judge the sa"):
        annotation.read_disputed(*paths)


def test_segments_of_a_run_are_read_too(tmp_path: Path) -> None:
    row = {
        "key": "t:3", "system": "stage2", "source_lang": "en", "target_lang": "it", "source": "a",
        "reference": "b", "hypothesis": "c", "verdict": "pivot", "detected_lang": "en",
        "reference_verdict": "on_target", "reference_detected_lang": "it", "chrf": 1.0,
    }  # fmt: skip
    (segment,) = annotation.read_disputed(write(tmp_path, [row]))
    assert (segment.id, segment.language) == ("stage2:en:it:t:3", "en")


@given(st.lists(st.sampled_from(VERDICTS), max_size=30), st.integers(1, 10), st.integers(0, 3))
def test_the_draw_of_a_segment_depends_on_it_alone(
    verdicts: list[str], limit: int, seed: int
) -> None:
    segments = [
        DisputedSegment(
            id=str(n), target_lang="it", source=None, hypothesis="", verdict=verdict, language=""
        )
        for n, verdict in enumerate(verdicts)
    ]
    chosen = annotation.sample_segments(segments, limit, seed)
    assert len(chosen) == min(limit, len(segments))
    assert chosen == [segment for segment in segments if segment in chosen]  # in their order
    reordered = annotation.sample_segments(segments[::-1], limit, seed)
    assert reordered == chosen[::-1]
    fewer = [segment for segment in segments if segment not in chosen[:1]]
    assert set(chosen[1:]) <= set(annotation.sample_segments(fewer, limit, seed))


def test_annotators_see_texts_without_tags_and_no_verdict(tmp_path: Path) -> None:
    rows = rows_of("other")
    rows[0] |= {"hypothesis": "<img src=x onerror=alert(1)>", "source": None}
    (segment,) = annotation.read_disputed(write(tmp_path, rows))
    item = annotation.make_item(segment)
    assert item["tgt"] == {"output": "\u2039img src=x onerror=alert(1)\u203a"} and "src" not in item
    assert item["hypothesis"] == rows[0]["hypothesis"] and "Italian" in item["instructions"]
    shown = [item["tgt"]["output"], item["instructions"]]
    assert not any("other" in text or "nl" in text for text in shown)


@given(st.lists(st.tuples(st.sampled_from(OFF), st.integers(0, 2)), min_size=1, max_size=20))
def test_precision_is_the_share_that_annotators_confirm(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("answers")
    campaign = campaign_of(folder, *(verdict for verdict, _ in rows))
    log = [entry(campaign, index, answer, "ann") for index, (_, answer) in enumerate(rows)]
    result = annotation.read_annotations(write(folder, log, "c.jsonl"))
    confirmed = sum(answer < 2 for _, answer in rows)
    interval = binomtest(confirmed, len(rows)).proportion_ci(method="wilson")
    assert result.precision.percent == pytest.approx(100 * confirmed / len(rows))
    assert result.precision.interval == pytest.approx((100 * interval.low, 100 * interval.high))
    assert result.undecided.total == result.ties == 0


def test_majorities_ties_resets_and_corrections(tmp_path: Path) -> None:
    campaign = campaign_of(tmp_path, "other", "pivot", "undecided", "mixed")
    log = [
        entry(campaign, 0, 2, "a"), entry(campaign, 0, 0, "a"), entry(campaign, 0, 0, "b"),
        entry(campaign, 1, 0, "a"), entry(campaign, 1, 2, "b"),
        entry(campaign, 2, 1, "b"), entry(campaign, 3, None, "b"),
        entry(campaign, 3, 2, "c"), {"user_id": "c", "annotation": "__RESET__"},
    ]  # fmt: skip
    result = annotation.read_annotations(write(tmp_path, log, "c.jsonl"))
    assert [(s.id, s.answers, s.is_off_target) for s in result.segments] == [
        ("out.it:1", (0, 0), True), ("out.it:2", (0, 2), None), ("out.it:3", (1,), True),
    ]  # fmt: skip
    assert (result.precision.count, result.precision.total, result.ties) == (1, 1, 1)
    assert (result.undecided.count, result.undecided.total) == (1, 1)
    path = tmp_path / "annotations.json"  # as the dashboard downloads it
    path.write_text(json.dumps({"c": log}), encoding="utf-8")
    assert annotation.read_annotations(path) == result


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"file": "a", "line": 1, "verdict": "other"}, r"segments.jsonl:1: no judged segment \("),
        (rows_of("good")[0], r"no judged segment \(verdict or target_lang is missing or unknown\)"),
        (rows_of("other")[0] | {"target_lang": "xx"}, r"give what `ontarget evaluate --segments-o"),
    ],
)  # fmt: skip
def test_other_files_are_refused(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        annotation.read_disputed(write(tmp_path, [row]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"c": []}', r"a.json: has no answers; give the annotations of a campaign that `ontarget"),
        ('{"user_id": "a", "item": [{}], "annotation": [{}]}', r"a.json: has no answers"),
        ('{"a": 1}\n[\n', r"a.json:2: is not JSON"),
        ("\xff", r"a.json: .*utf-8.*; make the file readable"),
    ],
)
def test_other_annotations_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(CorpusError, match=message):
        annotation.read_annotations(path)


def test_a_missing_file_of_annotations_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"none.json: No such file or directory; make the file"):
        annotation.read_annotations(tmp_path / "none.json")
