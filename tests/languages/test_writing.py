"""Letters and scripts against the names that Unicode gives to characters."""

import re
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
texts = st.text(st.one_of(letter, st.characters(exclude_categories=["Cs", "Cn"])), max_size=40)


@pytest.mark.parametrize("script", writing.SCRIPTS)
def test_a_script_contains_only_letters_that_unicode_names_after_it(script: str) -> None:
    of_script = writing.other_scripts_pattern(frozenset(writing.SCRIPTS) - {script})
    characters = [chr(code) for code in range(0x10000) if of_script.match(chr(code))]
    assert len(characters) > 20
    for character in characters:
        if unicodedata.category(character) == "Lm":  # modifiers are named by their shape
            continue
        name = unicodedata.name(character, "")
        assert not name or name.startswith(NAMES[script]), (character, name)


@given(texts)
def test_letters_are_counted_by_category_and_syllables_count_three(text: str) -> None:
    expected = 0
    for character in text:
        name = unicodedata.name(character, "")
        is_syllable = any(name.startswith(NAMES[code]) for code in ("Hang", "Kana", "Hani"))
        if unicodedata.category(character) in ("Lu", "Ll", "Lo", "Lt", "Lm"):
            is_counted_so = writing.SYLLABLES.match(character) is not None
            assert is_syllable or not is_counted_so
            expected += 3 if is_counted_so else 1
        elif writing.LETTERS.match(character):
            expected += 1  # letter-like numbers, such as Roman numerals
    assert writing.letters(text) == expected


@given(texts, st.integers(1, 30))
def test_the_quick_check_agrees_with_the_full_count(text: str, minimum: int) -> None:
    assert writing.has_letters(text, minimum) is (writing.letters(text) >= minimum)
    syllables = len(regex.findall(writing.SYLLABLE, text, regex.V1))
    assert writing.has_syllables(text, minimum) is (syllables >= minimum)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("it", {"Latn"}), ("ru", {"Cyrl"}), ("sr", {"Cyrl", "Latn"}), ("sr-Latn", {"Latn"}),
        ("sr_Cyrl", {"Cyrl"}), ("ja", {"Kana", "Hani"}), ("ko", {"Hang", "Hani"}),
        ("zh", {"Hani"}), ("zh-TW", {"Hani"}), ("uz", {"Latn", "Cyrl", "Arab"}), ("hi", {"Deva"}),
        ("xx", set()),
    ],
)  # fmt: skip
def test_the_scripts_of_a_language(code: str, expected: set[str]) -> None:
    assert writing.scripts_of(code) == expected


def test_foreign_letters_are_those_of_other_scripts() -> None:
    assert writing.foreign_letters("Привет, NASA!", "ru") == 4
    assert writing.foreign_letters("Ciao, 42!", "it") == 0
    assert writing.foreign_letters("カメラ camera", "it") == 9
    assert writing.foreign_letters("Привет", "xx") == 0  # its script is unknown


def test_the_script_of_a_text_is_that_of_most_letters() -> None:
    assert writing.script_of("Привет, NASA!") == "Cyrl"
    assert writing.script_of("42!") == ""


@given(st.text(st.sampled_from("aéбשก中の한 1-"), max_size=12))
def test_the_position_of_letters_does_not_affect_the_script_of_a_text(text: str) -> None:
    letters = {
        "Latn": text.count("a") + text.count("é"), "Cyrl": text.count("б"),
        "Hebr": text.count("ש"), "Thai": text.count("ก"), "Hang": 3 * text.count("한"),
        "Kana": 3 * text.count("の"), "Hani": 3 * text.count("中"),
    }  # fmt: skip
    most = [script for script, count in letters.items() if count == max(letters.values())]
    assert writing.script_of(text) in (most if any(letters.values()) else [""])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXTS["ja"][0], True), (TEXTS["zh"][0], False), ("東京都", None), ("", None),
        ("我喜欢日本的の这个字因为它很可爱而且好写", None),
    ],
)  # fmt: skip
def test_a_tenth_of_kana_makes_a_text_japanese(text: str, expected: bool | None) -> None:
    assert writing.is_japanese(text) is expected


def test_kana_and_a_run_of_ideographs_may_be_two_languages() -> None:
    assert writing.may_mix_kana(TEXTS["ja"][1] + TEXTS["zh"][1])
    assert not writing.may_mix_kana(TEXTS["zh"][1])
    assert not writing.may_mix_kana("これはペンです。")


@pytest.mark.parametrize("number", range(4))
def test_the_two_chinese_orthographies_are_distinguished(number: int) -> None:
    assert writing.orthography(TEXTS["zh"][number]) == "Hans"
    assert writing.orthography(TEXTS["zh-Hant"][number]) == "Hant"
    assert writing.orthography("中文") == ""


def test_every_pair_of_characters_has_a_simplified_and_a_traditional_form() -> None:
    pairs = list(zip(writing.SIMPLIFIED, writing.TRADITIONAL, strict=True))
    assert len(pairs) == 43 == len(set(pairs))
    assert not set(writing.SIMPLIFIED) & set(writing.TRADITIONAL)
    for one, other in pairs:  # no simplified form is in Big5, no traditional one in GB 2312
        with pytest.raises(UnicodeEncodeError):
            other.encode("gb2312")
        with pytest.raises(UnicodeEncodeError):
            one.encode("big5")


@pytest.mark.parametrize(("pattern", "script"), [(writing.KANA, "Kana"), (writing.HANI, "Hani")])
def test_fast_patterns_match_the_letters_of_their_script(
    pattern: re.Pattern[str], script: str
) -> None:
    slow = regex.compile(writing.letters_of(script), regex.V1)
    plane = [*range(0xD800), *range(0xE000, 0x10000)]
    assert [n for n in plane if pattern.match(chr(n))] == [n for n in plane if slow.match(chr(n))]
