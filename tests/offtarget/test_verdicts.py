"""Verdicts from literal probabilities: no identifier runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.texts import TEXTS

from ontarget.languages import tags
from ontarget.languages.tags import canonical, same_language
from ontarget.languages.writing import foreign_letters
from ontarget.offtarget.detectors.base import Probabilities
from ontarget.offtarget.normalise import normalise
from ontarget.offtarget.parts import is_mixed, may_be_mixed, split_parts
from ontarget.offtarget.verdicts import (
    PAPER_RULE,
    DecisionRule,
    Judgement,
    TranslationRequest,
    Verdict,
    after_detection,
    before_detection,
    combine_votes,
)

ITALIAN = TranslationRequest(target_lang="it", source_lang="nl")
TEXT = TEXTS["it"][0]


def after(text: str, probabilities: Probabilities, request: TranslationRequest) -> Judgement:
    foreign = foreign_letters(text, request.target_lang)
    return after_detection(text, probabilities, foreign, request)


def before(
    text: str, source: str | None, references: tuple[str, ...], request: TranslationRequest
) -> Judgement | None:
    return before_detection(text, normalise(text), source, references, request)


@pytest.mark.parametrize(
    ("language", "verdict"),
    [("it", "on_target"), ("nl", "source_language"), ("en", "pivot"), ("ro", "other")],
)
def test_a_language_has_one_role(language: str, verdict: str) -> None:
    assert after(TEXT, {language: 1.0}, ITALIAN) == (verdict, language)


def test_the_source_is_checked_before_the_pivot_and_neither_can_be_the_target() -> None:
    from_english = TranslationRequest(target_lang="it", source_lang="en")
    assert after(TEXT, {"en": 1.0}, from_english).verdict is Verdict.SOURCE_LANGUAGE
    into_english = TranslationRequest(target_lang="en", source_lang="it")
    assert after(TEXT, {"en": 1.0}, into_english).verdict is Verdict.ON_TARGET
    through_german = TranslationRequest(target_lang="it", source_lang="nl", pivot="de")
    assert after(TEXT, {"de": 1.0}, through_german) == (Verdict.PIVOT, "de")


@given(st.floats(0.01, 1), st.floats(0, 1))
def test_another_language_must_be_at_least_five_times_as_likely(
    other: float, target: float
) -> None:
    unsorted = {"ro": other, "it": target}
    probabilities = dict(sorted(unsorted.items(), key=lambda pair: -pair[1]))
    wrong = after(TEXT, probabilities, ITALIAN).verdict is not Verdict.ON_TARGET
    assert wrong is (other > target and other >= 5 * target)


@pytest.mark.parametrize(("target", "wrong"), [(0.125, False), (0.1, True), (0.099, True)])
def test_exactly_five_times_as_likely_is_enough(target: float, wrong: bool) -> None:
    judgement = after(TEXT, {"ro": 0.5, "it": target}, ITALIAN)
    assert (judgement.verdict is Verdict.OTHER) is wrong


def test_without_a_likely_language_the_verdict_is_undecided() -> None:
    assert after(TEXT, {}, ITALIAN) == (Verdict.UNDECIDED, "")


def test_a_script_that_the_target_is_never_written_in_overrules_the_detector() -> None:
    text = TEXTS["ru"][0]
    assert after(text, {"it": 1.0}, ITALIAN) == (Verdict.OTHER, "und-Cyrl")
    assert after(text, {"it": 0.9, "bg": 0.1}, ITALIAN) == (Verdict.OTHER, "bg")
    serbian = TranslationRequest(target_lang="sr", source_lang="en")
    assert after(text, {"ru": 1.0}, serbian).language == "ru"  # written in both scripts
    latin = TranslationRequest(target_lang="sr-Latn", source_lang="en")
    assert after(text, {"sr": 1.0}, latin) == (Verdict.OTHER, "sr-Cyrl")


def test_foreign_names_do_not_make_a_text_foreign() -> None:
    text = "Привет, Royal Mail!"  # 6 Cyrillic letters of 15
    russian = TranslationRequest(target_lang="ru", source_lang="en")
    assert after(text, {"ru": 1.0}, russian).language == "ru"


def test_kana_distinguish_japanese_from_chinese() -> None:
    japanese, chinese = (
        TranslationRequest(target_lang=code, source_lang="en") for code in ("ja", "zh")
    )
    assert after(TEXTS["zh"][0], {"ja": 1.0}, chinese).verdict is Verdict.ON_TARGET
    assert after(TEXTS["zh"][0], {"ja": 0.9, "zh": 0.1}, japanese) == (Verdict.OTHER, "zh")
    assert after(TEXTS["ja"][0], {"zh": 0.9, "ja": 0.1}, chinese) == (Verdict.OTHER, "ja")
    assert after("東京都", {"ja": 1.0}, japanese).verdict is Verdict.ON_TARGET


def test_chinese_requested_by_script_must_be_in_that_script() -> None:
    simplified = TranslationRequest(target_lang="zh-Hans", source_lang="en")
    assert after(TEXTS["zh"][0], {"zh": 1.0}, simplified).verdict is Verdict.ON_TARGET
    assert after(TEXTS["zh-Hant"][0], {"zh": 1.0}, simplified) == (Verdict.OTHER, "zh-Hant")
    assert after("中文", {"zh": 1.0}, simplified).verdict is Verdict.ON_TARGET
    from_traditional = TranslationRequest(target_lang="zh-Hans", source_lang="zh-Hant")
    assert after(TEXTS["zh-Hant"][0], {"zh": 1.0}, from_traditional) == (
        Verdict.SOURCE_LANGUAGE, "zh-Hant",
    )  # fmt: skip
    any_script = TranslationRequest(target_lang="zh", source_lang="en")
    assert after(TEXTS["zh-Hant"][0], {"zh": 1.0}, any_script).verdict is Verdict.ON_TARGET


@pytest.mark.parametrize(
    ("label", "code", "same"),
    [
        ("cmn_Hani", "zh-Hant", True), ("wuu", "zh", True), ("zh", "yue", False),
        ("no", "nb", True), ("nb", "nn", False), ("nn", "no", True), ("nb", "no", True),
        ("arb_Arab", "ar", True),
        ("sh", "hr", True), ("hr", "sr", False), ("als", "sq", True), ("ita_Latn", "it", True),
        ("uk", "ru", False),
    ],
)  # fmt: skip
def test_labels_count_as_the_requested_language_or_not(label: str, code: str, same: bool) -> None:
    assert same_language(label, code) is same


def test_the_canonical_code_is_the_shortest() -> None:
    codes = ("zho_Hant", "pt-BR", "no", "IT")
    assert [canonical(code) for code in codes] == ["zh", "pt", "no", "it"]


@pytest.mark.parametrize("text", ["", "  ", "\t"])
def test_white_space_counts_as_empty(text: str) -> None:
    assert before(text, None, (), ITALIAN) == (Verdict.EMPTY, "")


@pytest.mark.parametrize("text", ["42 %", "Fine.", "\u200b", "🙂🙂🙂"])
def test_a_text_with_too_few_letters_is_undecided(text: str) -> None:
    assert before(text, None, (), ITALIAN) == (Verdict.UNDECIDED, "")


def test_a_copy_of_the_source_is_off_target_unless_a_reference_is_the_same_text() -> None:
    copy = Judgement(Verdict.SOURCE_COPY, "nl")
    assert before(TEXT, TEXT, (), ITALIAN) == copy
    assert before(f" {TEXT}\u00a0", TEXT, ("altro",), ITALIAN) == copy
    decomposed = "Perche\u0301 la citta\u0300 e\u0300 cosi\u0300?"
    assert before("Perché la città è così?", decomposed, (), ITALIAN) == copy
    assert before(TEXT, TEXT, ("altro", TEXT), ITALIAN) == (Verdict.ON_TARGET, "it")
    assert before(TEXT, TEXT.upper(), (), ITALIAN) is None


def test_the_papers_rule_takes_the_top_label_of_any_text() -> None:
    request = TranslationRequest(target_lang="it", source_lang="nl", rule=PAPER_RULE)
    assert before("", "", (), request) is None
    assert after("", {"en": 0.12}, request) == (Verdict.EMPTY, "")
    assert after("42", {"it": 0.2, "en": 0.1}, request).verdict is Verdict.ON_TARGET
    assert after("42", {"en": 0.11, "it": 0.1}, request) == (Verdict.PIVOT, "en")
    assert after(TEXTS["ru"][0], {"it": 1.0}, request).verdict is Verdict.ON_TARGET


def test_parts_are_sentences_of_at_least_thirty_letters_and_no_word_is_lost() -> None:
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


def test_a_text_with_parts_in_two_languages_is_mixed() -> None:
    it, nl = ((TEXTS[code][0], {code: 1.0}) for code in ("it", "nl"))
    assert is_mixed([it, nl], ITALIAN)
    assert not is_mixed([it, it], ITALIAN) and not is_mixed([nl, nl], ITALIAN)
    assert not is_mixed([it, (TEXT, {})], ITALIAN)
    assert not is_mixed([it, (TEXT, {"nl": 0.5, "it": 0.3})], ITALIAN)  # no evidence


@pytest.mark.parametrize(
    ("probabilities", "foreign", "expected"),
    [
        ({"it": 0.95, "nl": 0.02}, 0, True), ({"it": 0.95, "nl": 0.005}, 0, False),
        ({"it": 0.8}, 0, False), ({"it": 1.0}, 30, True), ({"it": 1.0}, 29, False), ({}, 0, False),
    ],
)  # fmt: skip
def test_a_text_is_split_if_a_second_language_is_possible(
    probabilities: Probabilities, foreign: int, expected: bool
) -> None:
    assert may_be_mixed(TEXT, probabilities, foreign, DecisionRule()) is expected
    assert not may_be_mixed(TEXT, probabilities, foreign, PAPER_RULE)


def test_a_text_is_split_if_kana_and_ideographs_are_mixed() -> None:
    text = TEXTS["ja"][0] + TEXTS["zh"][0]
    assert may_be_mixed(text, {"ja": 1.0}, 0, DecisionRule())
    assert not may_be_mixed(TEXTS["zh"][0], {"zh": 1.0}, 0, DecisionRule())


def test_a_segment_is_off_target_only_if_all_votes_agree() -> None:
    on, off = Judgement(Verdict.ON_TARGET, "it"), Judgement(Verdict.PIVOT, "en")
    undecided, other = Judgement(Verdict.UNDECIDED, ""), Judgement(Verdict.OTHER, "ro")
    assert combine_votes([off, other]) == off and combine_votes([other, off]) == other
    assert combine_votes([off, on]) == on == combine_votes([on, off])
    assert combine_votes([off, undecided]) == undecided
    assert combine_votes([undecided, on]) == on
    votes = (on, off, undecided, other)
    assert [vote.is_off_target for vote in votes] == [False, True, False, True]


@pytest.mark.parametrize(
    ("code", "other", "expected"),
    [
        ("it", "nl", True), ("ru", "uk", True), ("zh-Hans", "zh-Hant", True),
        ("sr-Latn", "sr-Cyrl", True), ("zh", "zh-Hant", False), ("nb", "no", False),
        ("zh", "yue", False), ("pt", "pt-BR", False), ("zh-Hans", "zh-CN", False),
    ],
)  # fmt: skip
def test_languages_are_distinguished_by_label_or_by_script(
    code: str, other: str, expected: bool
) -> None:
    assert tags.distinguishable(code, other) is expected
    assert tags.distinguishable(other, code) is expected


@pytest.mark.parametrize(
    ("text", "probabilities", "verdict"),
    [
        ("Il gatto dorme", {"ro": 0.5, "it": 0.02}, "other"),  # 25 times as likely
        ("Il gatto dorme", {"ro": 0.5, "it": 0.05}, "undecided"),  # 10 times
        ("Il gatto dorme", {"ro": 0.3, "it": 0.1}, "undecided"),  # 3 times
        ("Il gatto dorme", {"it": 0.3, "ro": 0.2}, "on_target"),
        ("Quoziente", {"ro": 1.0}, "undecided"),  # a single word
    ],
)
def test_a_short_text_needs_stronger_evidence(
    text: str, probabilities: dict[str, float], verdict: str
) -> None:
    assert after(text, probabilities, ITALIAN).verdict == verdict


@pytest.mark.parametrize(
    ("target", "text", "probabilities", "expected"),
    [
        ("id", "Mereka tidak bisa datang karena hujan deras", {"ms": 1.0}, ("on_target", "id")),
        ("id", "Selamat pagi semuanya, apa khabar teman baik", {"ms": 1.0}, ("undecided", "")),
        ("id", "Mereka tidak datang kerana hujan sahaja", {"id": 1.0}, ("other", "ms")),
        ("ro", "Toată știința și viața din țara noastră", {"pl": 0.9, "ro": 0.1},
         ("on_target", "ro")),
        ("ru", "Він приїхав із Києва до її брата і сестри", {"ru": 0.9, "uk": 0.1},
         ("other", "uk")),
    ],
)  # fmt: skip
def test_letters_and_words_of_their_own_tell_languages_apart(
    target: str, text: str, probabilities: dict[str, float], expected: tuple[str, str]
) -> None:
    request = TranslationRequest(target_lang=target, source_lang="en")
    assert after(text, probabilities, request) == expected
