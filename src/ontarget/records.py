"""The nouns of the pipeline. Frozen, plain, and free of any other import of this package."""

from dataclasses import dataclass
from typing import NamedTuple


class Direction(NamedTuple):
    """From one language into another, written `it-nl` in recipes and reports."""

    source_lang: str
    target_lang: str

    def __str__(self) -> str:
        return f"{self.source_lang}-{self.target_lang}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel:
    """One meaning in several languages, as a row of a multi-parallel corpus holds it."""

    key: str  # unique within the corpus, e.g. "train.tsv:17"
    texts: dict[str, str]  # language code -> text; a language without a text is absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One translation instruction and one response, in text.

    `asked_lang` is the language the instruction names, `target_lang` the language the response
    is written in. They differ in conflict samples of a wrong target and nowhere else.
    """

    key: str  # unique and stable across runs, e.g. "train.tsv:17/it-nl"
    source_lang: str  # what the instruction calls the source
    asked_lang: str
    target_lang: str
    source: str
    target: str

    @property
    def conflicts(self) -> bool:
        """Whether the response is in another language than its instruction asks for."""
        return self.asked_lang != self.target_lang


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """One segment translated by one system, with its reference beside it."""

    key: str
    system: str  # base, stage1, stage1-longer, stage2
    source_lang: str
    target_lang: str
    source: str
    reference: str
    hypothesis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTranslation:
    """A translation as step 6 leaves it: with what it and its reference were found to be.

    Verdicts are values of `verdicts.Verdict`; a language is "" where none or several were found.
    """

    key: str
    system: str
    source_lang: str
    target_lang: str
    source: str
    reference: str
    hypothesis: str
    verdict: str
    found_lang: str
    reference_verdict: str
    reference_found_lang: str
    chrf: float  # of this segment, 0-100


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One system in one direction: quality, off-target ratio, and what they were measured with.

    BLEU and chrF are 0-100, ratios and interval bounds are percent 0-100, of the segments that
    could be judged; None where none could.
    """

    system: str
    source: str
    target: str
    supervised: bool
    segments: int
    bleu: float
    chrf: float
    off_target_percent: float | None
    off_target_interval: tuple[float, float] | None  # Wilson, 95 %
    reference_off_target_percent: float | None  # the same ratio on the references: the floor
    verdicts: dict[str, int]  # segments of each; all of `verdicts.Verdict` are there
    languages: dict[str, int]  # found in judged segments, most frequent first
    detector: str
    signatures: dict[str, str]  # metric -> sacreBLEU signature
