"""What a detector's label is worth for a text, on literal probabilities."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.texts import TEXTS

from ontarget.offtarget.evidence import (
    admissible,
    cannot_be,
    favours_target,
    is_written_in,
    lacks_letters,
    neighbour_of,
    told_apart,
)


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ("왜 거짓말했어?", "en", False), ("왜 거짓말했어?", "ko", True),
        ("并伴有发热症状", "lv", False), ("并伴有发热症状", "zh", True),
        ("并伴有发热症状", "ja", True), ("Basic parameters of the headset", "kn", False),
        ("Basic parameters of the headset", "en", True), ("Ово је српски текст", "sr", True),
        ("Ovo je srpski tekst", "sr", True), ("Ovo je srpski tekst", "sr-Cyrl", False),
        ("ово је ћао", "bg", False),
        ("Как дела, друг?", "bg", True),
        ("Це є і їжа", "ru", False), ("Це є і їжа", "uk", True),
        ("وقت نماز", "ar", True), ("यह किताब", "mr", True), ("यह किताब", "it", False),
        ("123", "kn", True), ("", "kn", True), ("any letters", "xx", True),  # nothing is known
    ],
)  # fmt: skip
def test_a_label_is_evidence_if_the_language_is_written_so(
    text: str, label: str, expected: bool
) -> None:
    assert admissible(text, {label: 0.7}) == ({label: 0.7} if expected else {})


def test_admissible_labels_keep_their_probabilities_and_order() -> None:
    probabilities = {"kn": 0.4, "en": 0.3, "ru": 0.2, "nl": 0.1}
    assert list(admissible(TEXTS["en"][0], probabilities).items()) == [("en", 0.3), ("nl", 0.1)]
    assert admissible("42 %", probabilities) == probabilities


@pytest.mark.parametrize("code", TEXTS)
def test_the_label_of_a_sentences_own_language_is_always_evidence(code: str) -> None:
    for text in TEXTS[code]:
        assert admissible(text, {code: 1.0}) == {code: 1.0}
        assert not cannot_be(text, code)


def test_scripts_that_are_unknown_are_no_evidence() -> None:
    assert is_written_in("xx", "Cyrl") and is_written_in("uz", "Cyrl")
    assert is_written_in("it", "Latn") and not is_written_in("it", "Cyrl")
    assert not is_written_in("sr-Latn", "Cyrl")


def words(foreign: int, others: int) -> str:
    """A text with so many words that Russian has no letters for, and others."""
    return " ".join(["їжа"] * foreign + ["дом"] * others)


@pytest.mark.parametrize(
    ("foreign", "others", "lacking", "not_it"),
    [
        (0, 3, False, False),
        (1, 0, True, False),  # one word may be a quotation
        (2, 0, True, True),
        (1, 19, True, False),  # a twentieth
        (1, 20, False, False),
        (2, 18, True, True),  # a tenth
        (2, 19, True, False),
        (2, 39, False, False),
    ],
)
def test_a_twentieth_of_words_speaks_against_a_label_and_a_tenth_against_the_target(
    foreign: int, others: int, lacking: bool, not_it: bool
) -> None:
    text = words(foreign, others)
    assert lacks_letters("ru", text) is lacking
    assert cannot_be(text, "ru") is not_it
    assert not lacks_letters("uk", text) and not cannot_be(text, "uk")


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("kerana awak sahaja", "id", "ms"),
        ("kerana hujan", "id", "ms"),  # one is enough where detectors do not tell them apart
        ("hva er det", "da", None), ("hva og etter", "da", "nb"),  # two else
        ("hva og efter etter", "da", None),
        ("kerana awak bisa", "id", None),  # and one of the target's is too many
        ("karena uang saja", "ms", "id"), ("karena uang saja", "id", None),
        ("uvijek gdje", "sr", "hr"), ("uvek gde", "hr", "sr"), ("uvek gde", "sr-Latn", None),
        ("hva noen sier", "da", "nb"), ("kva nokon ikkje", "nb", "nn"), ("kva nokon", "it", None),
        ("", "id", None),
    ],
)  # fmt: skip
def test_own_words_of_a_neighbour_and_none_of_the_target_name_the_neighbour(
    text: str, target: str, expected: str | None
) -> None:
    assert neighbour_of(text, target) == expected


@pytest.mark.parametrize(
    ("text", "target", "label", "expected"),
    [
        ("karena uang", "id", "ms", True), ("kerana wang", "id", "ms", False),
        ("karena kerana", "id", "ms", None),  # they do not decide, and detectors cannot
        ("ini itu", "id", "ms", None), ("", "hr", "sr", None), ("ovo", "hr", "bs", None),
        ("ini itu", "id", "en", False),  # detectors may decide
        ("meg og deg", "nb", "da", True), ("det er", "nb", "da", False),
        ("mig og meg", "da", "nb", False),
        ("karena uang", "id", "id", False), ("ikke noe", "no", "nb", False),  # the same language
        ("berre", "nn", "nb", True), ("det er", "nn", "no", False), ("字", "zh", "yue", False),
    ],
)  # fmt: skip
def test_own_words_decide_between_close_languages_else_detectors_or_nobody(
    text: str, target: str, label: str, expected: bool | None
) -> None:
    assert favours_target(text, target, label) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("hr", "sr", False), ("hrv_Latn", "srp_Cyrl", False), ("hr", "bs", False),
        ("bs", "sh", False), ("id", "ms", False), ("ind", "zsm_Latn", False), ("nb", "nn", False),
        ("no", "nn", False), ("yue", "zh-Hant", False), ("da", "nb", True), ("it", "en", True),
        ("cs", "sk", True), ("it", "it", True), ("ru", "uk", True), ("hi", "mr", True),
    ],
)  # fmt: skip
def test_detectors_tell_most_languages_apart(one: str, other: str, expected: bool) -> None:
    assert told_apart(one, other) is expected is told_apart(other, one)


def test_of_serbian_croatian_bosnian_no_two_are_told_apart() -> None:
    assert not any(told_apart(*pair) for pair in permutations(("hr", "sr", "bs", "sh"), 2))


own = st.lists(st.sampled_from(["karena", "kerana", "hujan", "uang", "wang"]), max_size=8)


@given(own)
def test_what_favours_one_of_a_pair_disfavours_the_other(words: list[str]) -> None:
    text = " ".join(words)
    indonesian = sum(word in ("karena", "uang") for word in words)
    malay = sum(word in ("kerana", "wang") for word in words)
    expected = None if indonesian == malay else indonesian > malay
    assert favours_target(text, "id", "ms") is expected
    assert favours_target(text, "ms", "id") is (None if expected is None else not expected)
