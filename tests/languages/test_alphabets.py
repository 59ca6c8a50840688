"""Alphabets from CLDR, and words with letters that a language lacks."""

import unicodedata
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.texts import TEXTS

from ontarget.languages.alphabets import alphabet, foreign_words
from ontarget.languages.names import is_known

ROWS = [
    line.split("\t")
    for line in files("ontarget.languages")
    .joinpath("alphabets.tsv")
    .read_text(encoding="utf-8")
    .splitlines()
]
PREFIXES = {"LATIN", "CYRILLIC", "ARABIC", "DEVANAGARI", "FEMININE", "MASCULINE"}
LATIN = set("abcdefghijklmnopqrstuvwxyz")
LACKING = {"ak": "x", "fy": "qx", "ht": "q", "pms": "kwxy", "ve": "cjq"}  # as CLDR has them


def test_the_table_has_each_code_once_in_order() -> None:
    codes = [code for code, _ in ROWS]
    assert codes == sorted(set(codes)) and len(codes) == 173


@pytest.mark.parametrize(("code", "letters"), ROWS, ids=[code for code, _ in ROWS])
def test_an_alphabet_is_lower_case_letters_of_one_script_each_once(code: str, letters: str) -> None:
    assert is_known(code)
    assert len(set(letters)) == len(letters) > 15
    assert letters == unicodedata.normalize("NFC", letters)
    scripts = set()
    for letter in letters:
        assert letter.isalpha() and letter.lower() == letter
        name = unicodedata.name(letter).split()[0]
        assert name in PREFIXES | {"MODIFIER"}  # an apostrophe or a stretched line in a word
        scripts |= {name} - {"MODIFIER", "FEMININE", "MASCULINE"}
    assert len(scripts) == 1


def test_latin_alphabets_have_the_basic_letters_but_for_five_languages() -> None:
    lacking = {
        code: "".join(sorted(LATIN - set(letters))) for code, letters in ROWS if "a" in letters
    }
    assert {code: letters for code, letters in lacking.items() if letters} == LACKING
    assert len(lacking) == 124


@pytest.mark.parametrize(
    ("code", "own", "others"),
    [
        ("ru", "ыэъё", "єіїґўљњћђџј"), ("uk", "єіїґ", "ўљњћђџј"), ("be", "ўі", "єїґщ"),
        ("sr", "љњћђџј", "ыэщйъ"), ("bg", "щъ", "єіїґљћ"), ("mk", "ѓќѕј", "ћђыэ"),
        ("it", "àèéìòù", "łşğőčż"),
        ("de", "äöüß", "łńșž"), ("pl", "ąćęłńóśźż", "ğı"), ("tr", "ğış", "łąę"),
        ("hr", "čćžšđ", "łřäő"),
        ("fa", "پچژگ", "ڤټ"), ("ar", "ةىي", "ٹڈے"), ("ur", "ٹڈےپ", "ڤڭ"), ("hi", "अआकख", "ऴ"),
    ],
)  # fmt: skip
def test_an_alphabet_has_the_letters_of_the_language_and_not_those_of_its_neighbours(
    code: str, own: str, others: str
) -> None:
    assert set(own) <= set(alphabet(code))
    assert not set(others) & set(alphabet(code))


@pytest.mark.parametrize("code", ["xx", "", "zh", "ja", "ko", "th", "he"])
def test_an_unknown_alphabet_is_no_evidence(code: str) -> None:
    assert alphabet(code) == ""
    assert foreign_words("слово łódź שלום 中文 كلمة", code) == (0, 0)


def test_the_script_of_a_code_chooses_between_alphabets() -> None:
    assert alphabet("sr") == alphabet("sr-Cyrl") == alphabet("srp_Cyrl") != alphabet("sr-Latn")
    assert "č" in alphabet("sr_Latn") and "ч" in alphabet("bs-Cyrl") and "č" in alphabet("bs")
    assert alphabet("it_Latn") == alphabet("ITA") == alphabet("it-CH") == alphabet("it")
    assert alphabet("it-Cyrl") == ""  # the only alphabet is in Latin letters


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("сказав, що є проблема", "ru", (1, 4)),  # є
        ("сказав, що є проблема", "uk", (0, 0)),
        ("город, ў котором вырос завод", "uk", (1, 5)),  # CLDR gives Ukrainian all of Russian's
        ("el niño que vi ayer, ¡ay, ŷ!", "it", (1, 7)),  # and Italian ñ
        ("cade łódź", "it", (1, 2)),
        ("un iPhone a łódź", "it", (1, 4)),  # capitals are letters of the alphabet
        ("città 42 perché", "it", (0, 0)),
        ("सरळ शाळा", "hi", (0, 0)),
        ("", "it", (0, 0)),
    ],
)
def test_words_with_letters_that_the_language_lacks_are_counted(
    text: str, code: str, expected: tuple[int, int]
) -> None:
    assert foreign_words(text, code) == expected


def test_words_with_a_capital_are_neither_foreign_nor_counted() -> None:
    assert foreign_words("visita Łódź e Plzeň con gli amici a łódka", "it") == (1, 7)
    assert foreign_words("Єдиний Їжак", "ru") == (0, 0)


def test_letters_of_another_script_are_no_letters_that_the_alphabet_lacks() -> None:
    assert foreign_words("la parola привет e 中文", "it") == (0, 0)
    assert foreign_words("слово hello łódź", "ru") == (0, 0)
    assert foreign_words("parola привет anno łódź", "it") == (1, 4)


def test_composed_and_decomposed_letters_are_the_same_in_a_text_with_foreign_letters() -> None:
    composed = "perché città łódź"
    decomposed = unicodedata.normalize("NFD", composed)  # ł has no decomposition
    assert decomposed != composed
    assert foreign_words(decomposed, "it") == foreign_words(composed, "it") == (1, 3)


@pytest.mark.parametrize("code", TEXTS)
def test_sentences_have_no_word_that_their_own_alphabet_lacks(code: str) -> None:
    assert [foreign_words(text, code)[0] for text in TEXTS[code]] == [0, 0, 0, 0]


@given(st.sampled_from([code for code, _ in ROWS]), st.data())
def test_words_of_an_alphabets_own_letters_are_never_foreign(
    code: str, data: st.DataObject
) -> None:
    letters = data.draw(st.text(st.sampled_from(dict(ROWS)[code]), min_size=1))
    assert foreign_words(f"{letters} {letters}{letters.upper()}", code)[0] == 0
