"""Matrices of differences between systems, and the table behind them."""

from support.reports import SYSTEMS, a_segment

from ontarget.analysis.segments import align_segments
from ontarget.analysis.significance import SystemPair, compare_pairs
from ontarget.report.figures.matrix import draw_matrices, pair_table


def zero_shot_pairs() -> list[SystemPair]:
    outputs = [output for number in range(10) for output in a_segment(number)]
    return compare_pairs(align_segments(outputs, SYSTEMS), supervised=False)


def test_cells_mirror_each_other() -> None:
    off_target, chrf = draw_matrices(zero_shot_pairs())
    assert off_target.systems == SYSTEMS and off_target.title.startswith("Zero-shot: off-target")
    assert [[cell and (cell.text, cell.outcome) for cell in row] for row in off_target.rows] == [
        [None, ("0.0", "chance"), ("+100.0", "worse")],
        [("0.0", "chance"), None, ("+100.0", "worse")],
        [("−100.0", "better"), ("−100.0", "better"), None],
    ]
    one, mirrored = chrf.rows[2][1], chrf.rows[1][2]
    assert one is not None and mirrored is not None
    assert one.detail.startswith("stage 2 against stage 1 (MLE): +50.0 points, p = 0.00")
    assert mirrored.text == "−50.0"
    assert mirrored.detail.startswith("stage 1 (MLE) against stage 2: −50")
    assert mirrored.detail.endswith("10 segments: worse")


def test_the_table_has_the_numbers_behind_the_cells() -> None:
    *_, last = pair_table(zero_shot_pairs()).rows
    assert [cell.value for cell in last][:8] == [
        "zero-shot", "stage 1 (MLE)", "stage 2", "10", "10", "0", "-100", "0.00195"
    ]  # fmt: skip
