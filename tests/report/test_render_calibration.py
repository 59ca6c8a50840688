"""A calibration as Markdown and JSON, and its warnings."""

import json

import pytest
from support.calibrations import count_texts, many

from ontarget.offtarget.calibration.counts import EDGES
from ontarget.report.render import calibration

MEASURED = count_texts(
    many("it", "it", 50, on=990, off=10)
    + many("nl", "it", 50, on=1, off=999)
    + many("uk", "it", 50, on=0, off=1000)
    + [("nl", "uk", 12, "undecided")] * 7
)


def test_the_table_has_one_cell_per_length_band_and_the_worst_targets_first() -> None:
    text = calibration.markdown({"a|b": ("lid:x|v:1", MEASURED)}, ["it", "nl"])
    assert "## a\\|b\n\nlid:x\\|v:1\n" in text
    assert "| 99.0 (98.2-99.5) / 1.0 / 1000 |" in text
    assert "| it | - | - | - | - | 99.0" in text
    assert "\n| nl | it 0.1 (0.0-0.6) / 1000 |\n" in text  # uk: nothing judged


def test_json_has_every_proportion_with_its_counts() -> None:
    content = json.loads(calibration.json_text({"x": ("lid:x", MEASURED)}, ["it", "nl"]))
    (detector,) = content["detectors"]
    italian, dutch = detector["languages"]
    assert list(detector) == ["detector", "signature", "languages"]
    assert italian["floor"]["count"] == 10 and italian["floor"]["of"] == 1000
    assert italian["off_target_trusted_from"] is None  # 1.0 %, at most 1.8
    assert italian["on_target_trusted_from"] == 40
    assert [band["from"] for band in italian["bands"]] == list(EDGES)
    assert [band["texts"] for band in italian["bands"]] == [0, 0, 0, 0, 1000, 0, 0]
    assert italian["bands"][0]["right"]["percent"] is None
    assert dutch["asked_for"]["uk"] == {
        "texts": 7,
        "missed": {"percent": None, "low": None, "high": None, "count": 0, "of": 0},
    }
    assert dutch["asked_for"]["it"]["missed"]["percent"] == pytest.approx(0.1)


def test_references_that_every_detector_calls_off_target_give_a_warning() -> None:
    swapped = count_texts(many("nl", "nl", 50, on=40, off=60))
    good = count_texts(many("nl", "nl", 50, on=60, off=40))
    (line,) = calibration.reference_warnings({"x": ("", swapped)}, ["nl"], 0)
    assert "more than half of the references in nl" in line and "most of them ro" in line
    both = {"x": ("", swapped), "y": ("", good)}
    assert calibration.reference_warnings(both, ["nl"], 0) == []
    assert calibration.reference_warnings({}, [], 1200) == ["lines without text, left out: 1,200"]


def test_missed_texts_are_shown_only_if_there_are_other_languages() -> None:
    one_language = count_texts(many("nl", "nl", 50, on=40))
    assert "is missed most" not in calibration.markdown({"x": ("", one_language)}, ["nl"])
    two = count_texts(many("nl", "nl", 50, on=40) + many("nl", "it", 50, on=1, off=39))
    assert "| nl | it 2.5 (" in calibration.markdown({"x": ("", two)}, ["nl", "it"])
