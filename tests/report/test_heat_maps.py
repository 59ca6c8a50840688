"""What the page draws, as data."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reports import SCORE, VERDICTS, a_report

from ontarget.offtarget.verdicts import Verdict
from ontarget.report.figures import bars, heat_maps, tables

counts = st.fixed_dictionaries({each.value: st.integers(0, 50) for each in Verdict})


@given(st.lists(counts, min_size=1, max_size=4))
def test_shares_fill_the_bar_in_the_order_of_the_verdicts(
    given_counts: list[dict[str, int]],
) -> None:
    made = bars.draw_bar("stage2", [replace(SCORE, verdicts=each) for each in given_counts])
    total = sum(map(sum, (each.values() for each in given_counts)))
    assert made.segments == total == sum(share.segments for share in made.shares)
    end = 0.0
    for share in made.shares:
        assert abs(share.start - end) < 1e-9 and share.segments > 0
        end = share.start + share.percent
    assert not total or abs(end - 100) < 1e-9
    order = [each.value for each in Verdict]
    drawn = [share.verdict for share in made.shares]
    assert drawn == sorted(drawn, key=order.index)


def test_bars_come_by_setting_and_by_direction() -> None:
    there = replace(SCORE, source="en", supervised=True)
    made = bars.draw_bars([there, SCORE])
    assert [(each.key, each.title) for each in made] == [
        ("zero-shot", "all zero-shot directions"), ("supervised", "all supervised directions"),
        ("en-nl", "English → Dutch"), ("it-nl", "Italian → Dutch"),
    ]  # fmt: skip


def test_languages_beyond_the_most_frequent_are_counted() -> None:
    """Their shares are of all segments, those in no one language included."""
    found = dict(zip("abcdefg", range(70, 0, -10), strict=True))
    verdicts = VERDICTS | {"other": 300, "empty": 100}
    score = replace(SCORE, languages=found, verdicts=verdicts)
    words = bars.draw_bar("stage2", [score]).languages
    assert words == "a 17.5 %, b 15.0 %, c 12.5 %, d 10.0 %, e 7.5 %, 2 more"


def test_every_square_of_the_heat_map_is_in_its_place() -> None:
    off_target, chrf = heat_maps.draw_heat_maps(a_report().scores)["stage2"]
    for square in (off_target, chrf):
        assert [[cell and str(cell.direction) for cell in row] for row in square.rows] == [
            [None, "it-nl"],
            ["nl-it", None],
        ]
    assert off_target.rows[0][1] is not None and chrf.rows[0][1] is not None
    assert (off_target.rows[0][1].text, off_target.rows[0][1].level) == ("2.0", 0)
    assert (chrf.rows[0][1].text, chrf.rows[0][1].level) == ("28", 3)


def test_levels_of_a_colour_are_as_wide_as_one_another() -> None:
    levels = [heat_maps.draw_square(SCORE, value / 10, []).level for value in range(1001)]
    assert [levels.count(level) for level in range(11)] == [50, *[100] * 9, 51]
    assert levels == sorted(levels, key=lambda level: level or 0)


def test_what_could_not_be_judged_has_no_colour() -> None:
    off_target, _ = heat_maps.draw_heat_maps(a_report().scores)["base"]
    assert off_target.rows[0][1] is not None and off_target.rows[0][1].level is None


def test_a_change_goes_through_all_systems_but_the_control() -> None:
    control = replace(SCORE, system="stage1-longer")
    (change,) = heat_maps.draw_changes([*a_report().scores, control])
    assert change.title == "Zero-shot, 2 directions"
    assert change.systems == ("base", "stage 1 (MLE)", "stage 2 (+ unlikelihood)")
    assert change.measures == (
        ("off-target, %", ("-", "98.0", "2.0")), ("BLEU", ("6.0", "6.0", "70.0")),
        ("chrF", ("28.0", "28.0", "28.0")),
    )  # fmt: skip
    assert change.floor == "3.0 %"
    assert [row[0].text for row in change.table.rows][3:] == [
        "stage 1, longer (control)", "references"
    ]  # fmt: skip
    assert [cell.text for cell in change.table.rows[-1]] == ["references", "3.0", "", ""]
    (alone,) = heat_maps.draw_changes([SCORE])
    assert (alone.title, alone.systems) == ("Zero-shot, 1 direction", ("stage 1 (MLE)",))


def test_zero_shot_comes_first() -> None:
    made = heat_maps.draw_changes([replace(SCORE, source="en", supervised=True), SCORE])
    assert [each.title for each in made] == ["Zero-shot, 1 direction", "Supervised, 1 direction"]


def test_files_have_more_digits_than_the_page() -> None:
    table = heat_maps.score_table([replace(SCORE, off_target_percent=97.123)])
    cells = dict(zip(table.columns, table.rows[0], strict=True))
    assert cells["off-target %"] == ("97.1", "97.123")
    assert cells["n"] == ("20", "20")
    assert tables.make_cell(None) == ("-", "") and tables.p_value_cell(0.0001) == (
        "< 0.001",
        "0.0001",
    )


def test_verdicts_are_columns_of_their_table() -> None:
    table = bars.verdict_table([SCORE])
    values = [cell.value for cell in table.rows[0]]
    assert values[3:12] == ["20", *map(str, (SCORE.verdicts[each] for each in VERDICTS))]
    assert values[12] == "en:18 nl:1"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0"), (0.4, "0.4"), (9.94, "9.9"), (9.96, "10"), (100.0, "100")],
)
def test_a_small_ratio_does_not_look_like_none(value: float | None, text: str) -> None:
    assert heat_maps.draw_square(SCORE, value, []).text == text
