"""Words that only one of two close languages has, on sentences of these languages."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.languages.names import is_known
from ontarget.languages.neighbours import (
    OWN_WORDS,
    count_own_words,
    neighbours,
    own_words,
)
from ontarget.languages.tags import standard

pairs = pytest.mark.parametrize("pair", OWN_WORDS, ids="-".join)
SENTENCES = {
    "id": "Saya tidak bisa datang karena mobil saya rusak, coba telepon kantor saja.",
    "ms": "Saya tidak boleh datang kerana kereta saya rosak, sila cuba telefon sahaja.",
    "da": "Hvad siger du, efter at noget af maden er blevet dårlig?",
    "nb": "Hva sier du, etter at noe av maten er blitt dårlig og ikke mye er igjen?",
    "nn": "Kva seier du, etter at noko av maten er vorten dårleg og ikkje mykje er att?",
    "hr": "Tko je ovdje vidio djecu, uvijek prije vlaka, u siječnju ili u svibnju: svibanj?",
    "sr": "Ko je ovde video decu, uvek pre voza, u januaru: januar i gde deca?",
    "pt": "Não é uma boa situação, mas você também tem muito com que se ocupar.",
    "gl": "Non é unha boa situación, pero vostede tamén ten moi con quen se ocupar.",
    "cs": "Nevím, který z nich ještě může být doma, protože jsem tam nebyl.",
    "sk": "Neviem, ktorý z nich ešte môže byť doma, pretože som tam nebol.",
    "hi": "यह किताब मेरी नहीं है और वह घर में हैं।",
    "mr": "हे पुस्तक माझे नाही आणि ती घरी आहे.",
    "ne": "यो किताब मेरो हो र त्यहाँ पनि हुनेछ, काम गर्ने मान्छे छैन।",
    "nl": "Ik heb het niet gezien, maar zij hebben het bij hem naar huis gebracht.",
    "af": "Ek het dit nie gesien nie, maar hulle het hierdie boek vir hom gebring.",
}


def words_of(text: str) -> list[str]:
    return text.lower().split()


@pairs
def test_no_word_is_in_both_lists_of_a_pair_or_twice_in_one(pair: tuple[str, str]) -> None:
    first, second = map(words_of, OWN_WORDS[pair])
    assert len(set(first + second)) == len(first) + len(second)


@pairs
def test_the_words_of_one_are_found_for_it_and_not_for_the_other(pair: tuple[str, str]) -> None:
    for index, (code, other) in enumerate((pair, pair[::-1])):
        for word in words_of(OWN_WORDS[pair][index]):
            stands_for = f"abc{word[1:]}" if word[0] == "-" else word
            assert count_own_words(stands_for, code, other) == 1, word
            assert count_own_words(stands_for, other, code) == 0, word


@pairs
def test_the_languages_of_a_pair_are_neighbours_of_each_other(pair: tuple[str, str]) -> None:
    one, other = pair
    assert other in neighbours(one) and one in neighbours(other)
    assert is_known(one) and is_known(other)
    assert (standard(one), standard(other)) == pair


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("id", ("ms",)), ("hi", ("mr", "ne")), ("ne", ("hi", "mr")), ("nb", ("da", "nn")),
        ("ind_Latn", ("ms",)), ("zsm", ("id",)), ("sr-Latn", ("hr",)), ("it", ()), ("xx", ()),
    ],
)  # fmt: skip
def test_the_neighbours_of_a_language(code: str, expected: tuple[str, ...]) -> None:
    assert neighbours(code) == expected


@pairs
def test_a_sentence_has_own_words_of_its_language_and_none_of_its_neighbours(
    pair: tuple[str, str],
) -> None:
    for code, other in (pair, pair[::-1]):
        assert count_own_words(SENTENCES[code], code, other) >= 2
        assert count_own_words(SENTENCES[code], other, code) == 0


def test_languages_that_are_no_pair_have_no_words_of_their_own() -> None:
    for code, other in (("it", "en"), ("id", "hr"), ("id", "id"), ("xx", "id"), ("ms", "nb")):
        assert own_words(code, other) is None
        assert count_own_words("karena bisa kerana boleh uvijek uvek", code, other) == 0


@pytest.mark.parametrize(
    ("text", "code", "other", "expected"),
    [
        ("aktivitas universitas", "id", "ms", 2),
        ("itas", "id", "ms", 0),  # a suffix has a stem of two letters
        ("kitas aitas", "id", "ms", 0),
        ("abitas", "id", "ms", 1),
        ("nasional rasional internasional", "id", "ms", 1),  # -asional, after two letters
        ("kualitasnya", "id", "ms", 0),  # a suffix ends the word
        ("BISA, (karena) \u201cuang\u201d.", "id", "ms", 3),
        ("bisanya", "id", "ms", 0),
        ("a2bisa bisa_x", "id", "ms", 0),
        ("uang uang uang", "id", "ms", 3),
        ("situação situações", "pt", "gl", 2),
        ("situación situacións", "gl", "pt", 2),
        ("dit is 'n huis", "af", "nl", 1),
        ("non l'ha detto l\u2019uma", "pt", "gl", 0),  # no word begins after an apostrophe
    ],
)
def test_whole_words_in_any_case_and_suffixes_are_counted(
    text: str, code: str, other: str, expected: int
) -> None:
    assert count_own_words(text, code, other) == expected


def test_codes_of_any_style_mean_the_same_words() -> None:
    text = SENTENCES["id"]
    assert count_own_words(text, "ind_Latn", "zsm") == count_own_words(text, "id", "ms") == 6


plain = sorted(word for word in words_of(OWN_WORDS["cs", "sk"][0]) if word[0] != "-")


@given(st.lists(st.sampled_from([*plain, "dům", "strom", "42", "mezi-tím"]), max_size=12))
def test_the_count_is_that_of_the_words_one_by_one(words: list[str]) -> None:
    parts = re.findall(r"\w+", " ".join(words))
    assert count_own_words(", ".join(words), "cs", "sk") == sum(map(plain.count, parts))
