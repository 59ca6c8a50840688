"""Scores against sacreBLEU's public calls, and differences against its significance tests."""

import random
import statistics

import pytest
import sacrebleu
from sacrebleu.metrics.base import Metric
from sacrebleu.significance import PairedTest
from support.texts import TEXTS

from ontarget.scoring import resampling
from ontarget.scoring import sacrebleu as wrapped

REFERENCES = [text for code in ("en", "it", "nl", "ro") for text in TEXTS[code]]
SECOND = [text.replace(" the ", " that ") for text in REFERENCES]
METRICS = wrapped.metrics("it")
each_metric = pytest.mark.parametrize("name", METRICS)


def worsened(share: float) -> list[str]:
    draw = random.Random(f"worsened/{share}")
    return [" ".join(word for word in text.split() if draw.random() > share) for text in REFERENCES]


def public(metric: Metric, hypotheses: list[str], references: list[list[str]]) -> float:
    return float(metric.corpus_score(hypotheses, references).score)


@each_metric
@pytest.mark.parametrize("references", [[REFERENCES], [REFERENCES, SECOND]])
def test_scores_are_sacrebleus(name: str, references: list[list[str]]) -> None:
    metric, hypotheses = METRICS[name], worsened(0.2)
    off = [number % 3 == 0 for number in range(len(hypotheses))]
    on = [number % 3 == 1 for number in range(len(hypotheses))]
    its = wrapped.segment_statistics(metric, hypotheses, references)
    empty = wrapped.segment_statistics(metric, [""] * len(its), references)
    found = resampling.system_score(metric, its, empty, (on, off))
    assert found.score == pytest.approx(public(metric, hypotheses, references))
    kept = [[each for each, keep in zip(file, on, strict=True) if keep] for file in references]
    only = [each for each, keep in zip(hypotheses, on, strict=True) if keep]
    assert found.on_target_only == pytest.approx(public(metric, only, kept))
    emptied = ["" if wrong else each for each, wrong in zip(hypotheses, off, strict=True)]
    assert found.off_target_as_empty == pytest.approx(public(metric, emptied, references))
    public(metric, hypotheses, references)
    assert found.signature == str(metric.get_signature())
    assert f"nrefs:{len(references)}" in found.signature


@each_metric
def test_the_interval_is_that_of_sacrebleus_bootstrap(name: str) -> None:
    metric, hypotheses = METRICS[name], worsened(0.2)
    its = wrapped.segment_statistics(metric, hypotheses, [REFERENCES])
    nobody = [False] * len(its)
    found = resampling.system_score(metric, its, its, (nobody, nobody))
    theirs = metric.corpus_score(hypotheses, [REFERENCES], n_bootstrap=1000)
    assert (found.high - found.low) / 2 == pytest.approx(theirs._ci, rel=0.15)
    assert found.low < found.score < found.high
    assert found.on_target_only is None


@each_metric
@pytest.mark.parametrize("worse", [0.2, 0.25, 0.4])
def test_both_tests_are_those_of_sacrebleu(name: str, worse: float) -> None:
    first, other = worsened(0.2), worsened(worse)
    metric = METRICS[name]
    stats = [wrapped.segment_statistics(metric, each, [REFERENCES]) for each in (first, other)]
    found = resampling.compare_systems(metric, *stats)
    for kind, ours in (("bs", found.bootstrap_p), ("ar", found.randomisation_p)):
        named = [("first", first), ("other", other)]
        test = PairedTest(named, {name: metric}, [REFERENCES], test_type=kind)
        ((_, (one, two)),) = [each for each in test()[1].items() if each[0] != "System"]
        assert ours == pytest.approx(two.p_value, abs=0.005)  # theirs sums in float32
        assert found.difference == pytest.approx(two.score - one.score)


