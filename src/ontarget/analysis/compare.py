"""Two systems side by side: means, each direction, and which differences may be chance.

BLEU and chrF are tested as in `systems.difference`, on the segments that both systems answered.
On verdicts, which are 0 or 1, approximate randomisation has a closed form: the sign test over the
segments that only one of the two has off-target.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sacrebleu.metrics.base import Metric

from ontarget import systems
from ontarget.offtarget.verdicts import Verdict
from ontarget.records import Direction, JudgedTranslation, Score
from ontarget.scoring import averages, resampling, sacrebleu
from ontarget.scoring.averages import Average
from ontarget.scoring.sacrebleu import Statistics
from ontarget.stats import sign_test

LEVEL = 0.05  # a difference is called significant where randomisation gives a smaller p
WORST = 3  # directions named where a mean is too high
ROUNDING_POINTS = 0.0005  # scores.jsonl has thousandths, and so much may a mean be too high
MEASURES = ("off_target", "bleu", "chrf")


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemResults:
    """What one system of a run scored in each direction, and what it answered."""

    run: str  # the run's folder
    name: str
    scores: tuple[Score, ...]  # one a direction
    answers: dict[Direction, tuple[JudgedTranslation, ...]]


@dataclass(frozen=True, slots=True)
class Significance:
    """How often chance alone makes a difference as large; two-sided p values."""

    randomisation_p: float
    bootstrap_p: float | None  # None for the off-target ratio, whose test is exact

    @property
    def is_excluded(self) -> bool:
        """Whether the difference is significant."""
        return self.randomisation_p < LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragePair:
    """Both systems' averages over the directions of one setting, which is the second's."""

    supervised: bool
    a: Average
    b: Average


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionComparison:
    """One direction of both systems."""

    direction: Direction
    a: Score
    b: Score
    shared: int  # segments with the same key, source and reference
    chance: dict[str, Significance]  # by MEASURES; {} where no segment is shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All that is printed of two systems; the first is `a`."""

    a: SystemResults
    b: SystemResults
    means: tuple[AveragePair, ...]  # over the common directions; supervised first
    rows: tuple[DirectionComparison, ...]

    @property
    def only_in(self) -> dict[str, list[Direction]]:
        """Directions that one system has alone, by `A` and `B`."""
        common = {row.direction for row in self.rows}
        return {
            letter: [each for each in map(direction_of, system.scores) if each not in common]
            for letter, system in (("A", self.a), ("B", self.b))
        }

    @property
    def signatures(self) -> dict[str, list[str]]:
        """Every signature behind the numbers, by measure; BLEU's may depend on the target."""
        found: dict[str, dict[str, None]] = {}
        for score in (row.b for row in self.rows):
            for measure, text in signatures_of(score).items():
                found.setdefault(measure, {})[text] = None
        return {measure: list(texts) for measure, texts in found.items()}


def direction_of(score: Score) -> Direction:
    """The direction of a score."""
    return Direction(score.source, score.target)


def is_off_target(answer: JudgedTranslation) -> bool | None:
    """As the run's ratio counts it; None where it does not."""
    if answer.verdict == Verdict.UNDECIDED:
        return None
    return answer.verdict != Verdict.ON_TARGET


def signatures_of(score: Score) -> dict[str, str]:
    """What a score was measured with, by measure."""
    return {"off-target": score.detector, **score.signatures}


def compare(a: SystemResults, b: SystemResults) -> Comparison:
    """Both systems in the directions that they have in common, in the order of `b`.

    Raises:
        ValueError: no direction is common, or one was measured differently.
    """
    by_direction = {direction_of(score): score for score in a.scores}
    pairs = [
        (by_direction[direction_of(score)], score)
        for score in b.scores
        if direction_of(score) in by_direction
    ]
    if not pairs:
        raise ValueError(
            f"no direction in common: {join_names(map(direction_of, a.scores))} in the first, "
            f"{join_names(map(direction_of, b.scores))} in the second; compare runs that share some"
        )
    for one, other in pairs:
        check_same_measurement(one, other)
    return Comparison(
        a=a, b=b, means=average_pairs(pairs), rows=tuple(compare_directions(a, b, pairs))
    )


def join_names(values: Iterable[object]) -> str:
    """Values with commas between."""
    return ", ".join(map(str, values))


def check_same_measurement(one: Score, other: Score) -> None:
    """Raise ValueError where two scores were not measured with the same detector and metrics."""
    first, second = signatures_of(one), signatures_of(other)
    for measure in dict.fromkeys([*first, *second]):
        if first.get(measure) != second.get(measure):
            raise ValueError(
                f"{direction_of(one)}: {measure} measured with {first.get(measure, 'nothing')} and "
                f"with {second.get(measure, 'nothing')}, numbers that cannot be compared; evaluate "
                "both runs with the same evaluate.detector, candidates, languages and versions"
            )


