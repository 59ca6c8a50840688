"""Is a translation in the language asked for, and if not, where did it go? One verdict a segment.

A detector gives shares: how likely each language is, likeliest first. What follows from them is
decided here, the same for every detector.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from ontarget.languages import tags, writing
from ontarget.languages.tags import language_and_script, same_language
from ontarget.offtarget.detectors.base import Probabilities

END_OF_PART = re.compile(  # a line, a clause; a quote or bracket closed behind it belongs to it
    r"""[.!?;:…؟۔؛।։።។]["'”’»)\]]?\s+|[。！？；：][」』”’）]?|\n+"""
)
FOREIGN_SHARE = 0.75  # of letters; below, a text with foreign names in it is left to the detector


class Verdict(StrEnum):
    """Where a segment went."""

    ON_TARGET = "on_target"
    SOURCE_COPY = "source_copy"  # the source's own text
    SOURCE_LANGUAGE = "source_language"  # other text in the source's language
    PIVOT = "pivot"  # in the pivot, where that is neither source nor target
    OTHER = "other"  # in another language
    MIXED = "mixed"  # its parts are in different languages
    EMPTY = "empty"
    UNDECIDED = "undecided"  # too short, or no language likely


NOT_OFF_TARGET = frozenset({Verdict.ON_TARGET, Verdict.UNDECIDED})


class Judgement(NamedTuple):
    """A segment's verdict and the language found; "" where there is none or more than one."""

    verdict: Verdict
    language: str

    @property
    def is_off_target(self) -> bool:
        """Whether the ratio counts it."""
        return self.verdict not in NOT_OFF_TARGET


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule:
    """When a detector's shares are evidence enough against the target language."""

    margin: float = 5.0  # another language must be so many times as likely
    shortest: int = 15  # letters; less is undecided
    part: int = 30  # letters of a part that is judged by itself; 0: parts are not looked at
    hint: float = 0.01  # a text is taken apart where a second language has this share
    script: bool = True


PAPER_RULE = DecisionRule(
    margin=1.0, shortest=0, part=0, script=False
)  # the top label, whatever the text


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationRequest:
    """What a translation was asked to be."""

    target_lang: str
    source_lang: str
    pivot: str = "en"
    rule: DecisionRule = DecisionRule()


def before_detection(
    text: str, source: str | None, references: Collection[str], asked: TranslationRequest
) -> Judgement | None:
    """The verdict that needs no detector, if there is one.

    A copy of the source is none where a reference is the same text: names and addresses stay as
    they are. Short text is undecided before its script is looked at.
    """
    rule = asked.rule
    if not rule.script:
        return None
    if not writing.has_letters(text, rule.shortest):
        return Judgement(Verdict.UNDECIDED if text.strip() else Verdict.EMPTY, "")
    if (
        source is not None
        and same_text(text, source)
        and not any(same_text(text, x) for x in references)
    ):
        return Judgement(Verdict.SOURCE_COPY, asked.source_lang)
    return None


def same_text(text: str, other: str) -> bool:
    """Whether two texts differ in white space and Unicode composition only."""
    return text == other or normalize_text(text) == normalize_text(other)


