"""The off-target ratio, its floor and its excess against counting segment by segment."""

from collections import Counter
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.offtarget.ratio import Ratio, Tally
from ontarget.offtarget.verdicts import Judgement, Verdict
from ontarget.stats import Proportion

ON, OFF = Judgement(Verdict.ON_TARGET, "it"), Judgement(Verdict.PIVOT, "en")
COPY, MIXED = Judgement(Verdict.SOURCE_COPY, "nl"), Judgement(Verdict.MIXED, "")
EMPTY, UNDECIDED = Judgement(Verdict.EMPTY, ""), Judgement(Verdict.UNDECIDED, "")
JUDGEMENTS = (ON, OFF, COPY, MIXED, EMPTY, UNDECIDED)
Pairs = list[tuple[Judgement, Judgement]]  # a segment's judgement and its reference's
judged_pairs = st.lists(
    st.tuples(st.sampled_from(JUDGEMENTS), st.sampled_from(JUDGEMENTS)), min_size=1, max_size=60
).filter(lambda pairs: any(one is not UNDECIDED for one, _ in pairs))
verdict_lists = st.lists(st.sampled_from([verdict.value for verdict in Verdict]), max_size=80)


def tally(pairs: Pairs) -> Tally:
    return Tally(Counter(pairs))


def wilson_by_formula(count: int, total: int) -> tuple[float, float]:
    """Wilson (1927), in float64 and percent."""
    z, p = 1.959963984540054, count / total
    centre = (p + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z * sqrt(p * (1 - p) / total + z**2 / (4 * total**2)) / (1 + z**2 / total)
    return 100 * (centre - half), 100 * (centre + half)


@given(verdict_lists, verdict_lists)
def test_a_ratio_is_counted_from_verdicts(verdicts: list[str], references: list[str]) -> None:
    ratio = Ratio.of(Counter(verdicts), Counter(references))
    judged = [verdict for verdict in verdicts if verdict != "undecided"]
    off_target = [verdict for verdict in judged if verdict != "on_target"]
    assert ratio.translations == Proportion(len(off_target), len(judged))
    if judged:
        assert ratio.percent == pytest.approx(100 * len(off_target) / len(judged))
        expected = wilson_by_formula(len(off_target), len(judged))
        assert ratio.interval == pytest.approx(expected, abs=1e-9)
    else:
        assert (ratio.percent, ratio.interval) == (None, None)


@given(verdict_lists, verdict_lists)
def test_the_floor_is_the_same_ratio_on_the_references(
    verdicts: list[str], references: list[str]
) -> None:
    ratio = Ratio.of(Counter(verdicts), Counter(references))
    assert ratio.reference_percent == Ratio.of(Counter(references)).percent
    assert Ratio.of(Counter(verdicts)).reference_percent is None


@given(judged_pairs)
def test_the_score_of_a_tally_is_counted_segment_by_segment(pairs: Pairs) -> None:
    score = tally(pairs).score("x")
    judged = [one for one, _ in pairs if one is not UNDECIDED]
    off_target = sum(one is not ON for one in judged)
    assert (score.count, score.judged) == (off_target, len(judged))
    assert score.percent == pytest.approx(100 * off_target / len(judged))
    expected = wilson_by_formula(off_target, len(judged))
    assert (score.low, score.high) == pytest.approx(expected, abs=1e-9)
    assert sum(score.verdicts.values()) == len(pairs)
    assert sum(score.languages.values()) == sum(bool(one.language) for one in judged)
    references = [two for _, two in pairs if two is not UNDECIDED]
    if references:
        floor = 100 * sum(two is not ON for two in references) / len(references)
        assert score.floor_percent == pytest.approx(floor)
        assert score.excess_percent == pytest.approx(score.percent - floor)
    else:
        assert score.floor_percent is None is score.excess_low


def test_the_interval_of_the_excess_is_that_of_resampled_segments() -> None:
    pairs = [(OFF, ON)] * 30 + [(ON, ON)] * 150 + [(OFF, OFF)] * 10 + [(UNDECIDED, ON)] * 10
    score = tally(pairs).score("x")
    off, judged = (
        np.array([[test(side) for side in pair] for pair in pairs])
        for test in (lambda side: side is OFF, lambda side: side is not UNDECIDED)
    )
    draws = np.random.default_rng(7).integers(len(pairs), size=(4000, len(pairs)))
    percent = 100 * off[draws].sum(1) / judged[draws].sum(1)  # "resample side"
    assert (score.excess_low, score.excess_high) == pytest.approx(
        tuple(np.percentile(percent[:, 0] - percent[:, 1], [2.5, 97.5])), abs=0.6
    )
    assert tally(pairs).score("x") == score  # the seed is part of the definition


def test_hypotheses_that_equal_the_references_have_no_excess() -> None:
    score = tally([(ON, ON), (OFF, OFF), (UNDECIDED, UNDECIDED)] * 20).score("x")
    assert (score.excess_percent, score.excess_low, score.excess_high) == (0, 0, 0)


def test_the_line_to_cite_has_ratio_interval_floor_and_signature() -> None:
    without = Tally({(ON, None): 968, (OFF, None): 32}).score("lid:x|v:1")
    assert str(without) == "off-target 3.2 % [2.3, 4.5] | n:1000|lid:x|v:1"
    with_floor = Tally({(ON, ON): 966, (OFF, ON): 30, (OFF, OFF): 4}).score("lid:x|v:1")
    assert str(with_floor) == (
        "excess 3.0 points [2.0, 4.1] over the references' floor of 0.4 % | off-target 3.4 % "
        "[2.4, 4.7] | n:1000|lid:x|v:1"
    )


def test_a_score_of_undecided_segments_only_is_an_error() -> None:
    with pytest.raises(ValueError, match="none of 3 segments could be judged: all are too short"):
        Tally({(UNDECIDED, None): 3}).score("x")