def test_a_mean_has_the_score_subsets_and_signature_that_it_says() -> None:
    scores, empty = [0.5, -0.25, 0.75, 1.0], [0.1, 0.2, 0.3, 0.4]
    mean = wrapped.SegmentMean("comet:2.2.7")
    masks = ([True, False, True, False], [False, True, False, False])
    found = resampling.system_score(
        mean, wrapped.mean_statistics(scores), wrapped.mean_statistics(empty), masks
    )
    assert (found.score, found.signature) == (0.5, "comet:2.2.7")
    assert found.on_target_only == pytest.approx((0.5 + 0.75) / 2)
    assert found.off_target_as_empty == pytest.approx((0.5 + 0.2 + 0.75 + 1.0) / 4)


def test_the_interval_of_a_mean_is_that_of_the_normal_approximation() -> None:
    draw = random.Random("interval")
    scores = [draw.gauss(0.8, 0.1) for _ in range(400)]
    its, nobody = wrapped.mean_statistics(scores), [False] * 400
    found = resampling.system_score(wrapped.SegmentMean(""), its, its, (nobody, nobody))
    half = 1.96 * statistics.stdev(scores) / 20
    assert found.low == pytest.approx(statistics.fmean(scores) - half, abs=half / 8)
    assert found.high == pytest.approx(statistics.fmean(scores) + half, abs=half / 8)


def test_the_randomisation_of_means_is_that_of_every_exchange() -> None:
    first = [0.5, 0.625, 0.75, 0.25, 0.875, 0.5, 0.375, 0.125, 0.75, 1.0]
    other = [0.75, 0.5, 0.875, 0.5, 1.0, 0.5, 0.25, 0.5, 1.0, 0.875]
    apart = [b - a for a, b in zip(first, other, strict=True)]
    every = [
        abs(sum(-each if bits >> place & 1 else each for place, each in enumerate(apart)))
        for bits in range(2 ** len(apart))
    ]
    exact = sum(each > abs(sum(apart)) for each in every) / len(every)
    found = resampling.compare_systems(
        wrapped.SegmentMean(""),
        wrapped.mean_statistics(first),
        wrapped.mean_statistics(other),
    )
    assert found.difference == pytest.approx(sum(apart) / 10)
    assert found.randomisation_p == pytest.approx(exact, abs=0.015) and 0.02 < exact < 0.2


def test_the_paired_bootstrap_of_means_tells_a_shift_from_noise() -> None:
    draw = random.Random("bootstrap")
    first = [draw.gauss(0.8, 0.1) for _ in range(100)]
    found = [
        resampling.compare_systems(
            wrapped.SegmentMean(""),
            wrapped.mean_statistics(first),
            wrapped.mean_statistics([each + shift + draw.gauss(0, 0.05) for each in first]),
        ).bootstrap_p
        for shift in (0.0, 0.03)
    ]
    assert found[0] > 0.1 and found[1] < 0.01


def test_tokenizers_follow_the_language() -> None:
    chinese = wrapped.metrics("zh-Hans")
    wrapped.segment_statistics(chinese["ter"], ["一二三四"], [["一二三五"]])
    assert "asian:yes" in str(chinese["ter"].get_signature())
    its = wrapped.segment_statistics(chinese["ter"], ["一二三四"], [["一二三五"]])
    assert wrapped.score_of(chinese["ter"], its.sum(0)) == pytest.approx(25)
    wrapped.segment_statistics(chinese["bleu"], ["一二三四"], [["一二三五"]])
    assert "tok:zh" in str(chinese["bleu"].get_signature())


@pytest.mark.parametrize("counts", [(1, 2), (2, 1), (0, 0)])
def test_unequal_or_no_lines_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"\d hypotheses against \d references \(file 1\)"):
        wrapped.segment_statistics(METRICS["bleu"], ["a"] * counts[0], [["a"] * counts[1]])


def test_a_segments_score_is_that_of_a_corpus_of_its_own() -> None:
    hypotheses, references = ["ein Haus", "", "the cat sat"], ["ein Haus", "x", "the cat sits"]
    chrf = wrapped.metrics("en")["chrf"]
    assert wrapped.segment_scores(chrf, hypotheses, references) == pytest.approx(
        [
            sacrebleu.corpus_chrf([text], [[reference]]).score
            for text, reference in zip(hypotheses, references, strict=True)
        ]
    )
