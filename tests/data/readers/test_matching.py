"""Tags of any style mean their language, and nothing else."""

from pathlib import Path

import pytest

from ontarget.data.readers import columns, read
from ontarget.data.readers.shapes.matching import match
from ontarget.errors import CorpusError


@pytest.mark.parametrize(
    ("language", "tag"),
    [
        *(("it", tag) for tag in ("it", "IT", "ita", "ita_Latn", "it-IT", "it_IT", "it-Latn")),
        *(("zh", tag) for tag in ("zh", "zh-Hans", "zho_Hans", "zh-CN", "cmn_Hans")),
        *(("zh-Hant", tag) for tag in ("zho_Hant", "zh-Hant", "zh-TW")),
        ("sr-Latn", "srp_Latn"),
        ("pt-BR", "pt_BR"),
        ("no", "nor"),
        ("no", "nb"),
    ],
)
def test_a_tag_of_any_style_means_its_language(language: str, tag: str) -> None:
    assert match(["fr", tag], [language], "c") == {language: tag}


@pytest.mark.parametrize(
    ("language", "tag"),
    [
        ("zh", "zho_Hant"),
        ("zh", "zh-TW"),
        ("zh-Hant", "zh"),
        ("sr", "sr-Latn"),
        ("sr-Latn", "sr"),
        ("pt-BR", "pt"),
        ("pt-BR", "pt-PT"),
        ("en", "entry"),
    ],
)
def test_another_script_or_region_is_another_language(language: str, tag: str) -> None:
    assert match([tag], [language], "c") == {}


def test_beside_a_region_the_bare_tag_is_the_exact_one() -> None:
    assert match(["pt-BR", "pt"], ["pt", "pt-BR"], "c") == {"pt": "pt", "pt-BR": "pt-BR"}
    assert match(["nb"], ["no", "nb"], "c") == {"nb": "nb"}


@pytest.mark.parametrize("language", ["zh-Hant", "zh-TW"])
def test_a_script_and_the_region_that_stands_for_it_are_one_language(language: str) -> None:
    with pytest.raises(CorpusError, match=f"c: 'zho_Hant' and 'zh-TW' both mean {language}; keep"):
        match(["zho_Hant", "en", "zh-TW"], [language], "c")
    assert match(["zho_Hant", "zh-HK"], ["zh-Hant", "zh-HK"], "c") == {
        "zh-Hant": "zho_Hant", "zh-HK": "zh-HK",
    }  # fmt: skip


@pytest.mark.parametrize("tags", [["it", "ita"], ["it-IT", "it-CH"], ["it_Latn", "IT"]])
def test_two_columns_of_one_language_are_an_error_that_names_both(
    tmp_path: Path, tags: list[str]
) -> None:
    (tmp_path / "c.tsv").write_text("\t".join(["en", *tags]) + "\na\tb\tc\n")
    message = f"c.tsv: '{tags[0]}' and '{tags[1]}' both mean it; keep one, or name the one that is"
    with pytest.raises(CorpusError, match=message):
        list(read(tmp_path / "c.tsv", ["en", "it"]))


def test_columns_are_the_languages_as_the_file_spells_them(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text("row_id\teng_Latn\tzh-CN\tdomain\tscore\n1\ta\tb\tnews\t0.5\n")
    assert columns(tmp_path / "c.tsv") == ["eng_Latn", "zh-CN"]


@pytest.mark.parametrize(
    ("cells", "expected"), [("12\ta\tb", ["en", "it"]), ("Halo\ta\tb", ["id", "en", "it"])]
)
def test_a_column_named_id_is_indonesian_only_if_it_has_letters(
    tmp_path: Path, cells: str, expected: list[str]
) -> None:
    (tmp_path / "c.tsv").write_text(f"id\ten\tit\n{cells}\n")
    assert columns(tmp_path / "c.tsv") == expected


def test_a_partly_filled_column_is_a_language(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text("en\tuk\n" + "a\t\n" * 200 + "b\tв\n")
    assert columns(tmp_path / "c.tsv") == ["en", "uk"]
