"""Changes, heat maps and bars as plain data."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reports import SCORE, VERDICTS, a_report

from ontarget.offtarget.verdicts import Verdict
from ontarget.report.figures import bars, changes, heat_maps, tables

counts = st.fixed_dictionaries({each.value: st.integers(0, 50) for each in Verdict})


@given(st.lists(counts, min_size=1, max_size=4))
def test_parts_fill_the_bar_in_the_order_of_the_verdicts(
    verdict_counts: list[dict[str, int]],
) -> None:
    scores = [replace(SCORE, verdicts=verdicts) for verdicts in verdict_counts]
    bar = bars.draw_bar("stage2", scores)
    total = sum(sum(verdicts.values()) for verdicts in verdict_counts)
    assert bar.segments == total == sum(part.segments for part in bar.parts)
    end = 0.0
    for part in bar.parts:
        assert abs(part.start - end) < 1e-9 and part.segments > 0
        end = part.start + part.percent
    assert not total or abs(end - 100) < 1e-9
    order = [verdict.value for verdict in Verdict]
    drawn = [part.verdict for part in bar.parts]
    assert drawn == sorted(drawn, key=order.index)


def test_there_are_bars_for_each_setting_and_direction() -> None:
    supervised = replace(SCORE, source="en", supervised=True)
    groups = bars.draw_bars([supervised, SCORE])
    assert [(group.key, group.title) for group in groups] == [
        ("zero-shot", "all zero-shot directions"), ("supervised", "all supervised directions"),
        ("en-nl", "English → Dutch"), ("it-nl", "Italian → Dutch"),
    ]  # fmt: skip


def test_only_the_most_frequent_languages_are_named() -> None:
    """Percentages are of all segments, including those without a language."""
    languages = dict(zip("abcdefg", range(70, 0, -10), strict=True))
    verdicts = VERDICTS | {"other": 300, "empty": 100}
    score = replace(SCORE, languages=languages, verdicts=verdicts)
    text = bars.draw_bar("stage2", [score]).languages
    assert text == "a 17.5 %, b 15.0 %, c 12.5 %, d 10.0 %, e 7.5 %, 2 more"


def test_rows_of_heat_maps_are_sources_and_columns_are_targets() -> None:
    off_target, chrf = heat_maps.draw_heat_maps(a_report().scores)["stage2"]
    for heat_map in (off_target, chrf):
        assert [[cell and str(cell.direction) for cell in row] for row in heat_map.rows] == [
            [None, "it-nl"],
            ["nl-it", None],
        ]
    assert off_target.rows[0][1] is not None and chrf.rows[0][1] is not None
    assert (off_target.rows[0][1].text, off_target.rows[0][1].level) == ("2.0", 0)
    assert (chrf.rows[0][1].text, chrf.rows[0][1].level) == ("28", 3)


def test_colour_levels_are_equally_wide() -> None:
    levels = [heat_maps.draw_square(SCORE, value / 10, []).level for value in range(1001)]
    assert [levels.count(level) for level in range(11)] == [50, *[100] * 9, 51]
    assert levels == sorted(levels, key=lambda level: level or 0)


def test_a_direction_without_a_ratio_has_no_colour() -> None:
    off_target, _ = heat_maps.draw_heat_maps(a_report().scores)["base"]
    assert off_target.rows[0][1] is not None and off_target.rows[0][1].level is None


def test_the_control_is_in_the_table_of_changes_only() -> None:
    control = replace(SCORE, system="stage1-longer")
    (change,) = changes.draw_changes([*a_report().scores, control])
    assert change.title == "Zero-shot, 2 directions"
    assert change.systems == ("base", "stage 1 (MLE)", "stage 2")
    assert change.measures == (
        ("off-target, %", ("-", "98.0", "2.0")), ("BLEU", ("6.0", "6.0", "70.0")),
        ("chrF", ("28.0", "28.0", "28.0")),
    )  # fmt: skip
    assert change.reference_ratio == "3.0 %"
    assert [row[0].text for row in change.table.rows][3:] == [
        "stage 1, longer (control)", "references"
    ]  # fmt: skip
    assert [cell.text for cell in change.table.rows[-1]] == ["references", "3.0", "", ""]
    (alone,) = changes.draw_changes([SCORE])
    assert (alone.title, alone.systems) == ("Zero-shot, 1 direction", ("stage 1 (MLE)",))


def test_zero_shot_changes_come_first() -> None:
    drawn = changes.draw_changes([replace(SCORE, source="en", supervised=True), SCORE])
    assert [change.title for change in drawn] == [
        "Zero-shot, 1 direction",
        "Supervised, 1 direction",
    ]


def test_exports_have_more_decimals_than_the_page() -> None:
    table = heat_maps.score_table([replace(SCORE, off_target_percent=97.123)])
    cells = dict(zip(table.columns, table.rows[0], strict=True))
    assert cells["off-target %"] == ("97.1", "97.123")
    assert cells["n"] == ("20", "20")
    assert tables.make_cell(None) == ("-", "") and tables.p_value_cell(0.0001) == (
        "< 0.001",
        "0.0001",
    )


def test_the_verdict_table_has_a_column_per_verdict() -> None:
    table = bars.verdict_table([SCORE])
    values = [cell.value for cell in table.rows[0]]
    assert values[3:12] == ["20", *map(str, SCORE.verdicts.values())]
    assert values[12] == "en:18 nl:1"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0"), (0.4, "0.4"), (9.94, "9.9"), (9.96, "10"), (100.0, "100")],
)
def test_a_small_ratio_does_not_look_like_zero(value: float | None, text: str) -> None:
    assert heat_maps.draw_square(SCORE, value, []).text == text


def test_the_headline_is_the_way_from_base_to_stage_2_and_the_table_has_every_system() -> None:
    names = ["base", "stage1", "stage1-longer", "stage2", "stage2+first-words"]
    (change,) = changes.draw_changes([replace(SCORE, system=name) for name in names])
    assert change.systems == ("base", "stage 1 (MLE)", "stage 2")
    assert "stage 2, first-words" in str(change.table.rows)
