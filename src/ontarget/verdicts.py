"""Is a translation in the language asked for, and if not, where did it go? One verdict a segment.

A detector gives shares: how likely each language is, likeliest first. What follows from them is
decided here, the same for every detector.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from ontarget import scripts
from ontarget.languages import language_and_script, primary

Shares = Mapping[str, float]  # language code -> 0-1, likeliest first; {} where nothing is likely

# A label that means the language asked for although it is another code: members of a
# macrolanguage (ISO 639-3) and the macrolanguage itself.
MEMBERS = {
    "zh": {"wuu", "yue", "gan", "hak", "nan", "lzh"}, "ar": {"arz", "apc", "ary", "acm", "ajp"},
    "no": {"nb", "nn"}, "fa": {"prs"}, "az": {"azb"}, "sh": {"hr", "bs", "sr"}, "hr": {"sh"},
    "bs": {"sh"}, "sr": {"sh"},
}  # fmt: skip
MACRO = frozenset({"no", "sh"})  # kept apart from nb and sr, which CLDR takes them for
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


class Judged(NamedTuple):
    """A segment's verdict and the language found; "" where there is none or more than one."""

    verdict: Verdict
    language: str

    @property
    def is_off_target(self) -> bool:
        """Whether the ratio counts it."""
        return self.verdict not in NOT_OFF_TARGET


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When a detector's shares are evidence enough against the target language."""

    margin: float = 5.0  # another language must be so many times as likely
    shortest: int = 15  # letters; less is undecided
    part: int = 30  # letters of a part that is judged by itself; 0: parts are not looked at
    hint: float = 0.01  # a text is taken apart where a second language has this share
    script: bool = True


PAPER = Rule(margin=1.0, shortest=0, part=0, script=False)  # the top label, whatever the text


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a translation was asked to be."""

    target_lang: str
    source_lang: str
    pivot: str = "en"
    rule: Rule = Rule()


def before_detection(
    text: str, source: str | None, references: Collection[str], asked: Asked
) -> Judged | None:
    """The verdict that needs no detector, if there is one.

    A copy of the source is none where a reference is the same text: names and addresses stay as
    they are. Short text is undecided before its script is looked at.
    """
    rule = asked.rule
    if not rule.script:
        return None
    if not scripts.has_letters(text, rule.shortest):
        return Judged(Verdict.UNDECIDED if text.strip() else Verdict.EMPTY, "")
    if source is not None and same(text, source) and not any(same(text, x) for x in references):
        return Judged(Verdict.SOURCE_COPY, asked.source_lang)
    return None


def same(text: str, other: str) -> bool:
    """Whether two texts differ in white space and Unicode composition only."""
    return text == other or normal(text) == normal(other)


def normal(text: str) -> str:
    """NFC, white space collapsed."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def after_detection(text: str, shares: Shares, foreign: int, asked: Asked) -> Judged:
    """The verdict by a detector's shares, after the script check of its `foreign` letters.

    Off-target needs evidence: three letters of four in a script that the target is never written
    in, or another language at least `margin` times as likely as the target. Close languages
    (Ukrainian for Russian, Dutch for Afrikaans) can miss that margin, and then are on-target.
    """
    if asked.rule.script:
        if foreign and foreign >= FOREIGN_SHARE * scripts.letters(text):
            return classified(elsewhere(text, shares, asked.target_lang), asked)
        shares = by_kana(text, shares)
    found = against(shares, asked)
    if found is None:
        if wanted_orthography(asked.target_lang):
            written = scripts.orthography(text)
            if written and written != wanted_orthography(asked.target_lang):
                return classified(f"zh-{written}", asked)
        return on_target(asked.target_lang)
    if not text.strip():  # by the paper's rule alone
        return Judged(Verdict.EMPTY, "")
    return classified(found, asked) if found else Judged(Verdict.UNDECIDED, "")


@cache
def on_target(target_lang: str) -> Judged:
    """The verdict hoped for."""
    return Judged(Verdict.ON_TARGET, target_lang)


def against(shares: Shares, asked: Asked) -> str | None:
    """The likeliest language where that is evidence against the target; "" without any language."""
    if not shares:
        return ""
    best = next(iter(shares))
    if means(best, asked.target_lang):
        return None
    target = sum(share for code, share in shares.items() if means(code, asked.target_lang))
    return best if shares[best] >= asked.rule.margin * target else None


