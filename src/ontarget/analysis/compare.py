"""Two systems side by side: averages, each direction, and which differences chance may explain.

BLEU and chrF are tested as in `resampling.compare_systems`, on the segments that both systems
translated. On verdicts, which are 0 or 1, approximate randomisation has a closed form: the sign
test over the segments that are off-target in only one of the two.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sacrebleu.metrics.base import Metric

from ontarget.offtarget.verdicts import is_off_target
from ontarget.records import Direction, JudgedTranslation, Score
from ontarget.scoring import resampling, sacrebleu
from ontarget.scoring.averages import Average, averages
from ontarget.scoring.sacrebleu import Statistics
from ontarget.stats import sign_test
from ontarget.systems import SETTINGS

LEVEL = 0.05  # a difference with a smaller p is called significant
WORST = 3  # directions named where an average is too high
ROUNDING_POINTS = 0.0005  # scores.jsonl has thousandths, so an average may be this much too high
MEASURES = ("off_target", "bleu", "chrf")


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemResults:
    """The scores and translations of one system of a run, by direction."""

    run: str  # the run's folder
    name: str
    scores: tuple[Score, ...]  # one a direction
    outputs: dict[Direction, tuple[JudgedTranslation, ...]]


@dataclass(frozen=True, slots=True)
class Significance:
    """Two-sided p values of a difference."""

    randomisation_p: float
    bootstrap_p: float | None  # None for the off-target ratio, whose test is exact

    @property
    def is_significant(self) -> bool:
        """Whether chance is an unlikely explanation."""
        return self.randomisation_p < LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragePair:
    """Both systems' averages over the directions of one setting (the second system's setting)."""

    supervised: bool
    a: Average
    b: Average


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionComparison:
    """Both systems in one direction."""

    direction: Direction
    a: Score
    b: Score
    shared: int  # segments with the same key, source and reference
    significance: dict[str, Significance]  # by MEASURES; {} without shared segments


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two systems, compared; the first is `a`."""

    a: SystemResults
    b: SystemResults
    averages: tuple[AveragePair, ...]  # over the common directions; supervised first
    directions: tuple[DirectionComparison, ...]

    @property
    def only_in(self) -> dict[str, list[Direction]]:
        """Directions that only one system has, by `A` and `B`."""
        common = {row.direction for row in self.directions}
        return {
            letter: [d for d in map(direction_of, system.scores) if d not in common]
            for letter, system in (("A", self.a), ("B", self.b))
        }

    @property
    def signatures(self) -> dict[str, list[str]]:
        """Every signature behind the numbers, by measure; BLEU's may depend on the target."""
        distinct: dict[str, dict[str, None]] = {}
        for score in (row.b for row in self.directions):
            for measure, signature in signatures_of(score).items():
                distinct.setdefault(measure, {})[signature] = None
        return {measure: list(signatures) for measure, signatures in distinct.items()}


def direction_of(score: Score) -> Direction:
    """The direction of a score."""
    return Direction(score.source, score.target)


def signatures_of(score: Score) -> dict[str, str]:
    """What a score was measured with, by measure."""
    return {"off-target": score.detector, **score.signatures}