def normalize_text(text: str) -> str:
    """NFC, white space collapsed."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def after_detection(
    text: str, shares: Probabilities, foreign: int, asked: TranslationRequest
) -> Judgement:
    """The verdict by a detector's shares, after the script check of its `foreign` letters.

    Off-target needs evidence: three letters of four in a script that the target is never written
    in, or another language at least `margin` times as likely as the target. Close languages
    (Ukrainian for Russian, Dutch for Afrikaans) can miss that margin, and then are on-target.
    """
    if asked.rule.script:
        if foreign and foreign >= FOREIGN_SHARE * writing.letters(text):
            return classify(language_by_script(text, shares, asked.target_lang), asked)
        shares = resolve_kana(text, shares)
    found = evidence_against(shares, asked)
    if found is None:
        if wanted_orthography(asked.target_lang):
            written = writing.orthography(text)
            if written and written != wanted_orthography(asked.target_lang):
                return classify(f"zh-{written}", asked)
        return on_target(asked.target_lang)
    if not text.strip():  # by the paper's rule alone
        return Judgement(Verdict.EMPTY, "")
    return classify(found, asked) if found else Judgement(Verdict.UNDECIDED, "")


@cache
def on_target(target_lang: str) -> Judgement:
    """The verdict hoped for."""
    return Judgement(Verdict.ON_TARGET, target_lang)


def evidence_against(shares: Probabilities, asked: TranslationRequest) -> str | None:
    """The likeliest language where that is evidence against the target; "" without any language."""
    if not shares:
        return ""
    best = next(iter(shares))
    if same_language(best, asked.target_lang):
        return None
    target = sum(share for code, share in shares.items() if same_language(code, asked.target_lang))
    return best if shares[best] >= asked.rule.margin * target else None


def classify(found: str, asked: TranslationRequest) -> Judgement:
    """An off-target language by its role; the source's comes before the pivot's."""
    if found == asked.source_lang or (
        same_language(found, asked.source_lang)
        and not same_language(asked.source_lang, asked.target_lang)
    ):
        return Judgement(Verdict.SOURCE_LANGUAGE, asked.source_lang)
    if same_language(found, asked.pivot) and not same_language(asked.pivot, asked.target_lang):
        return Judgement(Verdict.PIVOT, asked.pivot)
    return Judgement(Verdict.OTHER, found)


def language_by_script(text: str, shares: Probabilities, target: str) -> str:
    """The likeliest language that is written in the text's script, else `und-` and the script."""
    script = writing.script_of(text)
    for code in shares:
        if script in writing.scripts_of(code) and not same_language(code, target):
            return code
    return f"und-{script}"


def resolve_kana(text: str, shares: Probabilities) -> Probabilities:
    """Shares with Japanese and Chinese told apart by kana; lid.176 can take one for the other."""
    if "ja" not in shares and "zh" not in shares:
        return shares
    kana = writing.KANA.search(text) is not None
    wrong, right = ("zh", "ja") if kana else ("ja", "zh")
    if wrong not in shares or writing.is_japanese(text) is not kana:
        return shares
    moved = {code: share for code, share in shares.items() if code != wrong}
    moved[right] = moved.get(right, 0.0) + shares[wrong]
    return dict(sorted(moved.items(), key=lambda each: -each[1]))


@cache
def wanted_orthography(target_lang: str) -> str:
    """`Hans` or `Hant` where Chinese is asked for by its script or region, else ""."""
    language, script = language_and_script(target_lang)
    return script if language == "zh" and tags.names_script(target_lang) else ""


def split_parts(text: str, rule: DecisionRule) -> list[str]:
    """Sentences and clauses of at least `rule.part` letters, shorter ones joined to the next.

    A clause ends with a semicolon or colon. A text of a single part gives [].
    """
    if not rule.part:
        return []
    found: list[str] = []
    start = 0
    for end in END_OF_PART.finditer(text):
        part = text[start : end.end()]
        if writing.has_letters(part, rule.part):
            found.append(part.strip())
            start = end.end()
    rest = text[start:].strip()
    if writing.has_letters(rest, rule.part):
        found.append(rest)
    elif rest and found:
        found[-1] = f"{found[-1]} {rest}"
    return found if len(found) > 1 else []


def may_be_mixed(text: str, shares: Probabilities, foreign: int, rule: DecisionRule) -> bool:
    """Whether a text may be mixed: a second language is likely at all, or scripts meet."""
    if not rule.part:
        return False
    if len(shares) > 1 and list(shares.values())[1] >= rule.hint:
        return True
    return foreign >= rule.part or ("ja" in shares or "zh" in shares) and writing.may_mix_kana(text)


def is_mixed(of_parts: Sequence[tuple[str, Probabilities]], asked: TranslationRequest) -> bool:
    """Whether parts are in different languages, each by evidence as of a whole segment."""
    found = set()
    for text, shares in of_parts:
        foreign = writing.foreign_letters(text, asked.target_lang)
        judged = after_detection(text, shares, foreign, asked)
        if judged.verdict is not Verdict.UNDECIDED:
            found.add(judged.language)
    return len(found) > 1


def combine_votes(votes: Sequence[Judgement]) -> Judgement:
    """The verdict of several detectors: off-target only where each of them says so.

    One that says on-target settles it; else one that is undecided does. The first says where an
    off-target segment went.
    """
    for settles in (Verdict.ON_TARGET, Verdict.UNDECIDED):
        for vote in votes:
            if vote.verdict is settles:
                return vote
    return votes[0]


def is_off_target(found: Judgement) -> bool | None:
    """Whether a segment is off-target; None where that is undecided."""
    if found.verdict is Verdict.UNDECIDED:
        return None
    return found.is_off_target
