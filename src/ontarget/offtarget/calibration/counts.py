"""A detector's errors on references, counted by language and length.

Length is in letters as `writing.letters` counts them, the unit of `DecisionRule.shortest`. Spaces,
digits and punctuation carry no evidence of a language, and an ideograph carries as much as a few
letters, so a length means much the same in every script.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ontarget.languages.tags import same_language
from ontarget.offtarget.detectors.base import Probabilities
from ontarget.offtarget.verdicts import Judgement, is_off_target
from ontarget.stats import Proportion

EDGES = (0, 10, 15, 20, 40, 80, 160)  # letters of the shortest text of each length band
BANDS = range(len(EDGES))
MAX_ERROR_PERCENT = 1.0  # of verdicts that may be wrong where they are trusted


class VerdictCounts(NamedTuple):
    """Texts by verdict."""

    on_target: int
    off_target: int
    undecided: int

    @property
    def texts(self) -> int:
        """All texts."""
        return sum(self)

    @property
    def judged(self) -> int:
        """Those that a ratio counts."""
        return self.on_target + self.off_target

    @property
    def floor(self) -> Proportion:
        """The off-target ratio: the metric's error if the texts are references."""
        return Proportion(self.off_target, self.judged)

    @property
    def missed(self) -> Proportion:
        """Share called on target: the metric's error if the texts are not in the target."""
        return Proportion(self.on_target, self.judged)


class Calibration:
    """Counts of one detector's verdicts; its size does not grow with the number of texts."""

    def __init__(self) -> None:
        self.verdicts: Counter[tuple[str, str, int, bool | None]] = Counter()
        self.top: Counter[tuple[str, int, bool]] = Counter()
        self.detected: Counter[tuple[str, str]] = Counter()

    def add(self, pair: tuple[str, str], length: int, judgement: Judgement) -> None:
        """Count the verdict on a text; `pair` is (its language, the requested language)."""
        self.verdicts[*pair, band_of(length), is_off_target(judgement.verdict)] += 1
        if pair[0] == pair[1] and judgement.is_off_target:
            self.detected[pair[0], judgement.language] += 1

    def add_top(self, language: str, length: int, probabilities: Probabilities) -> None:
        """Count whether a reference's likeliest language is its own."""
        best = next(iter(probabilities), "")
        self.top[language, band_of(length), bool(best) and same_language(best, language)] += 1

    def counts(self, language: str, target: str, bands: Iterable[int] = BANDS) -> VerdictCounts:
        """Texts in `language` where `target` was requested."""
        total = VerdictCounts(0, 0, 0)
        for band in bands:
            keys = ((language, target, band, outcome) for outcome in (False, True, None))
            total = sum_counts(total, VerdictCounts(*(self.verdicts[key] for key in keys)))
        return total

    def references(self, language: str, bands: Iterable[int] = BANDS) -> VerdictCounts:
        """Texts in the requested language."""
        return self.counts(language, language, bands)

    def detected_most(self, language: str) -> str:
        """The language most often detected in references called off-target; "" if mixed."""
        others = {other: count for (own, other), count in self.detected.items() if own == language}
        return max(others, key=lambda other: others[other], default="")

    def top_label(self, language: str, bands: Iterable[int] = BANDS) -> Proportion:
        """References whose likeliest language, among all possible answers, is their own."""
        selected = list(bands)
        right, wrong = (
            sum(self.top[language, band, is_right] for band in selected)
            for is_right in (True, False)
        )
        return Proportion(right, right + wrong)

    def pairs(self, *, language: str = "", target: str = "") -> dict[str, VerdictCounts]:
        """Texts in a language by the other requested languages, or the reverse for a target.

        Keys are the other language; the most often missed comes first.
        """
        counts = {
            two if language else one: self.counts(one, two)
            for one, two in sorted({(one, two) for one, two, _, _ in self.verdicts})
            if one != two and (one == language or two == target)
        }
        return dict(sorted(counts.items(), key=lambda pair: -(pair[1].missed.percent or 0.0)))

    def off_trusted_from(self, target: str) -> int | None:
        """Shortest length, in letters, from which few references are called off-target."""
        return trusted_from([self.references(target, [band]).floor for band in BANDS])

    def on_trusted_from(self, target: str) -> int | None:
        """Shortest length, in letters, from which few texts in other languages pass as on target.

        None if texts in one of them pass too often, or if there is no other language.
        """
        lengths = [
            trusted_from([self.counts(other, target, [band]).missed for band in BANDS])
            for other in self.pairs(target=target)
        ]
        trusted = [length for length in lengths if length is not None]
        return max(trusted) if trusted and len(trusted) == len(lengths) else None


def trusted_from(errors: Sequence[Proportion]) -> int | None:
    """Shortest length, in letters, from which verdicts can be trusted; errors are given by band.

    The lower edge of the shortest band from which on every band has at most `MAX_ERROR_PERCENT`
    errors, and all of them together at most that by the interval's upper bound. None if there is no
    such band.
    """
    trusted = None
    pooled = Proportion(0, 0)
    for edge, band in reversed(list(zip(EDGES, errors, strict=True))):
        pooled = Proportion(pooled.count + band.count, pooled.total + band.total)
        if band.percent is None:
            continue
        if band.percent > MAX_ERROR_PERCENT:
            break
        if pooled.interval and pooled.interval[1] <= MAX_ERROR_PERCENT:
            trusted = edge
    return trusted


def sum_counts(one: VerdictCounts, two: VerdictCounts) -> VerdictCounts:
    """Both together."""
    return VerdictCounts(*map(sum, zip(one, two, strict=True)))


def band_of(length: int) -> int:
    """The number of the length band of a text with `length` letters."""
    return bisect_right(EDGES, length) - 1
