"""Is a translation in the requested language, and if not, where did it go? One verdict a segment.

Detectors give language probabilities. What follows from them is decided here, the same for every
detector.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from ontarget.languages import tags, writing
from ontarget.languages.tags import same_language
from ontarget.offtarget.detectors.base import Probabilities

END_OF_PART = re.compile(  # the end of a line, sentence or clause, with closing quotes and brackets
    r"""[.!?;:…؟۔؛।։።។]["'”’»)\]]?\s+|[。！？；：][」』”’）]?|\n+"""
)
FOREIGN_SHARE = 0.75  # of letters; with fewer, a text with foreign names is left to the detector


class Verdict(StrEnum):
    """Where a segment went."""

    ON_TARGET = "on_target"
    SOURCE_COPY = "source_copy"  # the source text itself
    SOURCE_LANGUAGE = "source_language"  # other text in the source's language
    PIVOT = "pivot"  # in the pivot language, where that is neither source nor target
    OTHER = "other"  # in another language
    MIXED = "mixed"  # parts in different languages
    EMPTY = "empty"
    UNDECIDED = "undecided"  # too short, or no language likely


NOT_OFF_TARGET = frozenset({Verdict.ON_TARGET, Verdict.UNDECIDED})


def is_off_target(verdict: str) -> bool | None:
    """Whether a verdict counts as off-target; None: it is undecided and in no ratio."""
    if verdict == Verdict.UNDECIDED:
        return None
    return verdict != Verdict.ON_TARGET


class Judgement(NamedTuple):
    """A segment's verdict and detected language; "" where there is none or more than one."""

    verdict: Verdict
    language: str

    @property
    def is_off_target(self) -> bool:
        """Whether the ratio counts it as off-target."""
        return self.verdict not in NOT_OFF_TARGET


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule:
    """When language probabilities are evidence enough against the target language."""

    margin: float = 5.0  # another language must be this many times as likely as the target
    shortest: int = 15  # letters; shorter segments are undecided
    part: int = 30  # letters of the shortest part that is judged by itself; 0: no parts
    hint: float = 0.01  # a second language of this probability makes parts worth judging
    script: bool = True  # whether scripts, copies and lengths are checked at all


PAPER_RULE = DecisionRule(margin=1.0, shortest=0, part=0, script=False)  # the top label decides


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationRequest:
    """The languages of a translation, and the rule that decides on it."""

    target_lang: str
    source_lang: str
    pivot: str = "en"
    rule: DecisionRule = DecisionRule()


def before_detection(
    text: str, source: str | None, references: Collection[str], request: TranslationRequest
) -> Judgement | None:
    """The verdict that needs no detector, or None.

    A copy of the source is not one if a reference is the same text, as for names and addresses.
    A text that is too short is undecided, whatever its script.
    """
    rule = request.rule
    if not rule.script:
        return None
    if not writing.has_letters(text, rule.shortest):
        return Judgement(Verdict.UNDECIDED if text.strip() else Verdict.EMPTY, "")
    copied = source is not None and same_text(text, source)
    if copied and not any(same_text(text, reference) for reference in references):
        return Judgement(Verdict.SOURCE_COPY, request.source_lang)
    return None


def same_text(text: str, other: str) -> bool:
    """Whether two texts differ at most in white space and Unicode composition."""
    return text == other or normalize_text(text) == normalize_text(other)


