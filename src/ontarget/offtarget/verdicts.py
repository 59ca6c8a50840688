"""Is a translation in the requested language, and if not, where did it go? One verdict a segment.

Detectors give language probabilities. What follows from them is decided here, the same for every
detector.
"""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from ontarget.languages import tags, writing
from ontarget.languages.tags import same_language
from ontarget.offtarget import evidence
from ontarget.offtarget.detectors.base import Probabilities

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
    shortest: int = 15  # letters; on shorter text a detector is no evidence; `OffTarget` sets it
    short: int = 30  # letters; in shorter ones the evidence must be stronger, or it is none
    short_margin: float = 20.0  # in place of `margin` there; below it a lead is undecided
    part: int = 30  # letters of the shortest part that is judged by itself; 0: no parts
    hint: float = 0.01  # a second language of this probability makes parts worth judging
    script: bool = True  # whether texts are normalised, and scripts and copies checked, at all


# The top label decides.
PAPER_RULE = DecisionRule(margin=1.0, shortest=0, short=0, part=0, script=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationRequest:
    """The languages of a translation, and the rule that decides on it."""

    target_lang: str
    source_lang: str
    pivot: str = "en"
    rule: DecisionRule = DecisionRule()


def before_detection(
    text: str,
    normal: str,
    source: str | None,
    references: Collection[str],
    request: TranslationRequest,
) -> Judgement | None:
    """The verdict that needs no detector, or None; `normal` is the normalised text.

    A text that equals a reference is on target. A copy of the source, or a text in a script that
    the target never uses, is off-target at any length; any other short text is undecided.
    """
    rule = request.rule
    if not rule.script:
        return None
    if not text.strip():
        return Judgement(Verdict.EMPTY, "")
    if any(same_text(text, reference) for reference in references):
        return on_target(request.target_lang)
    if source is not None and same_text(text, source) and writing.has_letters(normal, 1):
        return Judgement(Verdict.SOURCE_COPY, request.source_lang)
    if writing.has_letters(normal, rule.shortest):
        return None
    foreign = writing.foreign_letters(normal, request.target_lang)
    if foreign and foreign == writing.letters(normal) and not is_name(normal):
        return classify(language_by_script(normal, {}, request.target_lang), request)
    return Judgement(Verdict.UNDECIDED, "")


def is_name(text: str) -> bool:
    """Whether every word begins with a capital, or is a single letter, as in names."""
    words = [word for word in map(str.strip, text.split()) if any(map(str.isalpha, word))]
    return all(len(word) == 1 or word.lstrip("([\"'“«")[:1].isupper() for word in words)


def same_text(text: str, other: str) -> bool:
    """Whether two texts differ at most in white space and Unicode composition."""
    return text == other or normalize_text(text) == normalize_text(other)


def normalize_text(text: str) -> str:
    """NFC, with white space collapsed."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def after_detection(
    text: str, probabilities: Probabilities, foreign: int, request: TranslationRequest
) -> Judgement:
    """The verdict on a normalised text by script and by a detector's probabilities.

    `foreign` is the number of letters in scripts that the target is never written in. Off-target
    needs evidence: three quarters of the letters in such scripts, or another language at least
    `margin` times as likely as the target. Close languages (Ukrainian for Russian, Dutch for
    Afrikaans) may stay below that margin and are then on target, unless letters or words tell.
    """
    if not request.rule.script:
        return by_top_label(text, probabilities, request)
    if foreign and foreign >= FOREIGN_SHARE * writing.letters(text):
        return classify(language_by_script(text, probabilities, request.target_lang), request)
    probabilities = resolve_kana(text, probabilities)
    language = evidence_against(probabilities, request)
    if language is None:
        return on_target_unless_close(text, probabilities, request)
    probabilities = evidence.admissible(text, probabilities)
    language = evidence_against(probabilities, request)
    if language is None:
        return on_target(request.target_lang)
    if language and is_weak(text, probabilities, request):
        return Judgement(Verdict.UNDECIDED, "")
    favoured = evidence.favours_target(text, request.target_lang, language) if language else None
    if favoured:
        return on_target(request.target_lang)
    if favoured is None:
        return Judgement(Verdict.UNDECIDED, "")
    return classify(language, request)


def by_top_label(text: str, probabilities: Probabilities, request: TranslationRequest) -> Judgement:
    """The verdict of the paper's rule: the likeliest label, of any text."""
    language = evidence_against(probabilities, request)
    if language is None:
        return on_target(request.target_lang)
    if not text.strip():
        return Judgement(Verdict.EMPTY, "")
    return classify(language, request) if language else Judgement(Verdict.UNDECIDED, "")


def on_target_unless_close(
    text: str, probabilities: Probabilities, request: TranslationRequest
) -> Judgement:
    """On target, unless letters or words of a close language say otherwise, or the evidence is weak
    in a short text.
    """
    target = request.target_lang
    wanted = wanted_orthography(target)
    written = writing.orthography(text) if wanted else ""
    if written and written != wanted:
        return classify(f"zh-{written}", request)
    if evidence.cannot_be(text, target):
        others = [code for code in probabilities if not same_language(code, target)]
        possible = evidence.admissible(text, dict.fromkeys(others, 1.0))
        if possible:
            return classify(next(iter(possible)), request)
    neighbour = evidence.neighbour_of(text, target)
    if neighbour is not None:
        return classify(neighbour, request)
    best = next(iter(probabilities), "")
    if not same_language(best, target) and not writing.has_letters(text, request.rule.short):
        return Judgement(Verdict.UNDECIDED, "")
    return on_target(target)


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
    target = of_target(probabilities, request)
    return best if probabilities[best] >= request.rule.margin * target else None


def of_target(probabilities: Probabilities, request: TranslationRequest) -> float:
    """The probability of the target language."""
    own = (code for code in probabilities if same_language(code, request.target_lang))
    return sum((probabilities[code] for code in own), 0.0)


def is_weak(text: str, probabilities: Probabilities, request: TranslationRequest) -> bool:
    """Whether a short text's likeliest language has too small a lead over the target.

    A single word is no evidence: names and words of science are spelt alike in many languages.
    """
    rule = request.rule
    best = next(iter(probabilities.values()))
    if len(text.split()) == 1 and text.lower() != text.upper():
        return True
    return best < rule.short_margin * of_target(probabilities, request) and not (
        writing.has_letters(text, rule.short)
    )


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
    """The likeliest language written in the text's script, with the script if that is the target's
    language, else `und-` and the script.
    """
    script = writing.script_of(text)
    for code in probabilities:
        language = tags.canonical(code)
        if script in writing.scripts_of(language):
            return f"{language}-{script}" if same_language(code, target) else code
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


def combine_votes(votes: Sequence[Judgement]) -> Judgement:
    """The judgement of several detectors: off-target only if all of them say so.

    A vote for on-target decides, else one for undecided. The first vote gives the language.
    """
    for verdict in (Verdict.ON_TARGET, Verdict.UNDECIDED):
        for vote in votes:
            if vote.verdict is verdict:
                return vote
    return votes[0]