def average_pairs(pairs: Sequence[tuple[Score, Score]]) -> tuple[AveragePair, ...]:
    """Averages by the second system's setting, so that both are over the same directions."""
    alike = [known_in_both(replace(one, supervised=b.supervised), b) for one, b in pairs]
    of_a, of_b = (averages.averages([pair[side] for pair in alike]) for side in (0, 1))
    both = [AveragePair(supervised=b.supervised, a=a, b=b) for a, b in zip(of_a, of_b, strict=True)]
    return tuple(sorted(both, key=lambda each: not each.supervised))


def known_in_both(one: Score, other: Score) -> tuple[Score, Score]:
    """Both scores of a direction without a ratio that only one of them has."""
    unknown: dict[str, Any] = {
        ratio: None
        for ratio in ("off_target_percent", "reference_off_target_percent")
        if getattr(one, ratio) is None or getattr(other, ratio) is None
    }
    return replace(one, **unknown), replace(other, **unknown)


def compare_directions(
    a: SystemResults, b: SystemResults, pairs: Iterable[tuple[Score, Score]]
) -> Iterable[DirectionComparison]:
    """A row a pair of scores, supervised directions first."""
    for one, other in sorted(pairs, key=lambda pair: not pair[1].supervised):
        direction = direction_of(one)
        both = shared_segments(a.answers[direction], b.answers[direction])
        chance = test_differences(both, direction.target_lang) if both else {}
        yield DirectionComparison(
            direction=direction, a=one, b=other, shared=len(both), chance=chance
        )


def shared_segments(
    a: Sequence[JudgedTranslation], b: Sequence[JudgedTranslation]
) -> list[tuple[JudgedTranslation, JudgedTranslation]]:
    """Answers to the same segment: key, source and reference are equal, in the order of `a`."""
    others = dict(number_repeats(b))
    return [(each, others[segment]) for segment, each in number_repeats(a) if segment in others]


def number_repeats(
    answers: Iterable[JudgedTranslation],
) -> Iterable[tuple[tuple[str, str, str, int], JudgedTranslation]]:
    """Each answer with its segment; a segment that occurs again is told by its number."""
    seen = Counter[tuple[str, str, str]]()
    for each in answers:
        segment = (each.key, each.source, each.reference)
        seen[segment] += 1
        yield (*segment, seen[segment]), each


def test_differences(
    both: Sequence[tuple[JudgedTranslation, JudgedTranslation]], target_lang: str
) -> dict[str, Significance]:
    """The tests of each measure on shared segments."""
    references = [[one.reference for one, _ in both]]
    alone = Counter((is_off_target(one), is_off_target(other)) for one, other in both)
    found = {"off_target": Significance(sign_test(alone[True, False], alone[False, True]), None)}
    for name, metric in sacrebleu.metrics(target_lang).items():
        if name in MEASURES:
            first, second = (
                sacrebleu.segment_statistics(metric, texts, references)
                for texts in zip(*((x.hypothesis, y.hypothesis) for x, y in both), strict=True)
            )
            found[name] = test_metric(metric, first, second)
    return found


def test_metric(metric: Metric, first: Statistics, second: Statistics) -> Significance:
    """The tests of one metric, no p below what so few changed segments can show.

    sacreBLEU does not count draws that differ exactly as much as the systems do, and so finds a
    system significantly different from itself. Of k changed segments, two of 2**k draws always do.
    """
    apart = resampling.compare_systems(metric, first, second)
    changed = int((first != second).any(1).sum())
    least = min(1.0, 2.0 ** (1 - changed)) if apart.difference else 1.0
    return Significance(max(apart.randomisation_p, least), max(apart.bootstrap_p, least))


def off_target_guard(system: SystemResults, most_percent: float) -> list[str]:
    """A line an average off-target ratio above `most_percent`, over all the system's directions.

    And one where directions have no ratio: what is not known is not low.
    """
    lines = []
    for mean in averages.averages(system.scores):
        said = f"{system.run}: {systems.SETTINGS[mean.supervised]} off-target of {system.name} is"
        group = [each for each in system.scores if each.supervised == mean.supervised]
        known = [
            (each.off_target_percent, direction_of(each))
            for each in group
            if each.off_target_percent is not None
        ]
        if len(known) < len(group):
            unknown = join_names(direction_of(x) for x in group if x.off_target_percent is None)
            lines.append(
                f"{said} not known in {unknown}, so not at most {most_percent:g} %: no segment "
                "there could be judged"
            )
        if (mean.off_target_percent or 0.0) - most_percent > ROUNDING_POINTS:
            worst = sorted(known, key=lambda each: -each[0])[:WORST]
            named = join_names(f"{direction} {percent:.1f} %" for percent, direction in worst)
            lines.append(
                f"{said} {mean.off_target_percent:.3f} %, above {most_percent:g} % (mean of "
                f"{len(known)}; worst: {named})"
            )
    return lines
