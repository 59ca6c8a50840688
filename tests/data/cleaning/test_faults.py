"""The rules of one pair: each has a literal pair that it alone drops."""

from typing import Any

import pytest
from support.cleaning import EN_IT, ENGLISH, GERMAN, ITALIAN, a_row, audited, only, without

from ontarget.data.cleaning.faults import LOCAL
from ontarget.data.cleaning.rows import held_out_fingerprints
from ontarget.data.cleaning.rules import GLOBAL, REASONS
from ontarget.records import Direction

IT_DE = (Direction("it", "de"),)
TOKENS = {"special_tokens": ("<|im_end|>", "<s>")}
HELD_OUT = held_out_fingerprints([a_row(9, corpus="dev.tsv", it=ITALIAN.upper())])
# (reason, detail, texts, what else the audit has, the rules that must be off to keep the pair)
CASES: list[tuple[str, str, dict[str, str], dict[str, Any], list[str]]] = [
    ("control", "it has U+FFFD", {"en": ENGLISH, "it": ITALIAN + "\ufffd"}, {}, ["control"]),
    ("control", "en has U+202E", {"en": "\u202e" + ENGLISH, "it": ITALIAN}, {}, ["control"]),
    ("overlap", "the it text", {"en": ENGLISH, "it": ITALIAN}, {"held_out": HELD_OUT}, ["overlap"]),
    ("length", "en has 1024 characters", {"en": f"{ENGLISH} " * 16, "it": ITALIAN}, {},
     ["max_characters"]),
    ("length", "it has 201 words", {"en": ENGLISH, "it": "che " * 201}, {}, ["max_words"]),
    ("special_tokens", "it has '<|im_end|>'", {"en": ENGLISH, "it": f"{ITALIAN}<|im_end|>"}, TOKENS,
     ["special_tokens"]),
    ("identical", "", {"en": "Nairobi 7", "it": "NAIROBI, 7!"}, {}, ["identical"]),
    ("untranslated", "it", {"en": "Nairobi", "it": "nairobi.", "de": "In Nairobi"},
     {"pairs": IT_DE}, ["untranslated"]),
    ("script", "it is in Cyrl", {"en": "Yes, Moscow.", "it": "Да, Москва."}, {},
     ["script", "language"]),
    ("placeholders", "-%s", {"en": ENGLISH + " %s", "it": ITALIAN}, {}, ["placeholders"]),
    ("tags", "-b -/b +i +/i", {"en": f"<b>{ENGLISH}</b>", "it": f"<i>{ITALIAN}</i>"}, {}, ["tags"]),
    ("urls", "+example.org", {"en": ENGLISH, "it": ITALIAN + " http://example.org"}, {}, ["urls"]),
    ("numbers", "", {"en": "From 1914 to 1918. " + ENGLISH, "it": "Dal 1941 al 1981. " + ITALIAN},
     {}, ["numbers"]),
    ("language", "it is in German", {"en": ENGLISH, "it": GERMAN}, {}, ["language"]),
    ("language", "en is in Italian; it is in English", {"en": ITALIAN, "it": ENGLISH}, {},
     ["language"]),
]  # fmt: skip
cases = pytest.mark.parametrize(("reason", "detail", "texts", "audit", "off"), CASES)


@cases
def test_a_pair_is_dropped_by_its_rule_and_by_no_other(
    reason: str, detail: str, texts: dict[str, str], audit: dict[str, Any], off: list[str]
) -> None:
    """All rules are on; then all but that one, and the pair is kept."""
    pair = audited(a_row(**texts), without(), **audit)
    assert (pair.reason, pair.detail) == (reason, detail)
    kept = audited(a_row(**texts), without(*off), **audit)
    assert (kept.reason, kept.detail) == ("", "")


@cases
def test_a_rule_needs_no_other(
    reason: str, detail: str, texts: dict[str, str], audit: dict[str, Any], off: list[str]
) -> None:
    limits = {"max_characters": 1000, "max_words": 200}
    on = {off[0]: limits.get(off[0], True)}
    pair = audited(a_row(**texts), only(**on), **audit)
    assert (pair.reason, pair.detail) == (reason, detail)


