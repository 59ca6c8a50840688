"""Rows of parallel text to audited pairs: every rule that one row decides by itself."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from ontarget.data.cleaning import languages, texts
from ontarget.data.cleaning.faults import Facts, first_fault
from ontarget.data.cleaning.rules import Cascade, Rules
from ontarget.models.special_tokens import any_of
from ontarget.records import Direction, Parallel, Sample


class Audited(NamedTuple):
    """A pair of a row, and the first rule that it breaks."""

    sample: Sample
    reason: str = ""  # a key of `rules.REASONS`; "" for a pair that is kept
    detail: str = ""  # what is wrong, in words
    fingerprint: int = 0  # equal for duplicates, of 64 bits
    composed: bool = False  # a text was not in Unicode's NFC, and now is
    asks_language: bool = False  # the rule `language` applies


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What pairs are checked for; can be sent to other processes."""

    pairs: tuple[Direction, ...]  # the pairs of languages that a row is taken apart into
    pivot: str  # whose text counts as the original, where several languages have the same one
    cascade: Cascade = Cascade()
    held_out: frozenset[int] = frozenset()  # fingerprints of dev and test texts
    special_tokens: tuple[str, ...] = ()


def held_out_fingerprints(rows: Iterable[Parallel]) -> frozenset[int]:
    """The fingerprints of all texts of dev and test, whatever their language."""
    return frozenset(
        texts.fingerprint(texts.reduced(texts.composed(text)))
        for row in rows
        for text in row.texts.values()
    )


class RulesByGroup(dict[tuple[str, str, str], Rules]):
    """The rules of source language, target language and corpus, worked out once."""

    def __init__(self, cascade: Cascade) -> None:
        self.cascade = cascade

    def __missing__(self, group: tuple[str, str, str]) -> Rules:
        self[group] = self.cascade.rules_for(*group)
        return self[group]


def audit_rows(rows: Iterable[Parallel], audit: Audit) -> list[Audited]:
    """The pairs of these rows, in order, each with the first rule that it breaks by itself.

    A detector is asked only about pairs that break no other rule, and about a text only once.
    """
    rules = RulesByGroup(audit.cascade)
    audited = [pair for row in rows for pair in audit_row(row, audit, rules)]
    asked = [index for index, pair in enumerate(audited) if not pair.reason and pair.asks_language]
    found = language_faults([audited[index].sample for index in asked])
    for index, detail in zip(asked, found, strict=True):
        if detail:
            audited[index] = audited[index]._replace(reason="language", detail=detail)
    return audited


def audit_row(row: Parallel, audit: Audit, cascade: RulesByGroup) -> Iterator[Audited]:
    """The pairs of one row, without the question of their languages."""
    composed = {code: texts.composed(text) for code, text in row.texts.items()}
    reduced = {code: texts.reduced(text) for code, text in composed.items()}
    leak = leaked_language(reduced, audit.held_out)
    marked = {code for code, text in composed.items() if texts.has_markup(text)}
    corpus = row.key.rpartition(":")[0]
    for source_lang, target_lang in audit.pairs:
        if source_lang not in reduced or target_lang not in reduced:
            continue
        key = f"{row.key}/{source_lang}-{target_lang}"
        rules = cascade[source_lang, target_lang, corpus]
        taken = composed if rules.nfc else row.texts
        sample = Sample(
            key=key,
            source_lang=source_lang,
            asked_lang=target_lang,
            target_lang=target_lang,
            source=taken[source_lang],
            target=taken[target_lang],
        )
        sides = reduced[source_lang], reduced[target_lang]
        pivot = "" if audit.pivot in (source_lang, target_lang) else reduced.get(audit.pivot, "")
        special = special_tokens_in(audit.special_tokens)
        markup = source_lang in marked or target_lang in marked
        facts = Facts(sample, rules, sides, leak, pivot, special, markup)
        changed = (row.texts[source_lang], row.texts[target_lang]) != (sample.source, sample.target)
        fingerprint = texts.fingerprint(source_lang, target_lang, *sides)
        yield Audited(sample, *first_fault(facts), fingerprint, changed, rules.language)


@cache
def special_tokens_in(tokens: tuple[str, ...]) -> re.Pattern[str] | None:
    """A pattern that finds any of these tokens."""
    return any_of(tokens)


def leaked_language(reduced: Mapping[str, str], held_out: frozenset[int]) -> str:
    """The first language in which a row has a text of dev or test; "" for none."""
    if not held_out:
        return ""
    return next((c for c, text in reduced.items() if texts.fingerprint(text) in held_out), "")


def language_faults(samples: Sequence[Sample]) -> list[str]:
    """Of each pair, which side is in which other language, in words; "" where neither is."""
    wanted: dict[str, dict[str, str]] = {}
    for sample in samples:
        wanted.setdefault(sample.source_lang, {})[sample.source] = ""
        wanted.setdefault(sample.target_lang, {})[sample.target] = ""
    for language, found in wanted.items():
        found.update(zip(found, languages.faults(list(found), language), strict=True))
    return [
        "; ".join(
            f"{code} is in {fault}"
            for code, text in (
                (sample.source_lang, sample.source),
                (sample.target_lang, sample.target),
            )
            if (fault := wanted[code][text])
        )
        for sample in samples
    ]