def classified(found: str, asked: Asked) -> Judged:
    """An off-target language by its role; the source's comes before the pivot's."""
    if found == asked.source_lang or (
        means(found, asked.source_lang) and not means(asked.source_lang, asked.target_lang)
    ):
        return Judged(Verdict.SOURCE_LANGUAGE, asked.source_lang)
    if means(found, asked.pivot) and not means(asked.pivot, asked.target_lang):
        return Judged(Verdict.PIVOT, asked.pivot)
    return Judged(Verdict.OTHER, found)


def elsewhere(text: str, shares: Shares, target: str) -> str:
    """The likeliest language that is written in the text's script, else `und-` and the script."""
    script = scripts.script_of(text)
    for code in shares:
        if script in scripts.scripts_of(code) and not means(code, target):
            return code
    return f"und-{script}"


def by_kana(text: str, shares: Shares) -> Shares:
    """Shares with Japanese and Chinese told apart by kana; lid.176 can take one for the other."""
    if "ja" not in shares and "zh" not in shares:
        return shares
    kana = scripts.KANA.search(text) is not None
    wrong, right = ("zh", "ja") if kana else ("ja", "zh")
    if wrong not in shares or scripts.is_japanese(text) is not kana:
        return shares
    moved = {code: share for code, share in shares.items() if code != wrong}
    moved[right] = moved.get(right, 0.0) + shares[wrong]
    return dict(sorted(moved.items(), key=lambda each: -each[1]))


@cache
def wanted_orthography(target_lang: str) -> str:
    """`Hans` or `Hant` where Chinese is asked for by its script or region, else ""."""
    language, script = language_and_script(target_lang)
    return script if language == "zh" and scripts.names_script(target_lang) else ""


@cache
def means(label: str, code: str) -> bool:
    """Whether a detector's label is the language of `code`; script and region are not compared."""
    found, asked = language(label), language(code)
    return found == asked or found in MEMBERS.get(asked, ())


def told_apart(code: str, other: str) -> bool:
    """Whether text in one language can be known not to be in the other, by label or by script."""
    if not means(code, other) and not means(other, code):
        return True
    return bool(scripts.names_script(code) and scripts.names_script(other)) and (
        language_and_script(code)[1] != language_and_script(other)[1]
    )


@cache
def language(code: str) -> str:
    """The shortest code of a language: `zh` for `cmn_Hani`, `no` stays what it is."""
    first = primary(code)
    return first if first in MACRO else language_and_script(first)[0]


def parts(text: str, rule: Rule) -> list[str]:
    """Sentences and clauses of at least `rule.part` letters, shorter ones joined to the next.

    A clause ends with a semicolon or colon. A text of a single part gives [].
    """
    if not rule.part:
        return []
    found: list[str] = []
    start = 0
    for end in END_OF_PART.finditer(text):
        part = text[start : end.end()]
        if scripts.has_letters(part, rule.part):
            found.append(part.strip())
            start = end.end()
    rest = text[start:].strip()
    if scripts.has_letters(rest, rule.part):
        found.append(rest)
    elif rest and found:
        found[-1] = f"{found[-1]} {rest}"
    return found if len(found) > 1 else []


def may_be_mixed(text: str, shares: Shares, foreign: int, rule: Rule) -> bool:
    """Whether a text may be mixed: a second language is likely at all, or scripts meet."""
    if not rule.part:
        return False
    if len(shares) > 1 and list(shares.values())[1] >= rule.hint:
        return True
    return foreign >= rule.part or ("ja" in shares or "zh" in shares) and scripts.may_mix_kana(text)


def is_mixed(of_parts: Sequence[tuple[str, Shares]], asked: Asked) -> bool:
    """Whether parts are in different languages, each by evidence as of a whole segment."""
    found = set()
    for text, shares in of_parts:
        foreign = scripts.foreign_letters(text, asked.target_lang)
        judged = after_detection(text, shares, foreign, asked)
        if judged.verdict is not Verdict.UNDECIDED:
            found.add(judged.language)
    return len(found) > 1


def together(votes: Sequence[Judged]) -> Judged:
    """The verdict of several detectors: off-target only where each of them says so.

    One that says on-target settles it; else one that is undecided does. The first says where an
    off-target segment went.
    """
    for settles in (Verdict.ON_TARGET, Verdict.UNDECIDED):
        for vote in votes:
            if vote.verdict is settles:
                return vote
    return votes[0]
