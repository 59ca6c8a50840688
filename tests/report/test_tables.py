"""Averages and tables of literal scores."""

from dataclasses import replace

from ontarget.records import Score
from ontarget.report.render.tables import (
    by_direction,
    escape_markdown,
    header,
    markdown,
    overview,
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


def test_the_overview_has_a_row_a_system_and_one_for_the_references() -> None:
    assert overview(SCORES) == [
        ["stage 1 (MLE)", "3.0", "85.0", "95.0", "98.0", "5.0", "25.0"],
        ["stage 2 (+ unlikelihood)", "2.0", "90.0", "95.0", "3.0", "5.0", "25.0"],
        ["references", "1.0", "", "", "3.0", "", ""],
    ]


def test_what_was_not_measured_is_a_dash_or_absent() -> None:
    assert overview(SCORES[:4])[1][4:] == ["-", "-", "-"]
    assert len(header(SCORES[:2])) == len(overview(SCORES[:2])[0]) == 4


def test_a_ratio_of_nothing_judged_is_a_dash_and_in_no_mean() -> None:
    unknown = replace(
        SCORE,
        off_target_percent=None,
        off_target_interval=None,
        reference_off_target_percent=None,
    )
    (mean,) = averages([SCORES[0], SCORES[1], unknown])
    assert (mean.directions, mean.off_target_percent) == (3, 3.0)
    (mean,) = averages([unknown])
    assert (mean.off_target_percent, mean.reference_off_target_percent) == (None, None)
    assert overview([unknown])[0] == ["stage 1 (MLE)", "-", "90.0", "95.0"]
    assert overview([unknown])[1][1] == "-"
    assert by_direction([unknown])[0][4:6] == ["-", "-"]


def test_an_average_says_over_how_many_directions_it_is() -> None:
    unknown = replace(ZERO_SHOT, target="ro", off_target_percent=None, off_target_interval=None)
    assert unjudged_note([*SCORES, unknown]) == [
        "Off-target ratios leave out directions in which no segment could be judged: "
        "1 of 2 of stage 1 (MLE), zero-shot."
    ]
    assert unjudged_note(SCORES) == []


def test_the_plain_table_fits_80_columns_and_keeps_its_columns() -> None:
    lines = overview_text(SCORES).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].split()[-6:] == ["3.0", "85.0", "95.0", "98.0", "5.0", "25.0"]
    places = [lines[index].rfind(text) + len(text) for index, text in ((2, "98.0"), (4, "3.0"))]
    assert places[0] == places[1]


def test_a_direction_shows_its_interval_and_floor() -> None:
    assert by_direction(SCORES)[0] == [
        "stage 1 (MLE)", "en-it", "supervised", "50", "2.0 [0.4, 10.5]", "1.0", "90.0", "95.0",
    ]  # fmt: skip


def test_markdown_cells_cannot_break_out() -> None:
    hostile = "a|b`<script>*_[x](y)\n| c"
    text = markdown(["h"], [[hostile]])
    assert text.count("\n") == 3
    row = text.splitlines()[2]
    assert row == "| a\\|b\\`\\<script\\>\\*\\_\\[x\\](y) \\| c |"
    assert escape_markdown("\\|") == "\\\\\\|"


def test_a_direction_that_a_system_lacks_weighs_no_less_among_the_references() -> None:
    other = replace(SCORE, source="it", target="en", reference_off_target_percent=4.0)
    *_, references = overview([SCORE, other, replace(SCORE, system="stage2")])
    assert references == ["references", "2.5", "", ""]
