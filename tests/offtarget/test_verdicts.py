"""Verdicts from shares that are written down here: no identifier is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.texts import TEXTS

from ontarget.languages import tags
from ontarget.languages.tags import canonical, same_language
from ontarget.languages.writing import foreign_letters
from ontarget.offtarget.detectors.base import Probabilities
from ontarget.offtarget.verdicts import (
    PAPER_RULE,
    DecisionRule,
    Judgement,
    TranslationRequest,
    Verdict,
    after_detection,
    before_detection,
    combine_votes,
    is_mixed,
    may_be_mixed,
    split_parts,
)

ITALIAN = TranslationRequest(target_lang="it", source_lang="nl")
TEXT = TEXTS["it"][0]


def after(text: str, shares: Probabilities, asked: TranslationRequest) -> Judgement:
    return after_detection(text, shares, foreign_letters(text, asked.target_lang), asked)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [("it", "on_target"), ("nl", "source_language"), ("en", "pivot"), ("ro", "other")],
)
def test_a_language_has_one_role(found: str, verdict: str) -> None:
    assert after(TEXT, {found: 1.0}, ITALIAN) == (verdict, found)


def test_the_source_comes_before_the_pivot_and_the_target_is_never_one() -> None:
    from_english = TranslationRequest(target_lang="it", source_lang="en")
    assert after(TEXT, {"en": 1.0}, from_english).verdict is Verdict.SOURCE_LANGUAGE
    into_english = TranslationRequest(target_lang="en", source_lang="it")
    assert after(TEXT, {"en": 1.0}, into_english).verdict is Verdict.ON_TARGET
    assert after(TEXT, {"de": 1.0}, TranslationRequest(target_lang="it", source_lang="nl", pivot="de")) == (
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
    assert (
        after(text, {"it": 1.0}, TranslationRequest(target_lang="sr", source_lang="en")).language
        == "it"
    )
    latin = TranslationRequest(target_lang="sr-Latn", source_lang="en")
    assert after(text, {"sr": 1.0}, latin) == (Verdict.OTHER, "und-Cyrl")


def test_foreign_names_do_not_make_a_text_foreign() -> None:
    text = "Привет, Royal Mail!"  # 6 Cyrillic letters of 15
    assert (
        after(text, {"ru": 1.0}, TranslationRequest(target_lang="ru", source_lang="en")).language
        == "ru"
    )


def test_kana_tell_japanese_from_chinese() -> None:
    japanese, chinese = (
        TranslationRequest(target_lang=each, source_lang="en") for each in ("ja", "zh")
    )
    assert after(TEXTS["zh"][0], {"ja": 1.0}, chinese).verdict is Verdict.ON_TARGET
    assert after(TEXTS["zh"][0], {"ja": 0.9, "zh": 0.1}, japanese) == (Verdict.OTHER, "zh")
    assert after(TEXTS["ja"][0], {"zh": 0.9, "ja": 0.1}, chinese) == (Verdict.OTHER, "ja")
    assert after("東京都", {"ja": 1.0}, japanese).verdict is Verdict.ON_TARGET


def test_chinese_asked_for_by_script_must_be_in_it() -> None:
    simplified = TranslationRequest(target_lang="zh-Hans", source_lang="en")
    assert after(TEXTS["zh"][0], {"zh": 1.0}, simplified).verdict is Verdict.ON_TARGET
    assert after(TEXTS["zh-Hant"][0], {"zh": 1.0}, simplified) == (Verdict.OTHER, "zh-Hant")
    assert after("中文", {"zh": 1.0}, simplified).verdict is Verdict.ON_TARGET
    from_traditional = TranslationRequest(target_lang="zh-Hans", source_lang="zh-Hant")
    assert after(TEXTS["zh-Hant"][0], {"zh": 1.0}, from_traditional) == (
        Verdict.SOURCE_LANGUAGE, "zh-Hant",
    )  # fmt: skip
    either = TranslationRequest(target_lang="zh", source_lang="en")
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
    assert same_language(label, code) is same


def test_the_shortest_code_of_a_language() -> None:
    assert [canonical(code) for code in ("zho_Hant", "pt-BR", "no", "IT")] == [
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
    copy = Judgement(Verdict.SOURCE_COPY, "nl")
    assert before_detection(TEXT, TEXT, (), ITALIAN) == copy
    assert before_detection(f" {TEXT}\u00a0", TEXT, ("altro",), ITALIAN) == copy
    decomposed = "Perche\u0301 la citta\u0300 e\u0300 cosi\u0300?"
    assert before_detection("Perché la città è così?", decomposed, (), ITALIAN) == copy
    assert before_detection(TEXT, TEXT, ("altro", TEXT), ITALIAN) is None
    assert before_detection(TEXT, TEXT.upper(), (), ITALIAN) is None


def test_the_papers_rule_takes_the_top_label_of_anything() -> None:
    asked = TranslationRequest(target_lang="it", source_lang="nl", rule=PAPER_RULE)
    assert before_detection("", "", (), asked) is None
    assert after("", {"en": 0.12}, asked) == (Verdict.EMPTY, "")
    assert after("42", {"it": 0.2, "en": 0.1}, asked).verdict is Verdict.ON_TARGET
    assert after("42", {"en": 0.11, "it": 0.1}, asked) == (Verdict.PIVOT, "en")
    assert after(TEXTS["ru"][0], {"it": 1.0}, asked).verdict is Verdict.ON_TARGET


def test_parts_are_sentences_of_thirty_letters_and_keep_every_word() -> None:
    first, second = TEXTS["it"][:2]
    assert split_parts(f"{first} {second}", DecisionRule()) == [first, second]
    assert split_parts(f"{first} Va bene. {second}", DecisionRule()) == [
        first,
        f"Va bene. {second}",
    ]
    assert split_parts(f"{first} {second} Va bene.", DecisionRule()) == [
        first,
        f"{second} Va bene.",
    ]
    assert split_parts(f'"{first}" {second}', DecisionRule()) == [f'"{first}"', second]
    assert split_parts(TEXTS["zh"][0] + TEXTS["zh"][1], DecisionRule()) == TEXTS["zh"][:2]
    assert (
        split_parts(first, DecisionRule()) == [] == split_parts("Va bene. Grazie.", DecisionRule())
    )
    assert split_parts(f"{first} {second}", PAPER_RULE) == []


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
def test_a_text_is_taken_apart_on_a_hint(shares: Probabilities, foreign: int, may: bool) -> None:
    assert may_be_mixed(TEXT, shares, foreign, DecisionRule()) is may
    assert not may_be_mixed(TEXT, shares, foreign, PAPER_RULE)


def test_kana_beside_ideographs_are_a_hint() -> None:
    text = TEXTS["ja"][0] + TEXTS["zh"][0]
    assert may_be_mixed(text, {"ja": 1.0}, 0, DecisionRule())
    assert not may_be_mixed(TEXTS["zh"][0], {"zh": 1.0}, 0, DecisionRule())


def test_off_target_is_what_every_vote_calls_so() -> None:
    on, off, none = (
        Judgement(Verdict.ON_TARGET, "it"),
        Judgement(Verdict.PIVOT, "en"),
        Judgement(Verdict.UNDECIDED, ""),
    )
    other = Judgement(Verdict.OTHER, "ro")
    assert combine_votes([off, other]) == off and combine_votes([other, off]) == other
    assert combine_votes([off, on]) == on == combine_votes([on, off])
    assert combine_votes([off, none]) == none and combine_votes([none, on]) == on
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
    assert tags.distinguishable(code, other) is tags.distinguishable(other, code) is apart
