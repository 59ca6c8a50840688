"""Averages and tables of literal scores."""

from dataclasses import replace

import pytest

from ontarget.records import Score
from ontarget.report.render.formatting import (
    escape_markdown,
    format_difference,
    markdown_table,
    text_table,
)
from ontarget.report.render.tables import (
    direction_rows,
    notes,
    overview_header,
    overview_rows,
    overview_text,
    unjudged_note,
)
from ontarget.scoring.averages import averages

SCORE = Score(
    system="stage1",
    source="en",
    target="it",
    supervised=True,
    segments=50,
    bleu=90.0,
    chrf=95.0,
    off_target_percent=2.0,
    off_target_interval=(0.4, 10.5),
    reference_off_target_percent=1.0,
    verdicts={},
    languages={},
    detector="lid",
    signatures={},
)
ZERO_SHOT = replace(SCORE, source="it", target="nl", supervised=False, bleu=5.0, chrf=25.0)
SCORES = [
    SCORE,
    replace(SCORE, source="it", target="en", bleu=80.0, off_target_percent=4.0),
    replace(ZERO_SHOT, off_target_percent=98.0, reference_off_target_percent=3.0),
    replace(SCORE, system="stage2"),
    replace(ZERO_SHOT, system="stage2", off_target_percent=3.0, reference_off_target_percent=3.0),
]


def test_averages_are_unweighted_means_by_system_and_setting() -> None:
    first, second, *_ = averages(SCORES)
    assert (first.system, first.supervised, first.directions) == ("stage1", True, 2)
    assert (first.bleu, first.off_target_percent) == (85.0, 3.0)
    assert (second.supervised, second.off_target_percent) == (False, 98.0)


def test_the_overview_has_a_row_per_system_and_one_for_the_references() -> None:
    assert overview_rows(SCORES) == [
        ["stage 1 (MLE)", "3.0", "85.0", "95.0", "98.0", "5.0", "25.0"],
        ["stage 2", "2.0", "90.0", "95.0", "3.0", "5.0", "25.0"],
        ["references", "1.0", "", "", "3.0", "", ""],
    ]


def test_missing_measurements_are_dashes_and_missing_settings_have_no_columns() -> None:
    assert overview_rows(SCORES[:4])[1][4:] == ["-", "-", "-"]
    assert len(overview_header(SCORES[:2])) == len(overview_rows(SCORES[:2])[0]) == 4


def test_a_missing_ratio_is_a_dash_and_in_no_average() -> None:
    unjudged = replace(
        SCORE,
        off_target_percent=None,
        off_target_interval=None,
        reference_off_target_percent=None,
    )
    (mean,) = averages([SCORES[0], SCORES[1], unjudged])
    assert (mean.directions, mean.off_target_percent) == (3, 3.0)
    (mean,) = averages([unjudged])
    assert (mean.off_target_percent, mean.reference_off_target_percent) == (None, None)
    assert overview_rows([unjudged])[0] == ["stage 1 (MLE)", "-", "90.0", "95.0"]
    assert overview_rows([unjudged])[1][1] == "-"
    assert direction_rows([unjudged])[0][4:6] == ["-", "-"]


def test_directions_without_a_ratio_are_counted_in_a_note() -> None:
    unjudged = replace(ZERO_SHOT, target="ro", off_target_percent=None, off_target_interval=None)
    assert unjudged_note([*SCORES, unjudged]) == [
        "Off-target ratios leave out directions in which no segment could be judged: "
        "1 of 2 of stage 1 (MLE), zero-shot."
    ]
    assert unjudged_note(SCORES) == []


def test_translations_that_were_cut_are_counted_in_a_note() -> None:
    """By system and setting, over all directions; nothing is said where none was cut."""
    cut = [replace(SCORE, truncated=3), replace(SCORE, target="nl"), replace(ZERO_SHOT)]
    expected = "Translations that were cut at max_new_tokens: 3 of 100 of stage 1 (MLE), supervised"
    assert notes(cut) == [f"{expected}."]
    cut[2] = replace(ZERO_SHOT, truncated=50)
    assert notes(cut) == [f"{expected}; 50 of 50 of stage 1 (MLE), zero-shot."]
    assert notes(SCORES) == []


def test_the_overview_as_text_has_all_cells_in_80_columns() -> None:
    lines = overview_text(SCORES).splitlines()
    assert max(map(len, lines)) <= 80
    assert " ".join(lines[0].split()) == "supervised zero-shot"
    assert lines[1].split() == ["OTR", "%", "BLEU", "chrF"] * 2
    rows = [" ".join(line.split()) for line in lines[2:]]
    assert rows == [" ".join(" ".join(row).split()) for row in overview_rows(SCORES)]


def test_text_cells_are_literal_and_a_long_name_leaves_the_numbers_intact(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "10")  # neither the terminal nor its colours have an influence
    monkeypatch.setenv("FORCE_COLOR", "1")
    name = "[bold red]:smile: " + "x" * 200
    lines = text_table(["", "a\nb"], [[name, "12345678"], ["short", "1"]])
    assert max(map(len, lines)) <= 80
    assert lines[2].startswith("[bold red]:smile:") and lines[2].endswith("12345678")
    assert "".join(lines).count("x") == 200
    assert "\x1b" not in "".join(lines)
    assert lines[-1].split() == ["short", "1"] and lines[-1].endswith("1")


def test_rows_by_direction_have_interval_and_reference_ratio() -> None:
    assert direction_rows(SCORES)[0] == [
        "stage 1 (MLE)", "en-it", "supervised", "50", "2.0 [0.4, 10.5]", "1.0", "90.0", "95.0",
    ]  # fmt: skip


def test_markdown_cells_cannot_break_the_table() -> None:
    hostile = "a|b`<script>*_[x](y)\n| c"
    text = markdown_table(["h"], [[hostile]])
    assert text.count("\n") == 3
    row = text.splitlines()[2]
    assert row == "| a\\|b\\`\\<script\\>\\*\\_\\[x\\](y) \\| c |"
    assert escape_markdown("\\|") == "\\\\\\|"


def test_a_difference_that_rounds_to_zero_has_no_sign() -> None:
    assert [format_difference(x) for x in (None, -0.04, 0.04, -0.06, 1.25)] == [
        "-", "0.0", "0.0", "-0.1", "+1.2",
    ]  # fmt: skip


def test_each_direction_counts_once_among_the_references() -> None:
    other = replace(SCORE, source="it", target="en", reference_off_target_percent=4.0)
    *_, references = overview_rows([SCORE, other, replace(SCORE, system="stage2")])
    assert references == ["references", "2.5", "", ""]
