"""How well the default detector measures each language, from `grades.json`.

The file holds counts on texts whose language is known: references called off-target, by length, and
texts in other languages called off-target. `benchmarks/grades.py` makes it.
"""

import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ontarget.languages.tags import canonical, language_and_script, standard
from ontarget.stats import Proportion

EDGES = (0, 10, 15, 20, 40, 80, 160)  # characters of the shortest text of each length band
SENTENCE = 4  # the band from which a text is a sentence
LEAST = 50  # texts that a grade needs
GRADES = {"A": 0.3, "B": 1.0, "C": 5.0}  # most sentences called off-target that are not, percent
WARNED = frozenset({"C", "D", "?"})  # the last is a language that was not measured
CONFUSED = 85.0  # percent found, below which a pair of languages is warned of
# Languages by the size of their web, largest first, as Common Crawl has them. A model falls back to
# a language larger than the requested one, so only larger neighbours are warned of.
BY_SIZE = (
    "en ru de ja zh es fr it pt pl nl tr id vi ar fa cs ko uk hu ro sv el th da fi sk bg nb hr he "
    "lt hi sr sl ca et lv bn ms ta az sq ka ml mr te ne hy kk is mk ur bs af gl eu fil be nn km kn "
    "si uz mn sw gu lo my am pa tt ky cy ku tg yo so ceb"
).split()


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a language as a target."""

    language: str
    floors: tuple[Proportion, ...]  # references called off-target, by band
    found: Mapping[str, Proportion]  # texts called off-target, by the language that they are in

    @property
    def floor(self) -> Proportion:
        """References called off-target, sentences only."""
        return total(self.floors[SENTENCE:])

    @property
    def worst(self) -> tuple[str, float]:
        """The language whose texts are found least, and the percentage."""
        shares = {code: each.percent or 0.0 for code, each in self.found.items() if each.total}
        if not shares:
            return "", 100.0
        code = min(shares, key=lambda other: shares[other])
        return code, shares[code]

    @property
    def grade(self) -> str:
        """`A` to `D` by the floor of sentences, or `?` where too few were measured."""
        percent = self.floor.percent
        if percent is None or self.floor.total < LEAST:
            return "?"
        return next((grade for grade, most in GRADES.items() if percent <= most), "D")

    @property
    def confused(self) -> dict[str, float]:
        """Languages whose texts often pass as this one, with the percentage found."""
        shares = {code: each.percent or 0.0 for code, each in self.found.items() if each.total}
        return {code: share for code, share in sorted(shares.items()) if share < CONFUSED}

    def floor_of(self, bands: Mapping[int, int]) -> Proportion | None:
        """The floor of texts with these lengths (band -> texts); None where a band is unmeasured.

        The counts are those of the measured texts, weighted so that the lengths agree.
        """
        weights = sum(bands.values())
        if not weights or any(not self.floors[band].total for band, n in bands.items() if n):
            return None
        share = sum(
            n * self.floors[band].count / self.floors[band].total for band, n in bands.items() if n
        )
        measured = sum(self.floors[band].total for band, n in bands.items() if n)
        return Proportion(round(measured * share / weights), measured)

    def recall(self, others: tuple[str, ...]) -> Proportion:
        """Texts found, of these languages where they were measured, else of all."""
        named = [
            self.found[code] for code in dict.fromkeys(map(canonical, others)) if code in self.found
        ]
        return total(named) if named else total(list(self.found.values()))


def total(proportions: tuple[Proportion, ...] | list[Proportion]) -> Proportion:
    """All together."""
    return Proportion(sum(p.count for p in proportions), sum(p.total for p in proportions))


def band_of(text: str) -> int:
    """The number of a text's length band."""
    return bisect_right(EDGES, len(text)) - 1


@cache
def table() -> Mapping[str, Any]:
    """The file's content."""
    text = (
        files("ontarget.offtarget.calibration").joinpath("grades.json").read_text(encoding="utf-8")
    )
    content: Mapping[str, Any] = json.loads(text)
    return content


def measured(language: str) -> Measured | None:
    """What is known of a target language; None where nothing was measured."""
    languages = table()["languages"]
    with_script = "-".join(language_and_script(standard(language)))
    named = (standard(language), with_script, with_script.split("-")[0])
    entry = next((languages[name] for name in named if name in languages), None)
    if entry is None:
        return None
    return Measured(
        language,
        tuple(Proportion(*counts) for counts in entry["floors"]),
        {code: Proportion(*counts) for code, counts in entry["found"].items()},
    )


def warning(language: str, others: tuple[str, ...]) -> str | None:
    """What to know before citing a ratio of this language; None where it can be trusted.

    `others` are the source language and the pivot.
    """
    known = measured(language)
    if known is None or known.grade == "?":
        return f"the detector's errors in {language!r} were not measured"
    reasons = []
    if known.grade in WARNED:
        reasons.append(f"{known.floor.percent:.1f} % of correct sentences are called off-target")
    named = {canonical(code) for code in others}
    reasons += [
        f"of {code!r} text only {share:.0f} % is told from it"
        for code, share in known.confused.items()
        if code in named or is_larger(code, language)
    ]
    return f"{language!r} has grade {known.grade}: {'; '.join(reasons)}" if reasons else None


def is_larger(code: str, language: str) -> bool:
    """Whether a language's web is larger than another's; unknown ones are small."""
    sizes = {name: -rank for rank, name in enumerate(BY_SIZE)}
    least = -len(BY_SIZE)
    return sizes.get(canonical(code), least) > sizes.get(canonical(language), least)