def compare(a: SystemResults, b: SystemResults) -> Comparison:
    """Both systems in their common directions, in the order of `b`.

    Raises:
        ValueError: they have no direction in common, or one was measured differently.
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
        a=a, b=b, averages=average_pairs(pairs), directions=tuple(compare_directions(a, b, pairs))
    )


def join_names(names: Iterable[object]) -> str:
    """Names with commas between them."""
    return ", ".join(map(str, names))


def check_same_measurement(one: Score, other: Score) -> None:
    """Raise ValueError unless two scores were measured with the same detector and metrics."""
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
    comparable = [known_in_both(replace(a, supervised=b.supervised), b) for a, b in pairs]
    of_a, of_b = (averages([pair[side] for pair in comparable]) for side in (0, 1))
    rows = [AveragePair(supervised=b.supervised, a=a, b=b) for a, b in zip(of_a, of_b, strict=True)]
    return tuple(sorted(rows, key=lambda row: not row.supervised))


def known_in_both(a: Score, b: Score) -> tuple[Score, Score]:
    """Both scores of a direction, without ratios that only one of them has."""
    unknown: dict[str, Any] = {
        ratio: None
        for ratio in ("off_target_percent", "reference_off_target_percent")
        if getattr(a, ratio) is None or getattr(b, ratio) is None
    }
    return replace(a, **unknown), replace(b, **unknown)


def compare_directions(
    a: SystemResults, b: SystemResults, pairs: Iterable[tuple[Score, Score]]
) -> Iterable[DirectionComparison]:
    """One comparison a direction, supervised directions first."""
    for one, other in sorted(pairs, key=lambda pair: not pair[1].supervised):
        direction = direction_of(one)
        shared = shared_segments(a.outputs[direction], b.outputs[direction])
        yield DirectionComparison(
            direction=direction,
            a=one,
            b=other,
            shared=len(shared),
            significance=assess_differences(shared, direction.target_lang) if shared else {},
        )


def shared_segments(
    a: Sequence[JudgedTranslation], b: Sequence[JudgedTranslation]
) -> list[tuple[JudgedTranslation, JudgedTranslation]]:
    """Translations of the same segment (key, source and reference are equal), in order of `a`."""
    others = dict(number_repeats(b))
    return [(one, others[segment]) for segment, one in number_repeats(a) if segment in others]


def number_repeats(
    translations: Iterable[JudgedTranslation],
) -> Iterable[tuple[tuple[str, str, str, int], JudgedTranslation]]:
    """Each translation by its segment; a segment that occurs again is numbered."""
    seen = Counter[tuple[str, str, str]]()
    for translation in translations:
        segment = (translation.key, translation.source, translation.reference)
        seen[segment] += 1
        yield (*segment, seen[segment]), translation


def assess_differences(
    shared: Sequence[tuple[JudgedTranslation, JudgedTranslation]], target_lang: str
) -> dict[str, Significance]:
    """The tests of each measure on shared segments."""
    references = [[one.reference for one, _ in shared]]
    outcomes = Counter(
        (is_off_target(one.verdict), is_off_target(other.verdict)) for one, other in shared
    )
    p = sign_test(outcomes[True, False], outcomes[False, True])
    tests = {"off_target": Significance(p, None)}
    for name, metric in sacrebleu.metrics(target_lang).items():
        if name in MEASURES:
            first, second = (
                sacrebleu.segment_statistics(metric, texts, references)
                for texts in zip(*((x.hypothesis, y.hypothesis) for x, y in shared), strict=True)
            )
            tests[name] = assess_metric(metric, first, second)
    return tests


def assess_metric(metric: Metric, first: Statistics, second: Statistics) -> Significance:
    """The tests of one metric; no p is below what the changed segments can show.

    sacreBLEU does not count trials that differ exactly as much as the systems do, and would find a
    system significantly different from itself. With k changed segments, two of the 2**k exchanges
    always differ that much.
    """
    result = resampling.compare_systems(metric, first, second)
    changed = int((first != second).any(1).sum())
    smallest = min(1.0, 2.0 ** (1 - changed)) if result.difference else 1.0
    return Significance(max(result.randomisation_p, smallest), max(result.bootstrap_p, smallest))


def off_target_guard(system: SystemResults, max_percent: float) -> list[str]:
    """One line for each setting whose average off-target ratio exceeds `max_percent`.

    Also one for directions without a ratio: what is unknown is not low.
    """
    lines = []
    for average in averages(system.scores):
        subject = f"{system.run}: {SETTINGS[average.supervised]} off-target of {system.name} is"
        group = [score for score in system.scores if score.supervised == average.supervised]
        unknown = [direction_of(score) for score in group if score.off_target_percent is None]
        if unknown:
            lines.append(
                f"{subject} not known in {join_names(unknown)}, so not at most {max_percent:g} %: "
                "no segment there could be judged"
            )
        if (average.off_target_percent or 0.0) - max_percent > ROUNDING_POINTS:
            lines.append(
                f"{subject} {average.off_target_percent:.3f} %, above {max_percent:g} % (mean over "
                f"{len(group) - len(unknown)} direction(s); {worst_directions(group)})"
            )
    return lines


def worst_directions(scores: Sequence[Score]) -> str:
    """The directions with the highest ratios; those at 0 % are not called worst."""
    ratios = [(s.off_target_percent, direction_of(s)) for s in scores if s.off_target_percent]
    worst = sorted(ratios, key=lambda ratio: -ratio[0])[:WORST]
    return "worst: " + join_names(f"{direction} {percent:.1f} %" for percent, direction in worst)
