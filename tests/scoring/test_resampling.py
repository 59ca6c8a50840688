"""Scores against sacreBLEU's public calls, and differences against its significance tests."""

import random
import statistics

import pytest
from sacrebleu.metrics.base import Metric
from sacrebleu.significance import PairedTest
from support.texts import TEXTS

from ontarget.scoring import resampling, sacrebleu
from ontarget.scoring.sacrebleu import SegmentMean, mean_statistics

REFERENCES = [text for code in ("en", "it", "nl", "ro") for text in TEXTS[code]]
SECOND_REFERENCES = [text.replace(" the ", " that ") for text in REFERENCES]
METRICS = sacrebleu.metrics("it")


def without_words(share: float) -> list[str]:
    """The references without about this share of their words."""
    rng = random.Random(f"without/{share}")
    return [" ".join(word for word in text.split() if rng.random() > share) for text in REFERENCES]


def public_score(metric: Metric, hypotheses: list[str], references: list[list[str]]) -> float:
    return float(metric.corpus_score(hypotheses, references).score)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("references", [[REFERENCES], [REFERENCES, SECOND_REFERENCES]])
def test_scores_are_those_of_sacrebleu(name: str, references: list[list[str]]) -> None:
    metric, hypotheses = METRICS[name], without_words(0.2)
    outcomes = [(True, False, None)[number % 3] for number in range(len(hypotheses))]
    measured = sacrebleu.segment_statistics(metric, hypotheses, references)
    empty = sacrebleu.segment_statistics(metric, [""] * len(hypotheses), references)
    result = resampling.system_score(metric, measured, empty, outcomes)
    assert result.score == pytest.approx(public_score(metric, hypotheses, references))

    def on_target(texts: list[str]) -> list[str]:
        return [text for text, off in zip(texts, outcomes, strict=True) if off is False]

    assert result.on_target_only == pytest.approx(
        public_score(metric, on_target(hypotheses), list(map(on_target, references)))
    )
    emptied = ["" if off else text for text, off in zip(hypotheses, outcomes, strict=True)]
    assert result.off_target_as_empty == pytest.approx(public_score(metric, emptied, references))
    public_score(metric, hypotheses, references)
    assert result.signature == str(metric.get_signature())
    assert f"nrefs:{len(references)}" in result.signature


@pytest.mark.parametrize("name", METRICS)
def test_the_interval_is_that_of_sacrebleus_bootstrap(name: str) -> None:
    metric, hypotheses = METRICS[name], without_words(0.2)
    measured = sacrebleu.segment_statistics(metric, hypotheses, [REFERENCES])
    result = resampling.system_score(metric, measured, measured, [None] * len(hypotheses))
    expected = metric.corpus_score(hypotheses, [REFERENCES], n_bootstrap=1000)
    assert (result.high - result.low) / 2 == pytest.approx(expected._ci, rel=0.15)
    assert result.low < result.score < result.high
    assert result.on_target_only is None


@pytest.mark.parametrize(
    ("name", "share"),
    [("bleu", 0.25), ("chrf", 0.2), ("chrf", 0.25), ("chrf", 0.4), ("ter", 0.25)],
)
def test_both_p_values_are_those_of_sacrebleu(name: str, share: float) -> None:
    metric, first, other = METRICS[name], without_words(0.2), without_words(share)
    result = resampling.compare_systems(
        metric,
        sacrebleu.segment_statistics(metric, first, [REFERENCES]),
        sacrebleu.segment_statistics(metric, other, [REFERENCES]),
    )
    for kind, p in (("bs", result.bootstrap_p), ("ar", result.randomisation_p)):
        systems = [("first", first), ("other", other)]
        test = PairedTest(systems, {name: metric}, [REFERENCES], test_type=kind)
        ((_, (one, two)),) = [row for row in test()[1].items() if row[0] != "System"]
        assert p == pytest.approx(two.p_value, abs=0.005)  # sacreBLEU sums in float32
        assert result.difference == pytest.approx(two.score - one.score)


def test_a_segment_mean_is_averaged_over_the_same_subsets() -> None:
    scores, empty = [0.5, -0.25, 0.75, 1.0], [0.1, 0.2, 0.3, 0.4]
    result = resampling.system_score(
        SegmentMean("comet:2.2.7"),
        mean_statistics(scores),
        mean_statistics(empty),
        [False, True, False, None],
    )
    assert (result.score, result.signature) == (0.5, "comet:2.2.7")
    assert result.on_target_only == pytest.approx((0.5 + 0.75) / 2)
    assert result.off_target_as_empty == pytest.approx((0.5 + 0.2 + 0.75 + 1.0) / 4)


def test_the_interval_of_a_mean_is_that_of_the_normal_approximation() -> None:
    rng = random.Random("interval")
    scores = [rng.gauss(0.8, 0.1) for _ in range(400)]
    measured = mean_statistics(scores)
    result = resampling.system_score(SegmentMean(""), measured, measured, [None] * 400)
    half = 1.96 * statistics.stdev(scores) / 20
    assert result.low == pytest.approx(statistics.fmean(scores) - half, abs=half / 8)
    assert result.high == pytest.approx(statistics.fmean(scores) + half, abs=half / 8)


def test_randomisation_of_means_approximates_the_enumeration_of_all_exchanges() -> None:
    first = [0.5, 0.625, 0.75, 0.25, 0.875, 0.5, 0.375, 0.125, 0.75, 1.0]
    other = [0.75, 0.5, 0.875, 0.5, 1.0, 0.5, 0.25, 0.5, 1.0, 0.875]
    differences = [b - a for a, b in zip(first, other, strict=True)]
    sums = [
        abs(sum(-x if bits >> place & 1 else x for place, x in enumerate(differences)))
        for bits in range(2 ** len(differences))
    ]
    exact = sum(total > abs(sum(differences)) for total in sums) / len(sums)
    result = resampling.compare_systems(
        SegmentMean(""), mean_statistics(first), mean_statistics(other)
    )
    assert result.difference == pytest.approx(sum(differences) / 10)
    assert result.randomisation_p == pytest.approx(exact, abs=0.015) and 0.02 < exact < 0.2


def test_the_paired_bootstrap_distinguishes_a_shift_from_noise() -> None:
    rng = random.Random("bootstrap")
    first = [rng.gauss(0.8, 0.1) for _ in range(100)]
    noise, shift = (
        resampling.compare_systems(
            SegmentMean(""),
            mean_statistics(first),
            mean_statistics([score + added + rng.gauss(0, 0.05) for score in first]),
        ).bootstrap_p
        for added in (0.0, 0.03)
    )
    assert noise > 0.1 and shift < 0.01


def test_a_row_is_drawn_in_all_its_directions_or_in_none() -> None:
    """Three directions: two share some rows, in other orders, and one has its own."""
    rows = [["a", "b", "c", "d"], ["e", "c", "a", "b"], ["x", "y"]]
    draws = resampling.draw_shared_resamples(rows)
    assert [draw.shape[1] for draw in draws] == [4, 4, 2]
    for trial in range(50):
        first, second, third = (
            [names[place] for place in drawn[trial]]
            for names, drawn in zip(rows, draws, strict=True)
        )
        shared = sorted(name for name in first if name in "abc")
        assert shared == sorted(name for name in second if name in "abc")
        assert first.count("d") == second.count("e") == 1  # alone in their stratum
        assert set(third) <= {"x", "y"}
    assert any(sorted(names) != [0, 1] for names in draws[2].tolist())
