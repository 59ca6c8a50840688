"""What a person and a script read of an evaluation, from numbers written down here."""

import json
from dataclasses import replace

from ontarget.analysis.evaluate import Evaluation
from ontarget.offtarget.ratio import OffTargetScore
from ontarget.report.render.evaluation import json_line, text_lines
from ontarget.scoring.resampling import Difference, SystemScore

RATIO = OffTargetScore(
    percent=20.0,
    low=10.0,
    high=30.0,
    count=2,
    judged=10,
    floor_percent=10.0,
    excess_percent=10.0,
    excess_low=-1.0,
    excess_high=21.0,
    verdicts={"on_target": 8, "source_copy": 2, "mixed": 0},
    languages={"it": 8, "nl": 2},
    signature="n:11|lid:x",
    lpr=80.0,
    wpr=None,
)
BLEU = SystemScore(30.0, 28.0, 32.0, "tok:13a", 40.0, 29.0)
FOUND = Evaluation(
    file="a\x1b.txt",
    off_target=RATIO,
    scores={"bleu": BLEU},
    versus_first={"bleu": Difference(-1.5, 0.01, 0.0001)},
)


def test_what_a_person_reads() -> None:
    assert text_lines(FOUND) == [
        r"a\x1b.txt",
        "  off-target 20.0 % [10.0, 30.0] floor 10.0 % | n:11|lid:x",
        "  above the floor: 10.0 points [-1.0, 21.0]",
        "  verdicts: on target 8, source copy 2",
        "  languages: it 8, nl 2",
        "  line-level pass rate 80.0 %, word-level -",
        "              all  95 %            on-target only  off-target as empty"
        "  against the first (p: bootstrap, randomisation)",
        "  BLEU      30.00  [28.00, 32.00]           40.00                29.00"
        "  -1.50 (0.0100, 0.0001)",
        "  BLEU    tok:13a",
    ]


def test_what_is_unknown_is_a_dash_or_left_out() -> None:
    nothing = replace(BLEU, on_target_only=None)
    ratio = replace(RATIO, floor_percent=None, excess_percent=None)
    alone = replace(FOUND, off_target=ratio, versus_first=None, scores={"bleu": nothing})
    text = text_lines(alone)
    assert not any("floor" in line or "first" in line for line in text)
    assert "             -" in text[-2]
    assert len(text_lines(replace(alone, scores={}))) == 5


def test_scores_about_one_have_four_digits_and_columns_stay_in_line() -> None:
    comet = SystemScore(-0.83124, -0.84, -0.82, "comet:2.2.7|model:\x1b|refs:1", None, 0.5)
    text = text_lines(replace(FOUND, scores={"bleu": BLEU, "comet": comet}, versus_first=None))
    assert text[-4:] == [
        "  BLEU      30.00  [28.00, 32.00]             40.00                29.00",
        "  COMET   -0.8312  [-0.8400, -0.8200]             -               0.5000",
        "  BLEU    tok:13a",
        r"  COMET   comet:2.2.7|model:\x1b|refs:1",
    ]
    assert text[1].startswith("  off-target 20.0 %")


def test_what_a_script_reads() -> None:
    found = json.loads(json_line(FOUND))
    assert found["off_target"]["verdicts"] == RATIO.verdicts
    assert (found["segments"], found["lpr"], found["wpr"]) == (10, 80.0, None)
    assert found["scores"]["bleu"]["on_target_only"] == 40.0
    assert found["versus_first"] == {
        "bleu": {"difference": -1.5, "bootstrap_p": 0.01, "randomisation_p": 0.0001}
    }
    assert "\n" not in json_line(FOUND) and "lpr" not in found["off_target"]
    assert json.loads(json_line(replace(FOUND, versus_first=None)))["versus_first"] is None
