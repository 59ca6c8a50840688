"""What an entry reads: files, patterns, folders, and text files that are aligned by line."""

import bz2
import glob
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from ontarget.data.readers import Entry, columns, files, read, sources
from ontarget.data.readers.sources import matching
from ontarget.errors import CorpusError

LANGS = ("en", "it")


def write(folder: Path, **contents: str) -> Path:
    """Files by name, with `__` for a dot."""
    for name, content in contents.items():
        path = folder / name.replace("__", ".")
        path.write_text(content)
    return folder


def rows(corpus: Path | str | Entry, languages: tuple[str, ...] = LANGS) -> dict[str, list[str]]:
    return {row.key: list(row.texts.values()) for row in read(corpus, languages)}


def moses(folder: Path) -> Path:
    return write(folder, train__en="a\nb\n", train__it="c\nd\n")


@pytest.mark.parametrize("name", ["train.en", "train.it", "train.*", "train", ""])
def test_aligned_files_are_one_source_however_they_are_named(tmp_path: Path, name: str) -> None:
    corpus = moses(tmp_path) / name
    assert rows(corpus) == {"train:1": ["a", "c"], "train:2": ["b", "d"]}
    assert {path.name for path in files(corpus)} == {"train.en", "train.it"}


def test_a_pair_in_a_name_is_aligned_with_its_other_side_only(tmp_path: Path) -> None:
    names = ("c.en-it.en", "c.en-it.it", "c.en-de.en", "c.en-de.de")
    for name in names:
        (tmp_path / name).write_text(f"{name}\n" * (2 if "de" in name else 1))
    assert rows(tmp_path / "c.en-it.en") == {"c.en-it:1": ["c.en-it.en", "c.en-it.it"]}
    assert rows(tmp_path / "c.en-de", ("en", "de")).keys() == {"c.en-de:1", "c.en-de:2"}
    assert len(sources(tmp_path)) == 2


def test_siblings_of_one_stem_are_multi_parallel(tmp_path: Path) -> None:
    write(moses(tmp_path), train__zho_Hans="e\nf\n")
    assert columns(tmp_path / "train.en") == ["en", "it", "zho_Hans"]
    assert rows(tmp_path / "train.en", ("zh",))["train:2"] == ["f"]


def test_files_named_by_their_language_are_aligned(tmp_path: Path) -> None:
    write(tmp_path, en__txt="a\n", it__txt="b\n")
    assert list(rows(tmp_path).values()) == list(rows(tmp_path / "en.txt").values()) == [["a", "b"]]


def test_src_and_tgt_files_take_the_languages_of_their_entry(tmp_path: Path) -> None:
    write(tmp_path, train__src="a\n", train__tgt="b\n")
    path = str(tmp_path / "train.src")
    assert rows(Entry(path=path, languages=LANGS)) == {"train:1": ["a", "b"]}
    with pytest.raises(CorpusError, match=r"train.src: is text of an unknown language; .*\[en, it"):
        rows(path)


def test_blank_lines_stay_aligned(tmp_path: Path) -> None:
    write(tmp_path, train__en="a\n\nb\n", train__it="c\nd\n\n")
    assert list(rows(tmp_path).values()) == [["a", "c"], ["d"], ["b"]]


def test_different_numbers_of_lines_are_an_error_with_both(tmp_path: Path) -> None:
    write(tmp_path, train__en="a\nb\nc\nd\n", train__it="e\nf\n")
    message = r"train.it:2: ends here, but train.en has 4 lines; align them, or read one alone with"
    with pytest.raises(CorpusError, match=message):
        rows(tmp_path)
    assert len(rows(Entry(path=str(tmp_path / "train.en"), format="text"))) == 4


