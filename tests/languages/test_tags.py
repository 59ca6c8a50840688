"""Tags of every common style, with NLLB's list as the standard of completeness."""

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

from ontarget.languages.names import english_name, is_known
from ontarget.languages.tags import (
    canonical,
    code_among,
    distinguishable,
    language_and_script,
    same_language,
    standard,
)

WITHOUT_A_NAME = {  # tags of NLLB whose language CLDR has no English name for
    "acm_Arab", "acq_Arab", "ajp_Arab", "apc_Arab", "azb_Arab", "cjk_Latn", "hne_Deva",
    "kbp_Latn", "taq_Latn", "taq_Tfng",
}  # fmt: skip
every_tag = pytest.mark.parametrize("tag", FAIRSEQ_LANGUAGE_CODES)


def test_every_tag_of_nllb_has_a_name_but_for_ten() -> None:
    assert len(FAIRSEQ_LANGUAGE_CODES) == 202
    unknown = {tag for tag in FAIRSEQ_LANGUAGE_CODES if not is_known(standard(tag))}
    assert unknown == WITHOUT_A_NAME


@every_tag
def test_the_standard_of_a_tag_means_the_same_language_in_the_same_script(tag: str) -> None:
    hangul = {"Hang": "Kore"}  # alone, or with ideographs
    script = tag.split("_")[1]
    assert language_and_script(tag)[1] in (script, hangul.get(script))
    assert language_and_script(standard(tag)) == (
        language_and_script(tag)[0],
        hangul.get(script, script),
    )
    assert same_language(tag, standard(tag)) and same_language(standard(tag), tag)


@every_tag
def test_a_tag_has_one_standard_in_any_spelling_and_that_is_its_own(tag: str) -> None:
    expected = standard(tag)
    spellings = (tag.upper(), tag.lower(), tag.replace("_", "-"), expected, expected.lower())
    assert {standard(spelling) for spelling in spellings} == {expected}


def test_two_tags_of_nllb_have_one_standard_only_where_one_tag_stands_for_both() -> None:
    tags: dict[str, list[str]] = {}
    for tag in FAIRSEQ_LANGUAGE_CODES:
        tags.setdefault(standard(tag), []).append(tag)
    assert [each for each in tags.values() if len(each) > 1] == [
        ["ajp_Arab", "apc_Arab"], ["aka_Latn", "twi_Latn"], ["pes_Arab", "prs_Arab"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("it", "it"), ("IT", "it"), ("ita", "it"), ("Ita_latn", "it"), ("it-Latn", "it"),
        ("pt-br", "pt-BR"), ("PT_BR", "pt-BR"), ("es-419", "es-419"), ("nb-no", "nb-NO"),
        ("iw", "he"), ("in", "id"), ("ji", "yi"), ("jw", "jv"), ("mo", "ro"), ("tl", "fil"),
        ("tgl_Latn", "fil"), ("no", "no"), ("NO", "no"), ("sh", "sh"), ("nob_Latn", "nb"),
        ("zho_Hant", "zh-Hant"), ("zho_Hans", "zh-Hans"), ("cmn", "zh"), ("zh-tw", "zh-TW"),
        ("yue_Hant", "yue-Hant"), ("zh_hant_hk", "zh-Hant-HK"), ("arb_Arab", "ar"),
        ("arb_Latn", "ar-Latn"), ("kor_Hang", "ko"), ("ko-Kore", "ko"), ("jpn_Jpan", "ja"),
        ("srp_Cyrl", "sr-Cyrl"), ("srp_Latn", "sr-Latn"), ("sr", "sr"), ("hrv_Latn", "hr"),
        ("uz_Cyrl", "uz-Cyrl"), ("uzn_Latn", "uz"), ("kas_Deva", "ks-Deva"), ("kas_Arab", "ks"),
        ("prs_Arab", "fa"), ("pbt_Arab", "ps"), ("fuv_Latn", "ff"), ("quy_Latn", "qu"),
        ("als_Latn", "sq"), ("gsw", "gsw"), ("khk_Cyrl", "mn"), ("lvs_Latn", "lv"),
    ],
)  # fmt: skip
def test_the_standard_is_the_shortest_tag_of_the_same_meaning(tag: str, expected: str) -> None:
    assert standard(tag) == expected
    assert english_name(tag) == english_name(expected)


