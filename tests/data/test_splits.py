"""Train, dev and test rows: overlap found by hand, rows left out and counted."""

from dataclasses import replace
from pathlib import Path

import pytest

from ontarget.data.splits import (
    PhrasebookSizes,
    SplitFiles,
    check_directions,
    compose_splits,
    first_rows,
    held_out_texts,
    read_splits,
    shared_text,
)
from ontarget.errors import CorpusError
from ontarget.records import Direction, Parallel

LANGUAGES = ("en", "it")


def write_tsv(path: Path, rows: list[tuple[str, str]]) -> Path:
    lines = ["en\tit", *("\t".join(row) for row in rows)]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> SplitFiles:
    """The second row of train shares its Italian sentence with test, the third is long."""
    train = [("a", "x"), ("b", "y"), ("c" * 50, "z"), ("d", "w")]
    return SplitFiles(
        train=(write_tsv(tmp_path / "train.tsv", train),),
        dev=(write_tsv(tmp_path / "dev.tsv", [("e", "e1"), ("f", "f1")]),),
        test=(write_tsv(tmp_path / "test.tsv", [("g", "y"), ("h", "h1"), ("i", "")]),),
    )


def keys(rows: list[Parallel]) -> list[str]:
    return [row.key for row in rows]


def test_overlap_is_a_sentence_shared_in_the_same_language() -> None:
    held_out = held_out_texts([Parallel(key="h", texts={"en": "b", "it": "y"})])
    rows = [{"en": "a", "it": "x"}, {"en": "b", "it": "y"}, {"en": "x", "it": "b"}]
    shared = [shared_text(Parallel(key="t", texts=texts), held_out) for texts in rows]
    assert shared == [None, ("en", "b"), None]  # the last has the same words in other languages
    assert held_out["en", "b"] == "h"


def test_a_sentence_in_training_and_test_is_an_error(files: SplitFiles) -> None:
    message = r"^test\.tsv:2: the it sentence is in training too \(train\.tsv:3; 1 such row\(s\)\)"
    with pytest.raises(CorpusError, match=message):
        read_splits(files, LANGUAGES)


def test_two_files_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    """Also aligned text files, whose corpus has the name of their stem."""
    splits = ("train", "dev", "test")
    for number, split in enumerate(splits):
        folder = tmp_path / split
        folder.mkdir()
        text = "same" if split != "dev" else "own"
        write_tsv(folder / "c.tsv", [(f"a{number}", f"b{number}"), (text, text)])
        (folder / "p.en").write_text(f"a{number}\n{text}\n")
        (folder / "p.it").write_text(f"b{number}\n{text}\n")
    for name, line in (("c.tsv", 3), ("p", 2)):
        train, dev, test = ((tmp_path / split / name,) for split in splits)
        files = SplitFiles(train=train, dev=dev, test=test)
        with pytest.raises(CorpusError) as caught:
            read_splits(files, LANGUAGES)
        message = str(caught.value)
        assert f"{test[0]}:{line}: the en sentence is in training" in message.replace(
            f"{dev[0]}:{line} or ", ""
        )
        assert f"in training too ({train[0]}:{line}; 1 such row(s))" in message


def test_overlapping_rows_of_train_can_be_left_out(files: SplitFiles) -> None:
    splits = read_splits(replace(files, drop_overlap=True), LANGUAGES)
    assert keys(splits.train) == ["train.tsv:2", "train.tsv:4", "train.tsv:5"]
    assert keys(splits.dev) == ["dev.tsv:2", "dev.tsv:3"]
    assert keys(splits.test) == ["test.tsv:2", "test.tsv:3"]  # the last row has one language only
    assert splits.dropped == {"overlap": 1, "length": 0}