def test_text_of_one_language_is_a_row_a_line(tmp_path: Path) -> None:
    write(tmp_path, news__it="a\nb\n", more="x\n", notes__txt="y\n")
    assert rows(tmp_path / "news.it") == {"news.it:1": ["a"], "news.it:2": ["b"]}
    assert rows(Entry(path=str(tmp_path / "notes.txt"), languages=("it",))) == {
        "notes.txt:1": ["y"]
    }
    with pytest.raises(
        CorpusError, match=r"notes.txt: is text of an unknown language; name it .it"
    ):
        rows(tmp_path / "notes.txt")


def test_a_folder_is_read_in_order_of_names_without_notes(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    write(tmp_path, b__tsv="en\tit\na\tb\n", README="x", LICENSE__txt="x", a__csv="en,it\nc,d\n")
    write(tmp_path / "more", b__tsv="en\tit\ne\tf\n")
    assert rows(tmp_path) == {
        "a.csv:2": ["c", "d"],
        "b.tsv:2": ["a", "b"],
        "more/b.tsv:2": ["e", "f"],
    }
    assert rows(f"{tmp_path}/**/b.tsv").keys() == {"b.tsv:2", "more/b.tsv:2"}
    assert rows(f"{tmp_path}/**").keys() == {"a.csv:2", "b.tsv:2", "more/b.tsv:2"}


def test_keys_are_unique_in_folders_with_files_of_one_name(tmp_path: Path) -> None:
    for pair in ("one", "two"):
        (tmp_path / pair).mkdir()
        moses(tmp_path / pair)
    assert rows(tmp_path).keys() == {f"{n}/train:{k}" for n in ("one", "two") for k in (1, 2)}
    assert rows(f"{tmp_path}/*").keys() == rows(tmp_path).keys()


def test_sources_complete_one_another(tmp_path: Path) -> None:
    write(tmp_path, a__tsv="en\tit\na\tb\n", b__tsv="en\tde\nc\td\n")
    assert rows(tmp_path, ("en", "it", "de")) == {"a.tsv:2": ["a", "b"], "b.tsv:2": ["c", "d"]}


def test_a_source_without_the_languages_is_left_out_beside_one_that_has_them(
    tmp_path: Path,
) -> None:
    write(tmp_path, a__tsv="fr\tde\na\tb\n", b__tsv="en\tit\nc\td\n")
    assert rows(tmp_path).keys() == {"b.tsv:2"}


def test_a_link_out_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path, secret__tsv="en\tit\na\tb\n") / "secret.tsv"
    (tmp_path / "corpus").mkdir()
    os.symlink(outside, tmp_path / "corpus" / "train.tsv")
    with pytest.raises(CorpusError, match="train.tsv: is a link out of the folder; copy the file"):
        rows(tmp_path / "corpus")


def test_format_overrules_the_name(tmp_path: Path) -> None:
    write(tmp_path, data__txt="en\tit\na\tb\n")
    path = str(tmp_path / "data.txt")
    assert rows(Entry(path=path, format="tsv")) == {"data.txt:2": ["a", "b"]}
    with pytest.raises(CorpusError, match="data.txt: format 'xls' is unknown; expected tsv, csv, "):
        rows(Entry(path=path, format="xls"))


PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda raw: pa.compress(raw, "zstd", asbytes=True),
}
CONTENTS = {
    "c.tsv": b"en\tit\na\tb\n",
    "c.csv": b"en,it\na,b\n",
    "c.jsonl": b'{"en": "a", "it": "b"}\n',
    "c.json": b'[{"en": "a", "it": "b"}]\n',
}


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("name", CONTENTS)
def test_compressed_files_are_read_as_the_plain_ones(
    tmp_path: Path, name: str, ending: str
) -> None:
    content = CONTENTS[name]
    halves = content[: len(content) // 2], content[len(content) // 2 :]
    path = tmp_path / f"{name}{ending}"
    path.write_bytes(b"".join(map(PACK[ending], halves)))  # as `cat a.xz b.xz` makes
    assert list(rows(path).values()) == [["a", "b"]]


@pytest.mark.parametrize("ending", PACK)
def test_compressed_aligned_files_are_a_pair(tmp_path: Path, ending: str) -> None:
    for language in LANGS:
        (tmp_path / f"train.{language}{ending}").write_bytes(PACK[ending](f"{language}\n".encode()))
    assert rows(tmp_path / f"train.en{ending}") == {"train:1": ["en", "it"]}


def test_a_pattern_matches_what_a_shell_does(tmp_path: Path) -> None:
    for name in ("a.tsv", ".h.tsv", "b/a.tsv", "b/c/a.tsv", "b/.d/a.tsv", "b/[x].tsv", "e/a.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    patterns = (
        "* *.tsv .*.tsv ** **/*.tsv b/**/a.tsv */*.tsv b/[[]x].tsv **/c/* ?/a.[tc]sv none/* "
        "a.tsv/* b/.*/a.tsv */c/a.tsv **/**/a.tsv"
    )
    for pattern in patterns.split():
        found = {str(path) for path in matching(f"{tmp_path}/{pattern}")}
        expected = {name.rstrip("/") for name in glob.glob(f"{tmp_path}/{pattern}", recursive=True)}
        assert found == expected, pattern


@pytest.mark.parametrize("entry", ["", "/*", "/**", "/**/*.tsv", "/*/*.tsv"])
def test_a_link_to_a_folder_is_refused_by_name_and_never_followed(
    tmp_path: Path, entry: str
) -> None:
    """Two links to a folder above are 2^40 paths to whoever follows them."""
    write(tmp_path, a__tsv="en\tit\na\tb\n")
    (tmp_path / "inside").mkdir()
    for name in ("loop", "other"):
        (tmp_path / "inside" / name).symlink_to(tmp_path)
    if entry in ("/*", "/*/*.tsv"):
        (tmp_path / "loop").symlink_to(tmp_path)
    message = "loop: is a link to a folder, which is not followed; give that folder itself as an"
    with pytest.raises(CorpusError, match=message):
        rows(f"{tmp_path}{entry}")


def test_an_entry_may_be_a_link_to_a_folder_or_lie_behind_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    write(tmp_path / "real", a__tsv="en\tit\na\tb\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for entry in (tmp_path / "link", f"{tmp_path}/link/*.tsv", tmp_path / "link" / "a.tsv"):
        assert rows(entry) == {"a.tsv:2": ["a", "b"]}


def test_a_key_that_the_format_of_an_entry_does_not_use_is_refused(tmp_path: Path) -> None:
    write(tmp_path, a__tmx="", train__en="a\n", train__it="b\n", c__tsv="en\tit\na\tb\n")
    path = str(tmp_path / "a.tmx")
    expected = "a.tmx: fields: is not used by the format tmx, which uses path, format, languages;"
    with pytest.raises(CorpusError, match=expected):
        rows(Entry(path=path, fields={"source": "a"}))
    with pytest.raises(CorpusError, match="train: split: is not used by the format moses, which"):
        rows(Entry(path=str(tmp_path / "train"), split="train"))
    expected = "c.tsv: revision: is not used by the format tsv, which uses .*, languages, fields;"
    with pytest.raises(CorpusError, match=expected):
        rows(Entry(path=str(tmp_path / "c.tsv"), fields={"en": "it"}, revision="main"))


def test_an_empty_name_is_not_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, a__tsv="en\tit\na\tb\n")
    monkeypatch.chdir(tmp_path)
    for corpus in ("", Entry(path="")):
        with pytest.raises(CorpusError, match="^the name of a corpus is empty; give one$"):
            rows(corpus)
    assert rows(".").keys() == {"a.tsv:2"}


def test_an_empty_folder_is_called_so(tmp_path: Path) -> None:
    write(tmp_path, README__md="x")
    for entry in (Entry(path=str(tmp_path)), Entry(path=str(tmp_path), format="csv")):
        with pytest.raises(CorpusError, match="holds no file; give a folder with text, or a file"):
            rows(entry)
