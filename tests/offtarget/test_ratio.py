"""The ratio, its floor and its excess against counting segment by segment."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.offtarget.ratio import Tally
from ontarget.offtarget.verdicts import Judgement, Verdict
from ontarget.stats import wilson

ON, OFF = Judgement(Verdict.ON_TARGET, "it"), Judgement(Verdict.PIVOT, "en")
COPY, MIXED = Judgement(Verdict.SOURCE_COPY, "nl"), Judgement(Verdict.MIXED, "")
EMPTY, UNDECIDED = Judgement(Verdict.EMPTY, ""), Judgement(Verdict.UNDECIDED, "")
KINDS = (ON, OFF, COPY, MIXED, EMPTY, UNDECIDED)
pairs = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)), min_size=1, max_size=60
).filter(lambda found: any(one is not UNDECIDED for one, _ in found))


def tally(found: list[tuple[Judgement, Judgement]]) -> Tally:
    return Tally({pair: found.count(pair) for pair in found})


@given(pairs)
def test_every_verdict_but_on_target_and_undecided_counts(
    found: list[tuple[Judgement, Judgement]],
) -> None:
    score = tally(found).score("x")
    judged = [one for one, _ in found if one is not UNDECIDED]
    wrong = sum(one is not ON for one in judged)
    assert (score.count, score.judged) == (wrong, len(judged))
    assert score.percent == pytest.approx(100 * wrong / len(judged))
    assert (score.low, score.high) == wilson(wrong, len(judged))
    assert sum(score.verdicts.values()) == len(found)
    assert sum(score.languages.values()) == sum(bool(one.language) for one in judged)
    references = [two for _, two in found if two is not UNDECIDED]
    if references:
        floor = 100 * sum(two is not ON for two in references) / len(references)
        assert score.floor_percent == pytest.approx(floor)
        assert score.excess_percent == pytest.approx(score.percent - floor)
    else:
        assert score.floor_percent is None is score.excess_low


def test_the_excess_interval_is_that_of_resampled_segments() -> None:
    found = [(OFF, ON)] * 30 + [(ON, ON)] * 150 + [(OFF, OFF)] * 10 + [(UNDECIDED, ON)] * 10
    score = tally(found).score("x")
    rng = np.random.default_rng(7)
    excess = []
    for _ in range(4000):
        drawn = [found[number] for number in rng.integers(len(found), size=len(found))]
        ratios = [
            100 * sum(pair[side] is OFF for pair in drawn)
            / sum(pair[side] is not UNDECIDED for pair in drawn)
            for side in (0, 1)
        ]  # fmt: skip
        excess.append(ratios[0] - ratios[1])
    assert (score.excess_low, score.excess_high) == pytest.approx(
        tuple(np.percentile(excess, [2.5, 97.5])), abs=0.6
    )
    assert tally(found).score("x") == score  # the seed is part of the definition


def test_hypotheses_that_equal_the_references_have_no_excess() -> None:
    score = tally([(ON, ON), (OFF, OFF), (UNDECIDED, UNDECIDED)] * 20).score("x")
    assert (score.excess_percent, score.excess_low, score.excess_high) == (0, 0, 0)


def test_the_line_to_cite() -> None:
    alone = Tally({(ON, None): 968, (OFF, None): 32}).score("lid:x|v:1")
    assert str(alone) == "off-target 3.2 % [2.3, 4.5] | n:1000|lid:x|v:1"
    beside = Tally({(ON, ON): 966, (OFF, ON): 30, (OFF, OFF): 4}).score("lid:x|v:1")
    assert str(beside) == "off-target 3.4 % [2.4, 4.7] floor 0.4 % | n:1000|lid:x|v:1"


def test_undecided_segments_alone_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="none of 3 segments could be judged: all are too short"):
        Tally({(UNDECIDED, None): 3}).score("x")
