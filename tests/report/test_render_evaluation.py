"""An evaluation of literal numbers as text and as JSON."""

import json
from dataclasses import replace

import pytest

from ontarget.analysis.evaluate_files import Evaluation, OffTargetDifference
from ontarget.offtarget.ratio import OffTargetScore
from ontarget.report.render.evaluation import json_line, line_rates, text_lines
from ontarget.scoring.resampling import Difference, SystemScore
from ontarget.stats import Estimate

RATIO = OffTargetScore(
    percent=20.0,
    low=10.0,
    high=30.0,
    count=2,
    judged=10,
    floor_percent=10.0,
    floor_source="references",
    excess_percent=10.0,
    excess_low=-1.0,
    excess_high=21.0,
    verdicts={"on_target": 8, "source_copy": 2, "mixed": 0},
    corrected=Estimate(11.0, 1.0, 25.0),
    grade="C",
    warning="it has grade C",
    languages={"it": 8, "nl": 2},
    inside={"preamble": 1, "foreign_words": 2},
    signature="n:11|lid:x",
    line_percent=80.0,
    word_percent=None,
)
BLEU = SystemScore(30.0, 28.0, 32.0, "tok:13a", 40.0, 29.0)
COMET = SystemScore(-0.83124, -0.84, -0.82, "comet:2.2.7|model:\x1b|refs:1", None, 0.5)
EVALUATION = Evaluation(
    file="a\x1b.txt",
    off_target=RATIO,
    scores={"bleu": BLEU},
    versus_first={"bleu": Difference(-1.5, 0.01, 0.0001)},
    off_target_versus_first=OffTargetDifference(only_this=1, only_first=5, p=0.21875),
)


def cells(lines: list[str]) -> list[str]:
    return [" ".join(line.split()) for line in lines]


def test_the_text_has_the_ratio_then_the_scores_then_their_signatures() -> None:
    lines = text_lines(EVALUATION)
    assert lines[:10] == [
        r"a\x1b.txt",
        "  excess 10.0 points [-1.0, 21.0] over the references' floor of 10.0 %",
        "  off-target 20.0 % [10.0, 30.0], corrected 11.0 % [1.0, 25.0]",
        "  n:11|lid:x",
        "  warning: it has grade C",
        "  off-target in this file only: 1, in the first only: 5 (sign test: p = 0.2188)",
        "  verdicts: on target 8, source copy 2",
        "  languages: it 8, nl 2",
        "  inside segments: preamble 1, foreign words 2",
        "  lines of 5 words or more: in 80.0 % of responses all in the target language",
    ]
    assert cells(lines[10:]) == [
        "on-target off-target versus p: boot- random-",
        "all 95 % only as empty first strap isation",
        "BLEU 30.00 [28.00, 32.00] 40.00 29.00 -1.50 0.0100 0.0001",
        "BLEU: tok:13a",
    ]


@pytest.mark.parametrize(
    ("lines", "words", "expected"),
    [
        (None, None, []),
        (80.0, 75.0, ["lines of 5 words or more: in 80.0 % of responses all in the target language",
                      "of these responses, 75.0 % have no English word"]),
    ],
)  # fmt: skip
def test_rates_of_lines_are_given_where_lines_count(
    lines: float | None, words: float | None, expected: list[str]
) -> None:
    assert line_rates(replace(RATIO, line_percent=lines, word_percent=words)) == expected


def test_missing_values_are_dashes_or_left_out() -> None:
    ratio = replace(
        RATIO, floor_percent=None, excess_percent=None, corrected=None, warning=None, inside={}
    )
    scores = {"bleu": replace(BLEU, on_target_only=None)}
    alone = replace(
        EVALUATION,
        off_target=ratio,
        versus_first=None,
        off_target_versus_first=None,
        scores=scores,
    )
    lines = text_lines(alone)
    assert lines[1:3] == ["  off-target 20.0 % [10.0, 30.0]", "  n:11|lid:x"]
    assert lines[3].startswith("  verdicts") and cells(lines)[-2].endswith("32.00] - 29.00")
    assert not any("first" in line for line in lines)
    without_scores = text_lines(replace(alone, scores={}))
    assert without_scores == lines[:6]


def test_scores_with_a_range_of_one_have_four_decimals() -> None:
    both = replace(EVALUATION, scores={"bleu": BLEU, "comet": COMET}, versus_first=None)
    assert cells(text_lines(both))[-4:] == [
        "BLEU 30.00 [28.00, 32.00] 40.00 29.00",
        "COMET -0.8312 [-0.8400, -0.8200] - 0.5000",
        "BLEU: tok:13a",
        r"COMET: comet:2.2.7|model:\x1b|refs:1",
    ]


def test_the_widest_table_fits_80_columns() -> None:
    difference = Difference(-0.00012, 0.01, 0.0001)
    names = ("bleu", "chrf", "chrf++", "ter", "comet", "metricx", "bleurt")
    scores = dict.fromkeys(names, replace(COMET, on_target_only=-0.8312, signature="s"))
    full = replace(EVALUATION, scores=scores, versus_first=dict.fromkeys(names, difference))
    lines = text_lines(full)
    assert max(map(len, lines)) <= 80
    rows = {row.split()[0]: row for row in cells(lines[9:])}
    assert rows["COMET"] == (
        "COMET -0.8312 [-0.8400, -0.8200] -0.8312 0.5000 -0.0001 0.0100 0.0001"
    )


def test_json_has_all_numbers_on_one_line() -> None:
    content = json.loads(json_line(EVALUATION))
    assert content["off_target"]["verdicts"] == RATIO.verdicts
    assert (content["segments"], content["line_percent"], content["word_percent"]) == (
        10,
        80.0,
        None,
    )
    assert content["scores"]["bleu"]["on_target_only"] == 40.0
    assert content["versus_first"] == {
        "bleu": {"difference": -1.5, "bootstrap_p": 0.01, "randomisation_p": 0.0001}
    }
    assert content["off_target_versus_first"] == {"only_this": 1, "only_first": 5, "p": 0.21875}
    assert "\n" not in json_line(EVALUATION) and "line_percent" not in content["off_target"]
    first = replace(EVALUATION, versus_first=None, off_target_versus_first=None)
    assert json.loads(json_line(first))["versus_first"] is None
    assert json.loads(json_line(first))["off_target_versus_first"] is None
