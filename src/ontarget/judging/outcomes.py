"""Wins, ties and losses of one model against another, over both orders of each pair."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ontarget.judging.requests import Choice
from ontarget.stats import Proportion, sign_test

Outcome = Literal["win", "tie", "lose", "unclear"]
DECIDED: tuple[Outcome, ...] = ("win", "tie", "lose")
OUTCOMES: tuple[Outcome, ...] = (*DECIDED, "unclear")
VALUES = {"1": 1, "2": -1, "tie": 0}  # of the answer that stands first


def outcome_of(first: Choice | None, swapped: Choice | None) -> Outcome:
    """Of the first model, from its pair in one order and in the other.

    One order decides where the other is a tie; two orders that contradict each other are a tie.
    """
    if first is None or swapped is None:
        return "unclear"
    value = VALUES[first] - VALUES[swapped]
    return "win" if value > 0 else "lose" if value < 0 else "tie"


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRates:
    """The outcomes of a model against another one."""

    counts: dict[Outcome, int]
    consistent: int  # pairs whose two orders agree

    @property
    def judged(self) -> int:
        """Pairs with an outcome."""
        return sum(self.counts[outcome] for outcome in DECIDED)

    def share(self, outcome: Outcome) -> Proportion:
        """Of the judged pairs."""
        return Proportion(self.counts[outcome], self.judged)

    @property
    def p(self) -> float:
        """Of as many wins and losses, or more unequal ones, by chance (sign test, two-sided)."""
        return sign_test(self.counts["win"], self.counts["lose"])


def compare(choices: Sequence[tuple[Choice | None, Choice | None]]) -> WinRates:
    """The comparison of all pairs, each judged in both orders."""
    found = Counter(outcome_of(first, swapped) for first, swapped in choices)
    agree = sum(
        first is not None and swapped is not None and VALUES[first] == -VALUES[swapped]
        for first, swapped in choices
    )
    return WinRates(counts={outcome: found[outcome] for outcome in OUTCOMES}, consistent=agree)
