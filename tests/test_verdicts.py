"""Verdicts from shares that are written down here: no identifier is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import TEXTS

from ontarget import verdicts
from ontarget.scripts import foreign_letters
from ontarget.verdicts import (
    PAPER,
    Asked,
    Judged,
    Rule,
    Shares,
    Verdict,
    after_detection,
    before_detection,
    is_mixed,
    language,
    may_be_mixed,
    means,
    parts,
    together,
)

ITALIAN = Asked(target_lang="it", source_lang="nl")
TEXT = TEXTS["it"][0]


def after(text: str, shares: Shares, asked: Asked) -> Judged:
    return after_detection(text, shares, foreign_letters(text, asked.target_lang), asked)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [("it", "on_target"), ("nl", "source_language"), ("en", "pivot"), ("ro", "other")],
)
def test_a_language_has_one_role(found: str, verdict: str) -> None:
    assert after(TEXT, {found: 1.0}, ITALIAN) == (verdict, found)


def test_the_source_comes_before_the_pivot_and_the_target_is_never_one() -> None:
    from_english = Asked(target_lang="it", source_lang="en")
    assert after(TEXT, {"en": 1.0}, from_english).verdict is Verdict.SOURCE_LANGUAGE
    into_english = Asked(target_lang="en", source_lang="it")
    assert after(TEXT, {"en": 1.0}, into_english).verdict is Verdict.ON_TARGET
    assert after(TEXT, {"de": 1.0}, Asked(target_lang="it", source_lang="nl", pivot="de")) == (
        Verdict.PIVOT, "de",
    )  # fmt: skip


@given(st.floats(0.01, 1), st.floats(0, 1))
def test_another_language_must_be_five_times_as_likely(other: float, target: float) -> None:
    shares = dict(sorted({"ro": other, "it": target}.items(), key=lambda each: -each[1]))
    wrong = after(TEXT, shares, ITALIAN).verdict is not Verdict.ON_TARGET
    assert wrong is (other > target and other >= 5 * target)


@pytest.mark.parametrize(("target", "wrong"), [(0.125, False), (0.1, True), (0.099, True)])
def test_five_times_as_likely_is_enough(target: float, wrong: bool) -> None:
    found = after(TEXT, {"ro": 0.5, "it": target}, ITALIAN)
    assert (found.verdict is Verdict.OTHER) is wrong


def test_without_any_likely_language_nothing_is_decided() -> None:
    assert after(TEXT, {}, ITALIAN) == (Verdict.UNDECIDED, "")


def test_a_script_the_target_is_never_written_in_is_off_target_whatever_the_detector_says() -> None:
    text = TEXTS["ru"][0]
    assert after(text, {"it": 1.0}, ITALIAN) == (Verdict.OTHER, "und-Cyrl")
    assert after(text, {"it": 0.9, "bg": 0.1}, ITALIAN) == (Verdict.OTHER, "bg")
    assert after(text, {"it": 1.0}, Asked(target_lang="sr", source_lang="en")).language == "it"
    latin = Asked(target_lang="sr-Latn", source_lang="en")
    assert after(text, {"sr": 1.0}, latin) == (Verdict.OTHER, "und-Cyrl")


def test_foreign_names_do_not_make_a_text_foreign() -> None:
    text = "Привет, Royal Mail!"  # 6 Cyrillic letters of 15
    assert after(text, {"ru": 1.0}, Asked(target_lang="ru", source_lang="en")).language == "ru"


def test_kana_tell_japanese_from_chinese() -> None:
    japanese, chinese = (Asked(target_lang=each, source_lang="en") for each in ("ja", "zh"))
    assert after(TEXTS["zh"][0], {"ja": 1.0}, chinese).verdict is Verdict.ON_TARGET
    assert after(TEXTS["zh"][0], {"ja": 0.9, "zh": 0.1}, japanese) == (Verdict.OTHER, "zh")
    assert after(TEXTS["ja"][0], {"zh": 0.9, "ja": 0.1}, chinese) == (Verdict.OTHER, "ja")
    assert after("東京都", {"ja": 1.0}, japanese).verdict is Verdict.ON_TARGET


def test_chinese_asked_for_by_script_must_be_in_it() -> None:
    simplified = Asked(target_lang="zh-Hans", source_lang="en")
    assert after(TEXTS["zh"][0], {"zh": 1.0}, simplified).verdict is Verdict.ON_TARGET
    assert after(TEXTS["zh-Hant"][0], {"zh": 1.0}, simplified) == (Verdict.OTHER, "zh-Hant")
    assert after("中文", {"zh": 1.0}, simplified).verdict is Verdict.ON_TARGET
    from_traditional = Asked(target_lang="zh-Hans", source_lang="zh-Hant")
    assert after(TEXTS["zh-Hant"][0], {"zh": 1.0}, from_traditional) == (
        Verdict.SOURCE_LANGUAGE, "zh-Hant",
    )  # fmt: skip
    either = Asked(target_lang="zh", source_lang="en")
    assert after(TEXTS["zh-Hant"][0], {"zh": 1.0}, either).verdict is Verdict.ON_TARGET


@pytest.mark.parametrize(
    ("label", "code", "same"),
    [
        ("cmn_Hani", "zh-Hant", True), ("wuu", "zh", True), ("zh", "yue", False),
        ("no", "nb", False), ("nn", "no", True), ("nb", "no", True), ("arb_Arab", "ar", True),
        ("sh", "hr", True), ("hr", "sr", False), ("als", "sq", True), ("ita_Latn", "it", True),
        ("uk", "ru", False),
    ],
)  # fmt: skip
def test_labels_mean_languages(label: str, code: str, same: bool) -> None:
    assert means(label, code) is same


def test_the_shortest_code_of_a_language() -> None:
    assert [language(code) for code in ("zho_Hant", "pt-BR", "no", "IT")] == [
        "zh",
        "pt",
        "no",
        "it",
    ]


@pytest.mark.parametrize("text", ["", "  ", "\t"])
def test_white_space_is_empty(text: str) -> None:
    assert before_detection(text, None, (), ITALIAN) == (Verdict.EMPTY, "")


@pytest.mark.parametrize("text", ["42 %", "Fine.", "\u200b", "🙂🙂🙂"])
def test_too_few_letters_are_undecided(text: str) -> None:
    assert before_detection(text, None, (), ITALIAN) == (Verdict.UNDECIDED, "")


def test_a_copy_of_the_source_is_one_unless_a_reference_is_the_same() -> None:
    copy = Judged(Verdict.SOURCE_COPY, "nl")
    assert before_detection(TEXT, TEXT, (), ITALIAN) == copy
    assert before_detection(f" {TEXT}\u00a0", TEXT, ("altro",), ITALIAN) == copy
    decomposed = "Perche\u0301 la citta\u0300 e\u0300 cosi\u0300?"
    assert before_detection("Perché la città è così?", decomposed, (), ITALIAN) == copy
    assert before_detection(TEXT, TEXT, ("altro", TEXT), ITALIAN) is None
    assert before_detection(TEXT, TEXT.upper(), (), ITALIAN) is None


def test_the_papers_rule_takes_the_top_label_of_anything() -> None:
    asked = Asked(target_lang="it", source_lang="nl", rule=PAPER)
    assert before_detection("", "", (), asked) is None
    assert after("", {"en": 0.12}, asked) == (Verdict.EMPTY, "")
    assert after("42", {"it": 0.2, "en": 0.1}, asked).verdict is Verdict.ON_TARGET
    assert after("42", {"en": 0.11, "it": 0.1}, asked) == (Verdict.PIVOT, "en")
    assert after(TEXTS["ru"][0], {"it": 1.0}, asked).verdict is Verdict.ON_TARGET


def test_parts_are_sentences_of_thirty_letters_and_keep_every_word() -> None:
    first, second = TEXTS["it"][:2]
    assert parts(f"{first} {second}", Rule()) == [first, second]
    assert parts(f"{first} Va bene. {second}", Rule()) == [first, f"Va bene. {second}"]
    assert parts(f"{first} {second} Va bene.", Rule()) == [first, f"{second} Va bene."]
    assert parts(f'"{first}" {second}', Rule()) == [f'"{first}"', second]
    assert parts(TEXTS["zh"][0] + TEXTS["zh"][1], Rule()) == TEXTS["zh"][:2]
    assert parts(first, Rule()) == [] == parts("Va bene. Grazie.", Rule())
    assert parts(f"{first} {second}", PAPER) == []


def test_parts_in_two_languages_are_a_mixture() -> None:
    it, nl = ((TEXTS[code][0], {code: 1.0}) for code in ("it", "nl"))
    assert is_mixed([it, nl], ITALIAN)
    assert not is_mixed([it, it], ITALIAN) and not is_mixed([nl, nl], ITALIAN)
    assert not is_mixed([it, (TEXT, {})], ITALIAN)
    assert not is_mixed([it, (TEXT, {"nl": 0.5, "it": 0.3})], ITALIAN)  # no evidence


@pytest.mark.parametrize(
    ("shares", "foreign", "may"),
    [
        ({"it": 0.95, "nl": 0.02}, 0, True), ({"it": 0.95, "nl": 0.005}, 0, False),
        ({"it": 0.8}, 0, False), ({"it": 1.0}, 30, True), ({"it": 1.0}, 29, False), ({}, 0, False),
    ],
)  # fmt: skip
def test_a_text_is_taken_apart_on_a_hint(shares: Shares, foreign: int, may: bool) -> None:
    assert may_be_mixed(TEXT, shares, foreign, Rule()) is may
    assert not may_be_mixed(TEXT, shares, foreign, PAPER)


def test_kana_beside_ideographs_are_a_hint() -> None:
    text = TEXTS["ja"][0] + TEXTS["zh"][0]
    assert may_be_mixed(text, {"ja": 1.0}, 0, Rule())
    assert not may_be_mixed(TEXTS["zh"][0], {"zh": 1.0}, 0, Rule())


def test_off_target_is_what_every_vote_calls_so() -> None:
    on, off, none = (
        Judged(Verdict.ON_TARGET, "it"),
        Judged(Verdict.PIVOT, "en"),
        Judged(Verdict.UNDECIDED, ""),
    )
    other = Judged(Verdict.OTHER, "ro")
    assert together([off, other]) == off and together([other, off]) == other
    assert together([off, on]) == on == together([on, off])
    assert together([off, none]) == none and together([none, on]) == on
    assert [each.is_off_target for each in (on, off, none, other)] == [False, True, False, True]


@pytest.mark.parametrize(
    ("code", "other", "apart"),
    [
        ("it", "nl", True), ("ru", "uk", True), ("zh-Hans", "zh-Hant", True),
        ("sr-Latn", "sr-Cyrl", True), ("zh", "zh-Hant", False), ("nb", "no", False),
        ("zh", "yue", False), ("pt", "pt-BR", False), ("zh-Hans", "zh-CN", False),
    ],
)  # fmt: skip
def test_languages_are_told_apart_by_label_or_by_the_script_they_name(
    code: str, other: str, apart: bool
) -> None:
    assert verdicts.told_apart(code, other) is verdicts.told_apart(other, code) is apart
