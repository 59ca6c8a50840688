"""Whole words: the one rule by which terms are found, in conflict records and by `translate`."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.data.constraints import Glossary, Pair, Term, obeys
from ontarget.data.constraints.words import words_in
from ontarget.translation.wishes import Wishes

CASES = {  # (word, text): whether the text has the word
    "another word": {
        ("cat", "A cat."): True,
        ("cat", "concatenate, cats, tomcat"): False,
        ("cat", "cat_1"): False,
        ("кот", "котёнок"): False,
        ("città", "cittàdina"): False,
        ("3", "13 or 31"): False,
    },
    "inflection": {("cat", "Two cats."): False, ("gatto", "I gatti."): False},
    "case": {
        ("cat", "CAT!"): True,
        ("città", "La CITTÀ."): True,
        ("οδός", "ΟΔΌΣ.ΝΑ"): True,  # no final sigma in lower case
        ("ışık", "IŞIK"): True,
        ("izmir", "İZMİR'de"): True,
        ("Maße", "Die Masse."): False,
    },
    "hyphen": {
        ("cat", "cat-like"): True,
        ("e-mail", "An e-mail."): True,
        ("e-mail", "Two e-mails."): False,
    },
    "apostrophe": {
        ("amico", "l'amico"): True,
        ("amico", "l\u2019amico"): True,
        ("l'eau", "L\u2019eau."): True,
        ("l\u2019eau", "l'eau"): True,
        ("cat", "the cat's"): True,
    },
    "signs": {("C++", "In C++11"): True, ("C++", "ABC++"): False, (".NET", "ASP.NET"): True},
    "no spaces": {
        ("猫", "黒猫が寝る"): True,
        ("センター", "駅前センターの前"): True,  # ends with a mark that two scripts share
        ("センター", "センターA"): True,
        ("东西", "买东西吧"): True,
        ("ที่", "ที่บ้าน"): True,  # ends with a combining mark
        ("고양이", "고양이가 잔다"): True,  # a particle follows
        ("iPhone", "新しいiPhoneを買う"): True,
        ("Phone", "新しいiPhoneを買う"): False,
    },
    "combining marks": {
        ("cafe", "Un cafe\u0301."): False,
        ("café", "Un cafe\u0301."): True,
        ("cafe\u0301", "Un café."): True,
        ("क", "कि"): False,  # a vowel sign belongs to its letter
        ("ท", "ที่บ้าน"): False,
        ("カ", "カ\u3099"): False,  # is ガ
        ("خواهم", "می\u200cخواهم"): False,  # one word with a non-joiner
    },
}
ROWS = [(word, text, found) for rows in CASES.values() for (word, text), found in rows.items()]


@pytest.mark.parametrize(("word", "text", "found"), ROWS)
def test_a_word_is_in_a_text_where_it_is_no_part_of_a_longer_one(
    word: str, text: str, found: bool
) -> None:
    assert words_in(text, [word]) == ({word} if found else set())


@pytest.mark.parametrize(("word", "text", "found"), ROWS)
def test_translate_and_conflict_records_find_the_same_terms(
    word: str, text: str, found: bool
) -> None:
    assert Wishes(glossary=((word, "x"),)).terms_in(text) == ([(word, "x")] if found else [])
    term = Term(source=word, targets=("x", "y"))
    one = Pair(key="1", source_lang="en", target_lang="it", source=text, target="x")
    assert bool(Glossary((term,)).values(one)) == found
    assert obeys(Glossary((Term(source="x", targets=(word, "other")),)), word, text) == found


def test_of_two_words_the_longer_one_is_taken_where_it_stands() -> None:
    words = ["cat", "wild cat"]
    assert words_in("A wild cat.", words) == {"wild cat"}
    assert words_in("A wild cat and a cat.", words) == {"wild cat", "cat"}
    assert words_in("A cat, wild.", words) == {"cat"}
    wishes = Wishes(glossary=(("cat", "gatto"), ("wild cat", "gatto selvatico")))
    assert wishes.terms_in("A wild cat.") == [("wild cat", "gatto selvatico")]


def test_spellings_of_one_word_are_found_together() -> None:
    assert words_in("A cat.", ["Cat", "CAT", "dog"]) == {"Cat", "CAT"}


@given(st.text(alphabet="aβж猫ー\u0301\u3099'- ", min_size=1), st.sampled_from("NFC NFD".split()))
def test_composition_is_no_difference(text: str, form: str) -> None:
    words = ["a", "á", "β", "ж猫", "猫ー"]
    written = unicodedata.normalize("NFC" if form == "NFC" else "NFD", text)
    assert words_in(written, words) == words_in(text, words)


def test_a_term_of_which_an_inflected_form_is_used_is_not_missing() -> None:
    wishes = Wishes(glossary=(("cat", "gatt"), ("l'eau", "acqua")))
    assert wishes.missing_terms("A cat.", "I GATTI.") == []
    assert wishes.missing_terms("A cat, l\u2019eau", "Un cane.") == ["gatt", "acqua"]