def test_codes_of_cldr_stay_as_they_are_but_for_three() -> None:
    codes = [str(code) for code in Locale.parse("en").languages]
    changed = {code: standard(code) for code in codes if standard(code) != code.replace("_", "-")}
    assert changed == {"fat": "ak", "tl": "fil", "tw": "ak"}
    assert all(map(is_known, codes))


@given(st.text(st.sampled_from("abehikrstzANT_-19"), max_size=12))
def test_the_standard_of_a_standard_is_itself(tag: str) -> None:
    assert standard(standard(tag)) == standard(tag)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("zh", ("zh", "Hans")), ("zh-CN", ("zh", "Hans")), ("zh_TW", ("zh", "Hant")),
        ("zh-hk", ("zh", "Hant")), ("zho_Hans", ("zh", "Hans")), ("arb_Latn", ("ar", "Latn")),
        ("sr", ("sr", "Cyrl")), ("sr-latn", ("sr", "Latn")), ("no", ("nb", "Latn")),
        ("prs", ("fa", "Arab")), ("ko", ("ko", "Kore")), ("pt-BR", ("pt", "Latn")),
        ("xx", ("xx", "")), ("", ("", "")),
    ],
)  # fmt: skip
def test_a_tag_has_a_language_and_a_script(tag: str, expected: tuple[str, str]) -> None:
    assert language_and_script(tag) == expected


def test_the_canonical_code_has_no_script_and_no_region() -> None:
    tags = ("zho_Hant", "pt-BR", "srp_Latn", "NO", "sh", "nob_Latn", "iw", "ajp_Arab")
    assert list(map(canonical, tags)) == ["zh", "pt", "sr", "no", "sh", "nb", "he", "apc"]


@pytest.mark.parametrize(
    ("label", "requested", "expected"),
    [
        ("nb", "no", True), ("no", "nb", True), ("nob_Latn", "no", True), ("nn", "no", True),
        ("no", "nn", True), ("nn", "nb", False), ("yue", "zh", True), ("zh", "yue", False),
        ("arz", "ar", True), ("ar", "arz", False), ("apc_Arab", "arb_Latn", True),
        ("azb", "az", True), ("sh", "sr", True), ("hr", "sh", True), ("bs", "hr", False),
        ("iw", "he", True), ("in", "id", True), ("fil", "tl", True), ("tgl_Latn", "fil", True),
        ("zho_Hans", "zho_Hant", True), ("srp_Cyrl", "sr-Latn", True), ("pt-BR", "pt", True),
        ("prs", "pes_Arab", True), ("ms", "id", False), ("xx", "XX", True),
    ],
)  # fmt: skip
def test_a_label_counts_as_its_language_in_any_spelling_and_as_its_macrolanguage(
    label: str, requested: str, expected: bool
) -> None:
    assert same_language(label, requested) is expected


def test_the_tag_of_a_model_is_found_by_its_standard() -> None:
    found = {
        tag: code_among(standard(tag), FAIRSEQ_LANGUAGE_CODES) for tag in FAIRSEQ_LANGUAGE_CODES
    }
    del found["kor_Hang"]
    others = {tag: other for tag, other in found.items() if other != tag}
    assert others == {"apc_Arab": "ajp_Arab", "twi_Latn": "aka_Latn", "prs_Arab": "pes_Arab"}
    assert code_among("it", ["<s>", "1", "de_DE"]) is None


def test_korean_is_found_where_a_model_names_its_script_hangul() -> None:
    assert code_among("ko", ["eng_Latn", "kor_Hang"]) == "kor_Hang"


@pytest.mark.parametrize(
    ("code", "other", "expected"),
    [
        ("it", "en", True), ("srp_Cyrl", "srp_Latn", True), ("zh-Hans", "zh-TW", True),
        ("sr", "sr-Latn", False), ("nb", "no", False), ("zh", "yue", False), ("IT", "ita", False),
    ],
)  # fmt: skip
def test_texts_are_distinguished_by_language_or_by_scripts_that_both_tags_name(
    code: str, other: str, expected: bool
) -> None:
    assert distinguishable(code, other) is expected is distinguishable(other, code)
