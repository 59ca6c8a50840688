"""Files that constraints are read from: glossaries, and corpora with labels of their pairs."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from ontarget.data.constraints import Term, read_glossary, read_pairs
from ontarget.errors import CorpusError


def tsv(folder: Path, *lines: str, name: str = "a.tsv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_glossary_has_a_term_and_its_translations_on_each_line(tmp_path: Path) -> None:
    path = tsv(tmp_path, "cat\tgatto\tmicio", "", "wild dog\tcane selvatico\t lupo \tcane")
    assert read_glossary(path).terms == (
        Term(source="cat", targets=("gatto", "micio")),
        Term(source="wild dog", targets=("cane selvatico", "lupo", "cane")),
    )


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("dog\tcane", r"a.tsv:2: expected a term, its translation and at least one other"),
        ("dog\tcane\t", r"a.tsv:2: expected a term"),
        ("dog\tcane\tCane", r"a.tsv:2: repeats a translation; keep one"),
        ("x\tl'eau\tl\u2019eau", r"a.tsv:2: repeats a translation; keep one"),
        ("dog\tca\ane\tlupo", r"a.tsv:2: has U\+0007, a control, replacement .*; remove it"),
        ("Cat\ta\tb", r"a.tsv:2: 'Cat' has a line already; keep one"),
    ],
)
def test_a_faulty_line_of_a_glossary_is_named(line: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=fault):
        read_glossary(tsv(tmp_path, "cat\tgatto\tmicio", line))


def test_a_glossary_without_terms_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"a.tsv: has no terms; write a term, its translation"):
        read_glossary(tsv(tmp_path, ""))


FORMALITY = {"formality": ("formal", "informal")}


def test_pairs_are_read_in_each_direction_with_their_labels(tmp_path: Path) -> None:
    path = tsv(tmp_path, "en\tit\tformality", "You sleep.\tLei dorme.\tformal", "Hi\tCiao\t")
    found = list(read_pairs(path, ["en-it", "it-en"], FORMALITY))
    assert [(one.key, one.source, one.target, one.labels["formality"]) for one in found] == [
        ("a.tsv:2/en-it", "You sleep.", "Lei dorme.", "formal"),
        ("a.tsv:2/it-en", "Lei dorme.", "You sleep.", "formal"),
        ("a.tsv:3/en-it", "Hi", "Ciao", ""),
        ("a.tsv:3/it-en", "Ciao", "Hi", ""),
    ]
    assert [one.labels for one in read_pairs(path, ["en-it"])] == [{}, {}]


def test_only_null_and_nothing_are_no_label(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    row = {"en": "Hi", "it": "Ciao"}
    path.write_text("\n".join(json.dumps(row | {"formality": label}) for label in (None, "")))
    found = read_pairs(path, ["en-it"], FORMALITY)
    assert [one.labels["formality"] for one in found] == ["", ""]
    for label in ("0", "false", "[]", "{}", '" "', '["formal"]'):
        path.write_text(f'{{"en": "Hi", "it": "Ciao", "formality": {label}}}')
        fault = "a.jsonl:1: formality is .*; write formal or informal, or nothing"
        for known in (FORMALITY, {"formality": dict.fromkeys(FORMALITY["formality"])}):
            with pytest.raises(CorpusError, match=fault):
                list(read_pairs(path, ["en-it"], known))


def test_labels_stay_with_their_rows_where_another_file_has_other_languages(
    tmp_path: Path,
) -> None:
    for name, pair, label in (("a", ("de", "nl"), "informal"), ("b", ("en", "it"), "formal")):
        line = {**dict.fromkeys(pair, name), "formality": label}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(line) + "\n")
    found = list(read_pairs(str(tmp_path), ["en-it"], FORMALITY))
    assert [(one.target, one.labels["formality"]) for one in found] == [("b", "formal")]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["en\tit", "a\tb"], r"a.tsv:2: has no column 'formality'; add it, with formal or info"),
        (["en\tit\tformality", "a\tb\tvery"],
         r"a.tsv:2: formality is 'very'; write formal or informal, or nothing"),
    ],
)  # fmt: skip
def test_a_corpus_that_does_not_say_it_is_refused(
    lines: Sequence[str], fault: str, tmp_path: Path
) -> None:
    with pytest.raises(CorpusError, match=fault):
        list(read_pairs(tsv(tmp_path, *lines), ["en-it"], FORMALITY))


def test_text_files_have_no_labels(tmp_path: Path) -> None:
    for tag in ("en", "it"):
        (tmp_path / f"a.{tag}").write_text("x\n")
    with pytest.raises(CorpusError, match=r"a.en: moses has no column 'formality'; give TSV, CSV"):
        list(read_pairs(tmp_path / "a.en", ["en-it"], FORMALITY))


@pytest.mark.parametrize("direction", ["en", "en-en", "en-xx", "", "en->it"])
def test_what_is_no_direction_is_refused(direction: str, tmp_path: Path) -> None:
    path = tsv(tmp_path, "en\tit", "a\tb")
    with pytest.raises(CorpusError, match=f"'{direction}' is no direction between two languages"):
        list(read_pairs(path, [direction]))


def test_a_script_may_stand_in_a_direction_and_none_is_named_twice(tmp_path: Path) -> None:
    path = tsv(tmp_path, "en\tzh-Hant", "a\tb")
    (one,) = read_pairs(path, ["en-zh-Hant"])
    assert (one.source_lang, one.target_lang) == ("en", "zh-Hant")
    with pytest.raises(CorpusError, match="en-it, en-it: has a direction twice; name it once"):
        list(read_pairs(path, ["en-it", "en-it"]))
