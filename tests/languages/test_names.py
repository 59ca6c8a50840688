"""Names of languages, from CLDR."""

import pytest

from ontarget.languages.names import english_name, is_known, own_name
from ontarget.languages.tags import code_among, primary


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


NLLB = [
    "arb_Arab",
    "zho_Hant",
    "zho_Hans",
    "nob_Latn",
    "nno_Latn",
    "lvs_Latn",
    "srp_Cyrl",
    "als_Latn",
]


@pytest.mark.parametrize(
    ("code", "others", "found"),
    [
        ("it", ["en_XX", "it_IT"], "it_IT"),
        ("it", ["__en__", "__it__"], "__it__"),
        ("it", [">>eng<<", ">>ita<<"], ">>ita<<"),
        ("it", ["<s>", "</s>", "<unk>", "en", "it"], "it"),
        ("zh", NLLB, "zho_Hans"),
        ("zh-Hant", NLLB, "zho_Hant"),
        ("zh-TW", NLLB, "zho_Hant"),
        ("zh-Hant", ["zh_CN"], "zh_CN"),  # mBART's code names no script
        ("no", NLLB, "nob_Latn"),
        ("nb", ["no"], "no"),
        ("nn", NLLB, "nno_Latn"),
        ("ar", NLLB, "arb_Arab"),
        ("lv", NLLB, "lvs_Latn"),
        ("sq", NLLB, "als_Latn"),
        ("sr", NLLB, "srp_Cyrl"),
        ("sr-Latn", NLLB, None),
        ("ro", NLLB, None),
        ("it", [], None),
    ],
)
def test_a_models_own_code_is_found(code: str, others: list[str], found: str | None) -> None:
    assert code_among(code, others) == found


def test_the_primary_subtag_is_the_language_alone() -> None:
    found = [primary(code) for code in ("zh-Hans", "pt_BR", "ZH-hant", "it")]
    assert found == ["zh", "pt", "zh", "it"]
