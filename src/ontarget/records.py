"""The records that travel through the pipeline: frozen, plain, without imports of this package."""

from dataclasses import dataclass
from typing import NamedTuple


class Direction(NamedTuple):
    """From one language into another, written `it-nl` in recipes and reports."""

    source_lang: str
    target_lang: str

    def __str__(self) -> str:
        return f"{self.source_lang}-{self.target_lang}"


def corpus_row(key: str) -> str:
    """The key of the row that a sample comes from: `test.tsv:17` of `test.tsv:17/it-nl`."""
    return key.rpartition("/")[0] or key


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel:
    """One row of a multi-parallel corpus: the same sentence in several languages."""

    key: str  # unique within the corpus, such as "train.tsv:17"
    texts: dict[str, str]  # language code -> text; languages without a text are absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One instruction and one response, as text.

    `asked_lang` is the language the instruction names, `target_lang` the language the response is
    in. They differ in conflict samples with a wrong target, and nowhere else. The response to an
    own conflict is empty: it is what the model answers when asked for `target_lang`.

    A general instruction, as in Alpaca, names no language: its languages are empty, and its
    `source` is the whole prompt. A conflict of it has the prompt of another instruction.
    """

    key: str  # unique and stable across runs, such as "train.tsv:17/it-nl"
    source_lang: str  # the source language that the instruction names
    asked_lang: str
    target_lang: str
    source: str
    target: str

    @property
    def conflicts(self) -> bool:
        """Whether the response is not in the language that the instruction names."""
        return self.asked_lang != self.target_lang

    @property
    def is_general(self) -> bool:
        """Whether the instruction is a general one, not a request for a translation."""
        return not self.asked_lang

    @property
    def asks_right_language(self) -> bool:
        """Whether the instruction names the language that the response is in."""
        return not self.is_general and not self.conflicts


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """One segment translated by one system, with its reference."""

    key: str
    system: str  # a name in `systems`
    source_lang: str
    target_lang: str
    source: str
    reference: str
    hypothesis: str
    truncated: bool = False  # it was cut at `max_new_tokens`


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTranslation:
    """A translation with the verdicts on it and on its reference, as step 6 writes it.

    Verdicts are values of `offtarget.verdicts.Verdict`; a detected language is "" where there is
    none or more than one.
    """

    key: str
    system: str
    source_lang: str
    target_lang: str
    source: str
    reference: str
    hypothesis: str
    verdict: str
    detected_lang: str  # detected
    reference_verdict: str
    reference_detected_lang: str
    chrf: float  # of this segment, 0-100
    truncated: bool = False  # it was cut at `max_new_tokens`


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One system in one direction: quality, off-target ratio, and how they were measured.

    BLEU and chrF are 0-100. Ratios and interval bounds are percentages of the segments that could
    be judged; None where none could.
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
    verdicts: dict[str, int]  # segments of each verdict; all verdicts are present
    languages: dict[str, int]  # detected in judged segments, most frequent first
    detector: str
    signatures: dict[str, str]  # metric -> sacreBLEU signature
    truncated: int = 0  # translations that were cut at `max_new_tokens`
