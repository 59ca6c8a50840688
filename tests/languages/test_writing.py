"""Letters and scripts against the names that Unicode gives to characters."""

import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from support.texts import TEXTS

from ontarget.languages import writing

NAMES = {  # how names of a script's letters begin
    "Latn": ("LATIN", "FULLWIDTH LATIN", "FEMININE", "MASCULINE", "KELVIN", "ANGSTROM", "TURNED",
             "ROMAN"), "Cyrl": ("CYRILLIC",),
    "Grek": ("GREEK", "OHM"), "Armn": ("ARMENIAN",), "Hebr": ("HEBREW",), "Arab": ("ARABIC",),
    "Thaa": ("THAANA",), "Deva": ("DEVANAGARI",), "Beng": ("BENGALI",), "Guru": ("GURMUKHI",),
    "Gujr": ("GUJARATI",), "Orya": ("ORIYA",), "Taml": ("TAMIL",), "Telu": ("TELUGU",),
    "Knda": ("KANNADA",), "Mlym": ("MALAYALAM",), "Sinh": ("SINHALA",), "Thai": ("THAI",),
    "Laoo": ("LAO",), "Tibt": ("TIBETAN",), "Mymr": ("MYANMAR",),
    "Geor": ("GEORGIAN", "MODIFIER LETTER GEORGIAN"),
    "Ethi": ("ETHIOPIC",), "Khmr": ("KHMER",), "Mong": ("MONGOLIAN",),
    "Hang": ("HANGUL", "HALFWIDTH HANGUL"),
    "Kana": ("HIRAGANA", "KATAKANA", "HALFWIDTH KATAKANA"), "Hani": ("CJK", "IDEOGRAPHIC"),
}  # fmt: skip
letter = st.characters(categories=["Lu", "Ll", "Lo", "Lt"])
text = st.text(st.one_of(letter, st.characters(exclude_categories=["Cs", "Cn"])), max_size=40)


@pytest.mark.parametrize("script", writing.SCRIPTS)
def test_a_script_holds_only_letters_that_unicode_names_after_it(script: str) -> None:
    of_script = writing.other_scripts_pattern(frozenset(writing.SCRIPTS) - {script})
    found = [chr(code) for code in range(0x10000) if of_script.match(chr(code))]
    assert len(found) > 20
    for character in found:
        if unicodedata.category(character) == "Lm":  # modifiers are named by their shape
            continue
        name = unicodedata.name(character, "")
        assert not name or name.startswith(NAMES[script]), (character, name)


@given(text)
def test_letters_are_counted_by_category_and_dense_ones_thrice(given: str) -> None:
    wanted = 0
    for character in given:
        name = unicodedata.name(character, "")
        dense = any(name.startswith(NAMES[each]) for each in ("Hang", "Kana", "Hani"))
        if unicodedata.category(character) in ("Lu", "Ll", "Lo", "Lt", "Lm"):
            in_table = writing.SYLLABLES.match(character) is not None
            assert dense or not in_table
            wanted += 3 if in_table else 1
        elif writing.LETTERS.match(character):
            wanted += 1  # letter-like numbers, such as Roman numerals
    assert writing.letters(given) == wanted


@given(text, st.integers(1, 30))
def test_the_quick_count_agrees_with_the_full_one(given: str, least: int) -> None:
    assert writing.has_letters(given, least) is (writing.letters(given) >= least)
    syllables = len(regex.findall(writing.SYLLABLE, given, regex.V1))
    assert writing.has_syllables(given, least) is (syllables >= least)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("it", {"Latn"}), ("ru", {"Cyrl"}), ("sr", {"Cyrl", "Latn"}), ("sr-Latn", {"Latn"}),
        ("sr_Cyrl", {"Cyrl"}), ("ja", {"Kana", "Hani"}), ("ko", {"Hang", "Hani"}),
        ("zh", {"Hani"}), ("zh-TW", {"Hani"}), ("uz", {"Latn", "Cyrl", "Arab"}), ("hi", {"Deva"}),
        ("xx", set()),
    ],
)  # fmt: skip
def test_scripts_of_a_language(code: str, wanted: set[str]) -> None:
    assert writing.scripts_of(code) == wanted


def test_foreign_letters_are_those_of_other_scripts() -> None:
    assert writing.foreign_letters("Привет, NASA!", "ru") == 4
    assert writing.foreign_letters("Ciao, 42!", "it") == 0
    assert writing.foreign_letters("カメラ camera", "it") == 9
    assert writing.foreign_letters("Привет", "xx") == 0  # nothing is known of its script


def test_the_script_of_most_letters() -> None:
    assert writing.script_of("Привет, NASA!") == "Cyrl"
    assert writing.script_of("42!") == ""


@given(st.text(st.sampled_from("aéбשก中の한 1-"), max_size=12))
def test_the_script_of_most_letters_is_found_wherever_they_stand(given: str) -> None:
    letters = {
        "Latn": given.count("a") + given.count("é"), "Cyrl": given.count("б"),
        "Hebr": given.count("ש"), "Thai": given.count("ก"), "Hang": 3 * given.count("한"),
        "Kana": 3 * given.count("の"), "Hani": 3 * given.count("中"),
    }  # fmt: skip
    most = [script for script, count in letters.items() if count == max(letters.values())]
    assert writing.script_of(given) in (most if any(letters.values()) else [""])


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (TEXTS["ja"][0], True), (TEXTS["zh"][0], False), ("東京都", None), ("", None),
        ("我喜欢日本的の这个字因为它很可爱而且好写", None),
    ],
)  # fmt: skip
def test_kana_make_a_text_japanese(given: str, wanted: bool | None) -> None:
    assert writing.is_japanese(given) is wanted


def test_kana_beside_a_stretch_of_ideographs_may_be_a_mixture() -> None:
    assert writing.may_mix_kana(TEXTS["ja"][1] + TEXTS["zh"][1])
    assert not writing.may_mix_kana(TEXTS["zh"][1])
    assert not writing.may_mix_kana("これはペンです。")


@pytest.mark.parametrize("number", range(4))
def test_orthographies_of_chinese_are_told_apart(number: int) -> None:
    assert writing.orthography(TEXTS["zh"][number]) == "Hans"
    assert writing.orthography(TEXTS["zh-Hant"][number]) == "Hant"
    assert writing.orthography("中文") == ""


def test_the_pairs_of_characters_have_two_forms_each() -> None:
    pairs = list(zip(writing.SIMPLIFIED, writing.TRADITIONAL, strict=True))
    assert len(pairs) == 43 == len(set(pairs))
    assert not set(writing.SIMPLIFIED) & set(writing.TRADITIONAL)
    for one, other in pairs:  # no simplified form is in Big5, no traditional one in GB 2312
        with pytest.raises(UnicodeEncodeError):
            other.encode("gb2312")
        with pytest.raises(UnicodeEncodeError):
            one.encode("big5")