def test_every_local_rule_is_a_case_and_they_are_asked_in_the_documented_order() -> None:
    assert [name for name, _ in LOCAL] == [r for r in REASONS if r not in (*GLOBAL, "language")]
    assert {reason for reason, *_ in CASES} | {"empty"} == set(REASONS) - set(GLOBAL)


@pytest.mark.parametrize("empty", ["!?", "…", "—", "\u200d", "😀"])
def test_a_side_without_letters_is_dropped_even_if_all_rules_are_off(empty: str) -> None:
    pair = audited(a_row(en=ENGLISH, it=empty), only())
    assert (pair.reason, pair.detail) == ("empty", "it")


def test_a_good_pair_is_kept_by_all_rules() -> None:
    assert audited(a_row(en=ENGLISH, it=ITALIAN), without(), **TOKENS).reason == ""


def test_the_first_reason_in_the_documented_order_counts() -> None:
    """A pair that breaks nearly every rule, of which one after the other is turned off."""
    english = "<s>From 1914 to 1918 <b>\x07 %s a@b.org " + "Дом " * 300
    italian = "From 1941 to 1981 " + "Мир " * 300
    texts = {"en": english, "it": italian}
    switches = {
        "control": "control", "overlap": "overlap", "length": "max_characters",
        "special_tokens": "special_tokens", "script": "script", "placeholders": "placeholders",
        "tags": "tags", "urls": "urls", "numbers": "numbers", "language": "language",
    }  # fmt: skip
    off, found = ["max_words"], []
    for switch in switches.values():
        pair = audited(
            a_row(**texts),
            without(*off),
            **TOKENS,
            held_out=held_out_fingerprints([a_row(en=english)]),
        )
        found.append(pair.reason)
        off.append(switch)
    assert found == list(switches) == [reason for reason in REASONS if reason in found]


def test_a_text_as_long_as_the_limits_is_kept() -> None:
    cascade = only(max_characters=11, max_words=3)
    assert audited(a_row(en="one two 333", it="a b c"), cascade).reason == ""
    assert audited(a_row(en="one two 3333", it="a b c"), cascade).detail == "en has 12 characters"
    assert audited(a_row(en="one two 333", it="a b c d"), cascade).detail == "it has 4 words"


def test_a_limit_on_words_allows_long_text_without_spaces() -> None:
    assert audited(a_row(en="word", it="国" * 900), only(max_words=200)).reason == ""


def test_a_url_may_be_another_one_but_not_missing() -> None:
    both = a_row(en="see https://en.wikipedia.org/wiki/Rome", it="vedi https://it.example.org/Roma")
    assert audited(both, only(urls=True)).reason == ""
    one = a_row(en="see https://en.wikipedia.org/wiki/Rome and a@b.it", it="vedi a@b.it")
    assert audited(one, only(urls=True)).detail == "-wikipedia.org"


def test_some_letters_of_another_script_are_no_fault() -> None:
    mixed = a_row(en="The word дом means house.", it="La parola дом significa casa.")
    assert audited(mixed, only(script=True)).reason == ""


def test_a_side_in_the_pivots_text_is_no_fault_in_a_pair_with_the_pivot() -> None:
    row = a_row(en="Nairobi", it="Nairobi di notte", de="Nairobi")
    assert audited(row, only(untranslated=True), pairs=(EN_IT,)).reason == ""
    assert audited(row, only(untranslated=True), pairs=IT_DE).detail == "de"
    assert (
        audited(a_row(it="Nairobi", de="Nairobi"), only(untranslated=True), pairs=IT_DE).reason
        == ""
    )
    assert audited(row, only(untranslated=True), pairs=IT_DE, pivot="fr").reason == ""


def test_words_of_the_text_are_no_special_tokens() -> None:
    """A token that could be ordinary text is not looked for."""
    row = a_row(en="pad and unk", it="pad e unk")
    assert audited(row, only(special_tokens=True), special_tokens=("pad", "s>")).reason == ""
