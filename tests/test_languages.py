"""Names of languages, from CLDR."""

import pytest

from ontarget.languages import english_name, is_known, own_name


@pytest.mark.parametrize(
    ("code", "english", "own"),
    [
        ("it", "Italian", "italiano"),
        ("nl", "Dutch", "Nederlands"),
        ("ro", "Romanian", "română"),
        ("zh", "Chinese", "中文"),
        ("zh-Hans", "Chinese (Simplified)", "中文"),
        ("pt-BR", "Portuguese (Brazil)", "português"),
        ("am", "Amharic", "አማርኛ"),
    ],
)
def test_names_are_cldrs(code: str, english: str, own: str) -> None:
    assert english_name(code) == english
    assert own_name(code) == own


def test_a_language_without_a_locale_has_its_english_name() -> None:
    assert own_name("tlh") == english_name("tlh") == "Klingon"


@pytest.mark.parametrize("code", ["xx", "", "italian", "zh-Nope"])
def test_unknown_codes_are_unknown(code: str) -> None:
    assert not is_known(code)
    with pytest.raises(KeyError):
        english_name(code)
