"""How many answers were off-target, by direction: at first, and as they were returned."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from ontarget.offtarget.verdicts import is_off_target
from ontarget.serving.judging import NOT_JUDGED
from ontarget.serving.metrics import Directions


@dataclass(slots=True)
class DirectionCounts:
    """What was counted in one direction."""

    answers: int = 0  # that were judged
    attempts: int = 0
    first: dict[str, int] = field(default_factory=dict)  # verdict -> first answers
    returned: dict[str, int] = field(default_factory=dict)  # verdict -> returned answers


class GuardRates(Collector):
    """The counts of a guard, as a table and for Prometheus."""

    def __init__(self) -> None:
        self.directions = Directions()
        self.counts: dict[str, DirectionCounts] = {}

    def count(
        self, source_lang: str | None, target_lang: str, verdicts: Sequence[str], returned: str
    ) -> None:
        """Count one request: the verdicts of its attempts, and that of the returned answer."""
        name = self.directions.label(source_lang, target_lang)
        counts = self.counts.setdefault(name, DirectionCounts())
        counts.answers += 1
        counts.attempts += len(verdicts)
        counts.first[verdicts[0]] = counts.first.get(verdicts[0], 0) + 1
        counts.returned[returned] = counts.returned.get(returned, 0) + 1

    def rows(self) -> list[list[str]]:
        """Direction, answers, requests an answer, off-target percent at first and as returned."""
        return [
            [
                name,
                str(counts.answers),
                f"{counts.attempts / counts.answers:.2f}",
                percent(counts.first),
                percent(counts.returned),
            ]
            for name, counts in sorted(self.counts.items())
        ]

    def collect(self) -> Iterable[Metric]:
        """The counts for Prometheus."""
        answers = CounterMetricFamily(
            "ontarget_guard_answers",
            "Judged answers, by direction, verdict, and whether they were the first or returned.",
            labels=["direction", "stage", "verdict"],
        )
        attempts = CounterMetricFamily(
            "ontarget_guard_attempts", "Requests to the server.", labels=["direction"]
        )
        for name, counts in list(self.counts.items()):
            attempts.add_metric([name], counts.attempts)
            for stage, verdicts in (("first", counts.first), ("returned", counts.returned)):
                for verdict, number in list(verdicts.items()):
                    answers.add_metric([name, stage, verdict], number)
        return [answers, attempts]

    def register(self, registry: CollectorRegistry) -> None:
        """Add the counts to a registry."""
        registry.register(self)


def percent(verdicts: dict[str, int]) -> str:
    """The percentage that is off-target of those that could be judged."""
    outcomes = {verdict: is_off_target(verdict) for verdict in verdicts if verdict != NOT_JUDGED}
    judged = sum(verdicts[verdict] for verdict, outcome in outcomes.items() if outcome is not None)
    off_target = sum(verdicts[verdict] for verdict, outcome in outcomes.items() if outcome)
    return f"{100 * off_target / judged:.1f}" if judged else "-"
