"""Rows to audited pairs: composition, leaks through any language, and the detector's question."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cleaning import EN_IT, ENGLISH, GERMAN, ITALIAN, a_row, audited, only, without

from ontarget.data.cleaning import languages
from ontarget.data.cleaning.rows import Audit, audit_rows, held_out_fingerprints
from ontarget.data.cleaning.rules import REASONS
from ontarget.records import Direction

THREE = (EN_IT, Direction("en", "de"), Direction("it", "de"))
DECOMPOSED = "perche\u0301 no"


def test_a_row_is_taken_apart_into_the_pairs_that_it_has() -> None:
    rows = [a_row(1, en="a1", it="b1", de="c1"), a_row(2, en="a2", de="c2"), a_row(3, it="b3")]
    pairs = audit_rows(rows, Audit(pairs=THREE, pivot="en", cascade=only()))
    assert [(pair.sample.key, pair.sample.source, pair.sample.target) for pair in pairs] == [
        ("train.tsv:1/en-it", "a1", "b1"),
        ("train.tsv:1/en-de", "a1", "c1"),
        ("train.tsv:1/it-de", "b1", "c1"),
        ("train.tsv:2/en-de", "a2", "c2"),
    ]
    assert all(pair.sample.asked_lang == pair.sample.target_lang for pair in pairs)


def test_texts_are_composed_and_counted() -> None:
    pair = audited(a_row(en="why not", it=DECOMPOSED), only(nfc=True))
    assert (pair.sample.target, pair.composed, pair.reason) == ("perch\u00e9 no", True, "")
    plain = audited(a_row(en="why not", it="perch\u00e9 no"), only(nfc=True))
    assert (plain.sample, plain.composed) == (pair.sample, False)


def test_without_nfc_texts_stay_as_they_are_but_are_compared_composed() -> None:
    pair = audited(a_row(en="why not", it=DECOMPOSED), only())
    assert (pair.sample.target, pair.composed) == (DECOMPOSED, False)
    composed = audited(a_row(en="Why not?", it="Perch\u00e9 no!"), only())
    assert composed.fingerprint == pair.fingerprint


def test_fingerprints_tell_languages_and_sides_apart() -> None:
    rows = [a_row(en="one", it="two", de="two")]
    en_it, en_de, _ = audit_rows(rows, Audit(pairs=THREE, pivot="en", cascade=only()))
    swapped = audited(a_row(en="two", it="one"), only())
    assert len({en_it.fingerprint, en_de.fingerprint, swapped.fingerprint}) == 3


def test_a_leak_in_any_language_of_the_row_drops_all_its_pairs() -> None:
    held_out = held_out_fingerprints([a_row(1, corpus="test.tsv", fr="Cafe\u0301 — fermé!")])
    rows = [a_row(1, en="open", it="aperto", de="CAFÉ: FERMÉ"), a_row(2, en="open", it="aperto")]
    pairs = audit_rows(
        rows, Audit(pairs=THREE, pivot="en", cascade=only(overlap=True), held_out=held_out)
    )
    assert [pair.reason for pair in pairs] == ["overlap", "overlap", "overlap", ""]
    assert {pair.detail for pair in pairs[:3]} == {"the de text"}


def test_rules_are_those_of_the_row_s_corpus_and_the_pair_s_languages() -> None:
    cascade = only(languages={"de": {"max_words": 1}}, corpora={"b:1.tsv": {"max_words": 2}})
    rows = [a_row(corpus=name, en="a b c", it="a b c", de="a") for name in ("a.tsv", "b:1.tsv")]
    pairs = audit_rows(rows, Audit(pairs=THREE, pivot="en", cascade=cascade))
    assert [pair.detail for pair in pairs] == [
        "", "en has 3 words", "it has 3 words", "en has 3 words", "en has 3 words", "it has 3 words"
    ]  # fmt: skip


def test_a_text_is_judged_once_and_only_if_no_other_rule_drops_its_pair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, list[str]]] = []

    def faults(texts: Sequence[str], language: str) -> list[str]:
        asked.append((language, list(texts)))
        return ["Klingon" if text == "wrong" else "" for text in texts]

    monkeypatch.setattr(languages, "faults", faults)
    rows = [
        a_row(1, en="one", it="uno", de="eins"),
        a_row(2, en="one", it="wrong", de="zwei"),
        a_row(3, en="same", it="same", de="!"),
    ]
    pairs = audit_rows(rows, Audit(pairs=THREE, pivot="en", cascade=without()))
    assert asked == [
        ("en", ["one"]), ("it", ["uno", "wrong"]), ("de", ["eins", "zwei"])
    ]  # fmt: skip
    assert [pair.reason for pair in pairs] == [
        "", "", "", "language", "", "language", "identical", "empty", "empty"
    ]  # fmt: skip
    assert {pair.detail for pair in pairs if pair.reason == "language"} == {"it is in Klingon"}


def test_the_detector_is_not_asked_where_its_rule_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def faults(texts: Sequence[str], language: str) -> list[str]:
        raise AssertionError(f"asked about {texts}")

    monkeypatch.setattr(languages, "faults", faults)
    assert audited(a_row(en=ENGLISH, it=GERMAN), without("language")).reason == ""


@pytest.mark.parametrize(
    ("english", "italian"),
    [
        ("Yes", "Ja"),
        ("OK", "Gut"),
        ("Save", "Save"),
        ("Hello world", "Ciao"),
        ("1984", "1984 a.C."),
    ],
)
def test_short_texts_that_nobody_can_decide_on_are_kept(english: str, italian: str) -> None:
    assert audited(a_row(en=english, it=italian), only(language=True)).reason == ""


def test_a_language_that_no_detector_knows_is_kept() -> None:
    pair = audited(
        a_row(en=ENGLISH, tlh=GERMAN), only(language=True), pairs=(Direction("en", "tlh"),)
    )
    assert pair.reason == ""


def test_both_wrong_sides_are_named() -> None:
    pair = audited(a_row(en=ITALIAN, it=GERMAN), only(language=True))
    assert pair.detail == "en is in Italian; it is in German"


texts = st.one_of(
    st.text(max_size=60), st.sampled_from([ENGLISH, ITALIAN, GERMAN, "", "<s>", "%s"])
)
rows_of_any_text = st.lists(
    st.dictionaries(st.sampled_from(["en", "it", "de", "zh", "ar"]), texts, max_size=5), max_size=5
)


@settings(max_examples=40)
@given(rows_of_any_text)
def test_every_pair_of_any_text_has_exactly_one_answer(content: list[dict[str, str]]) -> None:
    rows = [a_row(number, **row) for number, row in enumerate(content)]
    wanted = (*THREE, Direction("en", "zh"), Direction("ar", "zh"))
    audit = Audit(
        pairs=wanted, pivot="en", special_tokens=("<s>",), held_out=held_out_fingerprints(rows[:1])
    )
    pairs = audit_rows(rows, audit)
    assert [pair.sample.key for pair in pairs] == [
        f"{row.key}/{pair}"
        for row in rows
        for pair in wanted
        if pair.source_lang in row.texts and pair.target_lang in row.texts
    ]
    assert {pair.reason for pair in pairs} <= {"", *REASONS}
    assert not [pair for pair in pairs if pair.detail and not pair.reason]
    assert pairs == audit_rows(rows, audit)
