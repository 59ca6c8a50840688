"""Names of languages from CLDR, the codes of models, and suggestions for unknown codes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ontarget.languages.names import (
    english_name,
    is_known,
    suggestion,
    unknown_code,
)
from ontarget.languages.tags import code_among, primary


@pytest.mark.parametrize(
    ("code", "english"),
    [
        ("it", "Italian"),
        ("nl", "Dutch"),
        ("ro", "Romanian"),
        ("zh", "Chinese"),
        ("zh-Hans", "Chinese (Simplified)"),
        ("pt-BR", "Portuguese (Brazil)"),
        ("am", "Amharic"),
    ],
)
def test_names_are_those_of_cldr(code: str, english: str) -> None:
    assert english_name(code) == english


@pytest.mark.parametrize("code", ["xx", "", "italian", "zh-Nope"])
def test_a_code_that_cldr_lacks_is_unknown(code: str) -> None:
    assert not is_known(code)
    with pytest.raises(KeyError):
        english_name(code)


NLLB = [
    "arb_Arab", "zho_Hant", "zho_Hans", "nob_Latn", "nno_Latn", "lvs_Latn", "srp_Cyrl", "als_Latn",
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "candidates", "expected"),
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
def test_the_code_of_a_model_is_matched(
    code: str, candidates: list[str], expected: str | None
) -> None:
    assert code_among(code, candidates) == expected


def test_the_primary_subtag_is_the_language_without_script_and_region() -> None:
    codes = ("zh-Hans", "pt_BR", "ZH-hant", "it")
    assert [primary(code) for code in codes] == ["zh", "pt", "zh", "it"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ita", "it"), ("nld_Latn", "nl"), ("Italian", "it"), ("german", "de"), ("Italain", "it"),
    ],
)  # fmt: skip
def test_a_suggestion_is_the_code_that_was_probably_meant(code: str, expected: str) -> None:
    assert suggestion(code) == expected


@given(st.text(st.sampled_from("abcitxyz-_Q1"), max_size=8))
@example("zzz")
@example("")
def test_a_suggestion_is_a_known_code_or_none(code: str) -> None:
    guess = suggestion(code)
    assert guess is None or is_known(guess)


def test_the_message_for_an_unknown_code_has_the_suggestion_or_an_example() -> None:
    assert unknown_code("ita") == "CLDR knows no language 'ita'; did you mean it?"
    assert suggestion("12345") is None
    assert unknown_code("12345") == (
        "CLDR knows no language '12345'; give a code such as it or zh-Hant"
    )
