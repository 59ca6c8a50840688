"""Entries of a recipe's corpus: a path or a mapping, and the files that they stand for."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ontarget.data.readers import Entry
from ontarget.pipeline.new_recipe import find_corpus
from ontarget.recipe.sections.corpus import Corpus

SPLITS = ("train", "dev", "test")


def corpus(folder: Path, **changes: Any) -> Corpus:
    for split in SPLITS:
        (folder / f"{split}.tsv").write_text("en\tit\na\tb\n")
    return Corpus(**{**{split: str(folder / f"{split}.tsv") for split in SPLITS}, **changes})


def test_a_mapping_is_an_entry_and_a_text_is_a_path(tmp_path: Path) -> None:
    path = str(tmp_path / "train.tsv")
    entry = {"path": path, "format": "tsv", "languages": ["en", "it"], "fields": {"en": "a"}}
    expected = Entry(path=path, format="tsv", languages=("en", "it"), fields={"en": "a"})
    assert corpus(tmp_path, train=entry).train == (expected,)
    assert corpus(tmp_path, train=[entry]).train == (expected,)
    assert corpus(tmp_path).train == (Path(path),)


def test_an_entry_survives_as_json(tmp_path: Path) -> None:
    first = corpus(tmp_path, train={"path": str(tmp_path / "train.tsv"), "languages": ["en", "it"]})
    assert Corpus(**first.model_dump(mode="json")) == first


def test_the_files_of_a_split_are_those_that_its_entries_read(tmp_path: Path) -> None:
    for name in ("p.en", "p.it", "q.csv", "q.jsonl"):
        (tmp_path / name).write_text("x\n")
    made = corpus(tmp_path, train=[str(tmp_path / "p.en"), {"path": str(tmp_path / "q.*")}])
    assert [path.name for path in made.files("train")] == ["p.en", "p.it", "q.csv", "q.jsonl"]
    assert corpus(tmp_path, train="none.tsv").files("train") == (Path("none.tsv"),)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"train": {"path": "a", "lang": "en"}},
            "'lang' is no key of a corpus; expected path, for",
        ),
        (
            {"train": {"format": "tsv"}},
            "has no path; write a file, a folder, a pattern or a corpus",
        ),
        (
            {"train": {"path": "a", "languages": "en"}},
            "languages is 'en'; write a list of tags in q",
        ),
        ({"train": {"path": "a", "languages": [False]}}, "write a list of tags in quotes"),
        ({"train": {"path": "a", "fields": ["b"]}}, "write a mapping of names to columns"),
        ({"train": {"path": 1}}, "path is '1'; write text"),
        ({"train": {"path": ""}}, "is '', not the name of a file or folder; give one"),
        ({"train": "{0}/*.tsv"}, "is a file of train and of dev; each file has one purpose"),
        ({"train": ["{0}/train.tsv", {"path": "{0}/train.tsv"}]}, "two files of train are named t"),
    ],
)
def test_a_bad_entry_is_an_error(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    def placed(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("{0}", str(tmp_path))
        if isinstance(value, dict):
            return {key: placed(item) for key, item in value.items()}
        return [placed(item) for item in value] if isinstance(value, list) else value

    with pytest.raises(ValidationError, match=message):
        corpus(tmp_path, **placed(changes))


def test_a_corpus_name_is_not_looked_up_when_a_recipe_is_read(tmp_path: Path) -> None:
    made = corpus(tmp_path, train=["hf:org/name", "opus:Tatoeba"])
    assert made.train == (Path("hf:org/name"), Path("opus:Tatoeba"))


def test_a_new_recipe_takes_each_split_in_any_format(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    for name in ("train.en", "train.it", "dev/a.tsv", "test.csv.gz"):
        (tmp_path / name).write_text("en\tit\na\tb\n" if name == "dev/a.tsv" else "a\n")
    (tmp_path / "test.csv.gz").write_bytes(gzip.compress(b"eng,ita\na,b\n"))
    found = find_corpus(tmp_path)
    assert found.languages == ("en", "it")
    assert [path.name for path in (found.train, found.dev, found.test)] == [
        "train", "dev", "test.csv.gz",
    ]  # fmt: skip