def normalize_text(text: str) -> str:
    """NFC, with white space collapsed."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def after_detection(
    text: str, probabilities: Probabilities, foreign: int, request: TranslationRequest
) -> Judgement:
    """The verdict by script and by a detector's probabilities.

    `foreign` is the number of letters in scripts that the target is never written in. Off-target
    needs evidence: three quarters of the letters in such scripts, or another language at least
    `margin` times as likely as the target. Close languages (Ukrainian for Russian, Dutch for
    Afrikaans) may stay below that margin and are then on target.
    """
    if request.rule.script:
        if foreign and foreign >= FOREIGN_SHARE * writing.letters(text):
            return classify(language_by_script(text, probabilities, request.target_lang), request)
        probabilities = resolve_kana(text, probabilities)
    language = evidence_against(probabilities, request)
    if language is None:
        wanted = wanted_orthography(request.target_lang)
        written = writing.orthography(text) if wanted else ""
        if written and written != wanted:
            return classify(f"zh-{written}", request)
        return on_target(request.target_lang)
    if not text.strip():  # only the paper's rule comes here with an empty text
        return Judgement(Verdict.EMPTY, "")
    return classify(language, request) if language else Judgement(Verdict.UNDECIDED, "")


@cache
def on_target(target_lang: str) -> Judgement:
    """The judgement of a segment in the target language."""
    return Judgement(Verdict.ON_TARGET, target_lang)


def evidence_against(probabilities: Probabilities, request: TranslationRequest) -> str | None:
    """The likeliest language if it is evidence against the target, else None; "" without any."""
    if not probabilities:
        return ""
    best = next(iter(probabilities))
    if same_language(best, request.target_lang):
        return None
    target = sum(
        probability
        for code, probability in probabilities.items()
        if same_language(code, request.target_lang)
    )
    return best if probabilities[best] >= request.rule.margin * target else None


def classify(language: str, request: TranslationRequest) -> Judgement:
    """The off-target verdict of a text in `language`; source is checked before pivot."""
    source, pivot, target = request.source_lang, request.pivot, request.target_lang
    if language == source or (
        same_language(language, source) and not same_language(source, target)
    ):
        return Judgement(Verdict.SOURCE_LANGUAGE, source)
    if same_language(language, pivot) and not same_language(pivot, target):
        return Judgement(Verdict.PIVOT, pivot)
    return Judgement(Verdict.OTHER, language)


def language_by_script(text: str, probabilities: Probabilities, target: str) -> str:
    """The likeliest language written in the text's script, else `und-` and the script."""
    script = writing.script_of(text)
    for code in probabilities:
        if script in writing.scripts_of(code) and not same_language(code, target):
            return code
    return f"und-{script}"


def resolve_kana(text: str, probabilities: Probabilities) -> Probabilities:
    """Probabilities with Japanese and Chinese told apart by kana, which lid.176 may confuse."""
    if "ja" not in probabilities and "zh" not in probabilities:
        return probabilities
    kana = writing.KANA.search(text) is not None
    wrong, right = ("zh", "ja") if kana else ("ja", "zh")
    if wrong not in probabilities or writing.is_japanese(text) is not kana:
        return probabilities
    moved = {code: value for code, value in probabilities.items() if code != wrong}
    moved[right] = moved.get(right, 0.0) + probabilities[wrong]
    return dict(sorted(moved.items(), key=lambda pair: -pair[1]))


@cache
def wanted_orthography(target_lang: str) -> str:
    """`Hans` or `Hant` where Chinese is requested by script or region, else ""."""
    language, script = tags.language_and_script(target_lang)
    return script if language == "zh" and tags.names_script(target_lang) else ""


def split_parts(text: str, rule: DecisionRule) -> list[str]:
    """Sentences and clauses of at least `rule.part` letters; shorter ones join the next.

    A clause ends with a semicolon or colon. A text of a single part gives [].
    """
    if not rule.part:
        return []
    parts: list[str] = []
    start = 0
    for end in END_OF_PART.finditer(text):
        part = text[start : end.end()]
        if writing.has_letters(part, rule.part):
            parts.append(part.strip())
            start = end.end()
    rest = text[start:].strip()
    if writing.has_letters(rest, rule.part):
        parts.append(rest)
    elif rest and parts:
        parts[-1] = f"{parts[-1]} {rest}"
    return parts if len(parts) > 1 else []


def may_be_mixed(text: str, probabilities: Probabilities, foreign: int, rule: DecisionRule) -> bool:
    """Whether parts are worth judging: a second language is possible, or scripts are mixed."""
    if not rule.part:
        return False
    if len(probabilities) > 1 and list(probabilities.values())[1] >= rule.hint:
        return True
    if foreign >= rule.part:
        return True
    return ("ja" in probabilities or "zh" in probabilities) and writing.may_mix_kana(text)


def is_mixed(parts: Sequence[tuple[str, Probabilities]], request: TranslationRequest) -> bool:
    """Whether parts are in different languages; each is judged like a whole segment."""
    languages = set()
    for text, probabilities in parts:
        foreign = writing.foreign_letters(text, request.target_lang)
        judgement = after_detection(text, probabilities, foreign, request)
        if judgement.verdict is not Verdict.UNDECIDED:
            languages.add(judgement.language)
    return len(languages) > 1


def combine_votes(votes: Sequence[Judgement]) -> Judgement:
    """The judgement of several detectors: off-target only if all of them say so.

    A vote for on-target decides, else one for undecided. The first vote gives the language.
    """
    for verdict in (Verdict.ON_TARGET, Verdict.UNDECIDED):
        for vote in votes:
            if vote.verdict is verdict:
                return vote
    return votes[0]
