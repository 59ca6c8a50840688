"""A detector's errors on references, counted by language and length.

A text's length is its letters as `scripts.letters` counts them, the unit of `Rule.shortest`:
spaces, digits and punctuation say nothing of a language, and an ideograph says as much as a few
letters. So a length means much the same in all scripts, and an edge of a band can be the rule's.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ontarget.languages.tags import same_language
from ontarget.offtarget.verdicts import Judgement, is_off_target
from ontarget.stats import Proportion

EDGES = (0, 10, 15, 20, 40, 80, 160)  # letters of the shortest text of each band
BANDS = range(len(EDGES))
MAX_ERROR_PERCENT = 1.0  # percent of verdicts that may be wrong where they are trusted


class VerdictCounts(NamedTuple):
    """Texts by what they were called."""

    on_target: int
    off_target: int
    undecided: int

    @property
    def texts(self) -> int:
        """All of them."""
        return sum(self)

    @property
    def judged(self) -> int:
        """Those that a ratio counts."""
        return self.on_target + self.off_target

    @property
    def floor(self) -> Proportion:
        """The off-target ratio: the metric's error where the texts are references."""
        return Proportion(self.off_target, self.judged)

    @property
    def missed(self) -> Proportion:
        """What passes of those judged: the metric's error where the texts are in no target."""
        return Proportion(self.on_target, self.judged)


class Calibration:
    """One detector's verdicts, counted; what it holds does not grow with the texts."""

    def __init__(self) -> None:
        self.verdicts: Counter[tuple[str, str, int, bool | None]] = Counter()
        self.top: Counter[tuple[str, int, bool]] = Counter()
        self.found: Counter[tuple[str, str]] = Counter()

    def add(self, pair: tuple[str, str], length: int, judged: Judgement) -> None:
        """Count the verdict on a text; `pair` is (its language, the language asked for)."""
        self.verdicts[*pair, band_of(length), is_off_target(judged)] += 1
        if pair[0] == pair[1] and judged.is_off_target:
            self.found[pair[0], judged.language] += 1

    def add_top(self, language: str, length: int, shares: Mapping[str, float]) -> None:
        """Count whether a reference's likeliest language is its own."""
        best = next(iter(shares), "")
        self.top[language, band_of(length), bool(best) and same_language(best, language)] += 1

    def counts(self, language: str, target: str, bands: Iterable[int] = BANDS) -> VerdictCounts:
        """Texts in `language` where `target` was asked for."""
        found = VerdictCounts(0, 0, 0)
        for number in bands:
            kinds = ((language, target, number, verdict) for verdict in (False, True, None))
            found = sum_counts(found, VerdictCounts(*(self.verdicts[kind] for kind in kinds)))
        return found

    def references(self, language: str, bands: Iterable[int] = BANDS) -> VerdictCounts:
        """Texts in the language asked for."""
        return self.counts(language, language, bands)

    def found_most(self, language: str) -> str:
        """What references called off-target are most often in; "" where that is no one language."""
        by_language = {two: times for (one, two), times in self.found.items() if one == language}
        return max(by_language, key=lambda each: by_language[each], default="")

    def top_label(self, language: str, bands: Iterable[int] = BANDS) -> Proportion:
        """References whose likeliest language, of all that the detector may answer, is theirs."""
        wanted = list(bands)
        right, wrong = (
            sum(self.top[language, each, is_it] for each in wanted) for is_it in (True, False)
        )
        return Proportion(right, right + wrong)

    def pairs(self, *, language: str = "", target: str = "") -> dict[str, VerdictCounts]:
        """Texts in a language by what else was asked for, or of a target by what else they are in.

        Keys are the other language; what is missed most comes first.
        """
        found = {
            two if language else one: self.counts(one, two)
            for one, two in sorted({(one, two) for one, two, _, _ in self.verdicts})
            if one != two and (one == language or two == target)
        }
        return dict(sorted(found.items(), key=lambda each: -(each[1].missed.percent or 0.0)))

    def off_trusted_from(self, target: str) -> int | None:
        """Letters from which on `off_target` can be trusted: few references are called so."""
        return trusted_from([self.references(target, [number]).floor for number in BANDS])

    def on_trusted_from(self, target: str) -> int | None:
        """Letters from which on `on_target` can be trusted: few texts in any other language pass.

        None where texts in one of them pass too often, and where there is no other language.
        """
        lengths = [
            trusted_from([self.counts(other, target, [number]).missed for number in BANDS])
            for other in self.pairs(target=target)
        ]
        known = [length for length in lengths if length is not None]
        return max(known) if known and len(known) == len(lengths) else None


def trusted_from(errors: Sequence[Proportion]) -> int | None:
    """Letters from which on verdicts are trusted, by the share of errors in each band.

    A band's lower edge: there and in each longer band at most `MOST` percent are wrong, and in all
    of these together at most that by the upper bound of the interval. None where no band is such.
    """
    trusted = None
    pooled = Proportion(0, 0)
    for edge, share in reversed(list(zip(EDGES, errors, strict=True))):
        pooled = Proportion(pooled.count + share.count, pooled.of + share.of)
        if share.percent is None:
            continue
        if share.percent > MAX_ERROR_PERCENT:
            break
        if pooled.interval and pooled.interval[1] <= MAX_ERROR_PERCENT:
            trusted = edge
    return trusted


def sum_counts(one: VerdictCounts, two: VerdictCounts) -> VerdictCounts:
    """Both together."""
    return VerdictCounts(*map(sum, zip(one, two, strict=True)))


def band_of(length: int) -> int:
    """The number of the band that a text of so many letters is in."""
    return bisect_right(EDGES, length) - 1
