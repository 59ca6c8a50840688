"""Figures of a table's rows: means over directions, and what their intervals count as one."""

from dataclasses import replace
from pathlib import Path

import pytest
import sacrebleu
from scipy.stats import t
from support.texts import TEXTS

from ontarget.records import Direction, JudgedTranslation, Score
from ontarget.reproduction.figures import Averages, RunResults, averages_of

IT_NL, NL_IT = Direction("it", "nl"), Direction("nl", "it")
SENTENCES = [*TEXTS["en"], *TEXTS["it"], *TEXTS["nl"]]
VERDICTS = {"+": "on_target", "-": "pivot", "?": "undecided"}


def judged(direction: Direction, verdicts: str, first: int = 1) -> list[JudgedTranslation]:
    """A translation of each verdict in `VERDICTS`, of successive rows; off-target ones are cut."""
    return [
        JudgedTranslation(
            key=f"test.tsv:{row}/{direction}", system="stage2", source_lang=direction.source_lang,
            target_lang=direction.target_lang, source="x", reference=SENTENCES[row],
            hypothesis=SENTENCES[row] if verdict == "+" else SENTENCES[row][:20],
            verdict=VERDICTS[verdict], detected_lang="", reference_verdict="on_target",
            reference_detected_lang="", chrf=0.0,
        )
        for row, verdict in enumerate(verdicts, first)
    ]  # fmt: skip


def score(group: list[JudgedTranslation]) -> Score:
    """The score of a direction, by sacreBLEU and by counting."""
    hypotheses, references = [one.hypothesis for one in group], [[o.reference for o in group]]
    decided = [one.verdict for one in group if one.verdict != "undecided"]
    return Score(
        system="stage2", source=group[0].source_lang, target=group[0].target_lang,
        supervised=False, segments=len(group),
        bleu=sacrebleu.corpus_bleu(hypotheses, references).score,
        chrf=sacrebleu.corpus_chrf(hypotheses, references).score,
        off_target_percent=100 * decided.count("pivot") / len(decided) if decided else None,
        off_target_interval=None, reference_off_target_percent=0.0,
        verdicts={name: sum(one.verdict == name for one in group) for name in VERDICTS.values()},
        languages={}, detector="", signatures={},
    )  # fmt: skip


def zero_shot(*groups: list[JudgedTranslation]) -> Averages:
    """The averages over directions with these translations."""
    results = RunResults(Path("unused"))
    by_direction = {
        ("stage2", Direction(group[0].source_lang, group[0].target_lang)): group for group in groups
    }
    vars(results).update(scores=[score(group) for group in groups], judged=by_direction)
    found = averages_of(results, "stage2", None, supervised=False)
    assert found is not None
    return found


def test_averages_are_unweighted_means_over_directions() -> None:
    one, other = judged(IT_NL, "-+++"), judged(NL_IT, "-+?-++++")
    found = zero_shot(one, other)
    assert found.off_target is not None
    assert found.off_target.percent == pytest.approx((25 + 200 / 7) / 2)
    assert found.bleu.percent == pytest.approx((score(one).bleu + score(other).bleu) / 2)
    assert found.chrf.percent == pytest.approx((score(one).chrf + score(other).chrf) / 2)
    assert (found.segments, found.directions) == (12, (IT_NL, NL_IT))


def test_the_interval_of_the_ratio_is_wilsons_of_the_variance_between_rows() -> None:
    """Rows 1 to 4: both, one, none and none of two directions are off-target."""
    found = zero_shot(judged(IT_NL, "-+++"), judged(NL_IT, "--++")).off_target
    mean = (1 / 4 + 2 / 4) / 2
    residuals = [(1 + 1 - 0.75) / 8, (0 + 1 - 0.75) / 8, -0.75 / 8, -0.75 / 8]
    observations = mean * (1 - mean) / (4 / 3 * sum(residual**2 for residual in residuals))
    square = t.ppf(0.975, 3) ** 2
    middle = (mean + square / (2 * observations)) / (1 + square / observations)
    half = (mean * (1 - mean) / observations + square / (4 * observations**2)) ** 0.5
    half *= square**0.5 / (1 + square / observations)
    assert found is not None
    assert found.low == pytest.approx(100 * max(middle - half, 0))
    assert found.high == pytest.approx(100 * (middle + half))


def test_a_direction_that_repeats_another_one_narrows_no_interval() -> None:
    once = zero_shot(judged(IT_NL, "-++-+?+"))
    twice = zero_shot(judged(IT_NL, "-++-+?+"), judged(NL_IT, "-++-+?+")[::-1])
    for name in ("off_target", "bleu", "chrf"):
        one, two = getattr(once, name), getattr(twice, name)
        assert (two.low, two.high) == pytest.approx((one.low, one.high)), name


def test_a_direction_of_other_rows_narrows_the_intervals() -> None:
    verdicts = "-++-+++-"
    once = zero_shot(judged(IT_NL, verdicts), judged(NL_IT, verdicts))
    apart = judged(NL_IT, verdicts)
    apart = [replace(one, key=one.key.replace("test", "other")) for one in apart]
    twice = zero_shot(judged(IT_NL, verdicts), apart)
    for name in ("off_target", "bleu", "chrf"):
        one, two = getattr(once, name), getattr(twice, name)
        assert two.high - two.low < 0.9 * (one.high - one.low), name


def test_without_a_judged_segment_there_is_no_ratio() -> None:
    assert zero_shot(judged(IT_NL, "??"), judged(NL_IT, "-+")).off_target is None