def test_monolingual_text_is_read_by_language_and_its_test_sentences_are_left_out(
    files: SplitFiles, tmp_path: Path
) -> None:
    """Its language needs no column in the training files."""
    (tmp_path / "a.txt").write_text("\n uno \ny\nlungo lungo\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("g\nein\n", encoding="utf-8")
    texts = {"it": [tmp_path / "a.txt"], "de": [tmp_path / "b.txt"]}
    with_text = replace(files, monolingual=texts, max_characters=10, drop_overlap=True)
    splits = read_splits(with_text, ("en", "it", "de"))
    assert keys(splits.train) == ["train.tsv:2", "train.tsv:5"]
    assert [(row.key, row.texts) for row in splits.monolingual] == [
        ("it/a.txt:2", {"it": "uno"}),
        ("de/b.txt:1", {"de": "g"}),  # the same letter is a test sentence of another language
        ("de/b.txt:2", {"de": "ein"}),
    ]
    assert splits.dropped == {"overlap": 2, "length": 2}
    with pytest.raises(CorpusError, match=r"the it sentence is in training too .*2 such row"):
        read_splits(replace(with_text, drop_overlap=False), ("en", "it", "de"))


def test_limits_cut_dev_and_test_and_long_rows_of_train(files: SplitFiles) -> None:
    limited = replace(files, dev_limit=1, test_limit=1, max_characters=49, drop_overlap=True)
    splits = read_splits(limited, LANGUAGES)
    assert keys(splits.train) == ["train.tsv:2", "train.tsv:5"]
    assert (keys(splits.dev), keys(splits.test)) == (["dev.tsv:2"], ["test.tsv:2"])
    assert splits.dropped == {"overlap": 1, "length": 1}


def test_a_limit_is_for_each_pair_of_languages_of_a_corpus_of_several() -> None:
    def rows(start: int, *languages: str) -> list[Parallel]:
        return [
            Parallel(key=f"a:{number}", texts=dict.fromkeys(languages, f"{number}"))
            for number in range(start, start + 4)
        ]

    corpus = rows(0, "en", "de") + rows(4, "de", "fr") + rows(8, "en", "de", "fr")
    kept = [row.key for row in first_rows(iter(corpus), ("en", "de", "fr"), 2)]
    assert kept == ["a:0", "a:1", "a:4", "a:5", "a:8", "a:9"]
    multi_parallel = rows(0, "en", "de", "fr")
    assert list(first_rows(multi_parallel, ("en", "de", "fr"), 2)) == multi_parallel[:2]
    assert list(first_rows(corpus, ("en", "de", "fr"), None)) == corpus


def test_no_row_is_read_once_each_pair_has_its_limit() -> None:
    rows = iter([Parallel(key=f"a:{n}", texts={"en": "x", "de": "y"}) for n in range(9)])
    assert len(list(first_rows(rows, ("en", "de"), 2))) == 2
    assert next(rows).key == "a:2"


def test_no_split_of_the_phrasebook_depends_on_the_size_of_a_later_one() -> None:
    small = compose_splits(PhrasebookSizes(train=5, dev=3, test=4, glossary=2), LANGUAGES, 0)
    large = compose_splits(PhrasebookSizes(train=9, dev=3, test=4, glossary=7), LANGUAGES, 0)
    assert (small.test, small.dev) == (large.test, large.dev)
    assert large.train[:5] == small.train
    sizes = [len(rows) for rows in (small.train, small.dev, small.test, small.glossary)]
    assert sizes == [5, 3, 4, 2]
    held_out = held_out_texts([*small.dev, *small.test])
    assert not any(shared_text(row, held_out) for row in [*small.train, *small.glossary])


def test_a_direction_without_a_row_in_both_languages_is_an_error() -> None:
    rows = [
        Parallel(key="1", texts={"en": "a", "it": "b"}),
        Parallel(key="2", texts={"it": "c", "nl": "d"}),
    ]
    check_directions(rows, "dev.tsv", [Direction("en", "it"), Direction("nl", "it")])
    with pytest.raises(CorpusError, match="dev.tsv: no row has both en and nl; drop the direction"):
        check_directions(rows, "dev.tsv", [Direction("en", "it"), Direction("en", "nl")])
