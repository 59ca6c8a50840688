"""Sentences and clauses of a segment, judged by themselves: are they in different languages?"""

import re
from collections.abc import Sequence

from ontarget.languages import writing
from ontarget.offtarget.detectors.base import Probabilities
from ontarget.offtarget.verdicts import (
    DecisionRule,
    TranslationRequest,
    Verdict,
    after_detection,
)

END_OF_PART = re.compile(  # the end of a line, sentence or clause, with closing quotes and brackets
    r"""[.!?;:…؟۔؛।։።។]["'”’»)\]]?\s+|[。！？；：][」』”’）]?|\n+"""
)


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
