"""Collections by name: datasets, test sets and public corpora, from local copies, never fetched."""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import datasets
import pyarrow as pa
import pytest
import yaml
from datasets import Dataset, DatasetDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sacrebleu.dataset import DATASETS

from ontarget.data.readers import collections
from ontarget.data.readers.base import Entry, Source
from ontarget.data.readers.collections import saved
from ontarget.errors import CorpusError

ROWS = [{"en": "a", "it": "b"}, {"en": "c", "it": "d"}]
STRUCT = [{"translation": row} for row in ROWS]
PAIRS = [{"src": row["en"], "mt_text": row["it"]} for row in ROWS]


@pytest.fixture(autouse=True)
def quiet_and_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONTARGET_DATA", str(tmp_path / "corpora"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    datasets.disable_progress_bars()
    logging.getLogger("sacrebleu").setLevel(logging.CRITICAL)


def rows(path: str, *languages: str, **options: object) -> list[dict[str, str]]:
    entry = Entry(path=path, languages=languages, **options)  # type: ignore[arg-type]
    found = []
    keys = []
    for reader, source in collections.open_entry(entry):
        for key, texts in reader.read(source, reader.tags(source)):
            keys.append(key)
            found.append(dict(texts))
    assert len(set(keys)) == len(keys)
    return found


def error(path: str, *languages: str, **options: object) -> str:
    with pytest.raises(CorpusError) as caught:
        rows(path, *languages, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (STRUCT, {}),
        (ROWS, {}),
        (PAIRS, {"fields": {"source": "src", "target": "mt_text"}}),
    ],
)
def test_a_dataset_of_any_shape_is_streamed_and_not_copied(
    tmp_path: Path, content: list[dict[str, str]], options: dict[str, object]
) -> None:
    Dataset.from_list(content).to_json(write(tmp_path / "org/name/train.jsonl"))
    languages = ("en", "it") if options else ()
    assert rows("hf:org/name", *languages, **options) == ROWS
    copies = [path for path in (tmp_path / "cache").rglob("*") if path.suffix == ".arrow"]
    assert copies == []


def test_several_configurations_are_a_language_each(tmp_path: Path) -> None:
    for tag, texts in {"eng_Latn": "ac", "ita_Latn": "bd"}.items():
        lines = [json.dumps({"id": i, "text": text}) for i, text in enumerate(texts)]
        write(tmp_path / f"org/name/{tag}.jsonl", *lines)
    configs = [f"- config_name: {t}\n  data_files: {t}.jsonl" for t in ("eng_Latn", "ita_Latn")]
    write(tmp_path / "org/name/README.md", "---", "configs:", *configs, "---")
    expected = [{"eng_Latn": row["en"], "ita_Latn": row["it"]} for row in ROWS]
    assert rows("hf:org/name", config="eng_Latn, ita_Latn") == expected
    write(tmp_path / "org/name/ita_Latn.jsonl", '{"id": 5, "text": "b"}')
    assert error("hf:org/name", config="eng_Latn,ita_Latn") == (
        "hf:org/name: row 1: has another 'id' in each configuration; read them alone"
    )


def test_a_split_must_be_chosen_where_there_are_several(tmp_path: Path) -> None:
    for split in ("train", "test"):
        Dataset.from_list(ROWS).to_json(write(tmp_path / f"org/name/{split}.jsonl"))
    assert rows("hf:org/name", split="test") == ROWS
    assert error("hf:org/name") == (
        "hf:org/name: has the splits train, test; choose one with `split: train`"
    )
    assert error("hf:org/name", split="dev").startswith(
        "hf:org/name: cannot be read (Bad split: dev."
    )


def test_code_of_a_dataset_never_runs(tmp_path: Path) -> None:
    write(tmp_path / "org/name/name.py", "open('ran', 'w')")
    assert error("hf:org/name").startswith("hf:org/name: cannot be read (Dataset scripts are no l")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["hf:parquet", "hf:../x", "hf:/etc/x", "hf:a/b/c", "hf:"])
def test_only_an_organisation_and_a_name_are_a_dataset(name: str) -> None:
    assert error(name).startswith(f"{name}: is no name of a dataset; expected hf:ORGANISATION/NAME")


def test_a_dataset_that_cannot_be_reached_is_one_line_with_the_command() -> None:
    message = error("hf:org/none")
    assert message.startswith("hf:org/none: the Hub cannot be reached (Couldn't reach 'org/none'")
    assert "`hf download --repo-type dataset org/none --local-dir org/none`" in message


def saved_rows(path: Path, **options: str) -> list[dict[str, str]]:
    source = Source(name=path.name, paths=(path,), entry=Entry(path=str(path), **options))  # type: ignore[arg-type]
    reader = saved.READER
    return [dict(texts) for _, texts in reader.read(source, reader.tags(source))]


@pytest.mark.parametrize("content", [ROWS, STRUCT])
def test_saved_datasets_and_arrow_files_are_read(
    tmp_path: Path, content: list[dict[str, str]]
) -> None:
    dataset = Dataset.from_list(content)
    dataset.save_to_disk(tmp_path / "one", num_shards=2)
    DatasetDict(train=dataset, test=dataset).save_to_disk(tmp_path / "two")
    table = pa.Table.from_pylist(content)
    with pa.OSFile("file.arrow", "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    assert saved.is_saved(tmp_path / "one") and saved.is_saved(tmp_path / "two")
    assert not saved.is_saved(tmp_path)
    assert saved_rows(tmp_path / "one") == ROWS
    assert saved_rows(tmp_path / "two", split="test") == ROWS
    assert saved_rows(tmp_path / "two/train") == ROWS
    assert saved_rows(tmp_path / "one/data-00001-of-00002.arrow") == ROWS[1:]
    assert saved_rows(tmp_path / "file.arrow") == ROWS
    with pytest.raises(CorpusError, match="two: has the splits train, test; choose one with `spl"):
        saved_rows(tmp_path / "two")


def rename(folder: Path, name: object) -> None:
    write(folder / "state.json", json.dumps({"_data_files": [{"filename": name}]}))


def link(folder: Path) -> None:
    data = folder / "data-00000-of-00001.arrow"
    data.rename(folder.parent / "elsewhere")
    data.symlink_to(folder.parent / "elsewhere")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a path": (lambda f: rename(f, "../x.arrow"), "state.json: lists '../x.arrow', which is not a"),
    "a number": (lambda f: rename(f, 1), "state.json: does not list _data_files; save the datas"),
    "a link": (link, "state.json: lists 'data-00000-of-00001.arrow', which is not a file beside"),
    "no JSON": (lambda f: write(f / "state.json", "{"), "state.json: does not list _data_files"),
    "no index": (lambda f: (f / "state.json").unlink(), "state.json: No such file or directory; g"),
    "no file": (lambda f: rename(f, "x.arrow"), "x.arrow: cannot be read as Arrow after row 0 (F"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_saved_dataset_is_one_line(tmp_path: Path, case: str) -> None:
    Dataset.from_list(ROWS).save_to_disk(tmp_path / "one")
    damage, message = DAMAGE[case]
    damage(tmp_path / "one")
    with pytest.raises(CorpusError) as caught:
        saved_rows(tmp_path / "one")
    assert str(caught.value).startswith(f"{tmp_path}/one/{message}")


edits = st.lists(st.tuples(st.integers(0, 5000), st.binary(min_size=1, max_size=8)), max_size=3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=edits, cut=st.integers(0, 5000))
def test_an_arrow_file_with_any_damage_is_rows_or_one_line(
    tmp_path: Path, edits: list[tuple[int, bytes]], cut: int
) -> None:
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist(STRUCT)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content = bytearray(sink.getvalue().to_pybytes())
    for start, new in edits:
        start %= len(content)
        content[start : start + len(new)] = new
    (tmp_path / "c.arrow").write_bytes(content[: max(cut, 1)])
    try:
        saved_rows(tmp_path / "c.arrow")
    except CorpusError as caught:
        assert "\n" not in str(caught)


def test_a_test_set_is_read_from_the_cache_of_sacrebleu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DATASETS["mtedx/test"], "_outdir", str(tmp_path))
    write(tmp_path / "mtedx_test.it-en.src", "uno", "due")
    write(tmp_path / "mtedx_test.it-en.ref", "one", "two")
    assert rows("sacrebleu:mtedx/test/it-en") == [
        {"it": "uno", "en": "one"},
        {"it": "due", "en": "two"},
    ]
    write(tmp_path / "mtedx_test.it-en.ref", "one")
    assert error("sacrebleu:mtedx/test/it-en") == (
        f"{tmp_path}/mtedx_test.it-en.ref: ends after 1 segments, before the files that it is "
        "aligned with; fetch it again"
    )


@pytest.mark.parametrize("fault", [OSError("no network"), SystemExit(1)])
def test_a_test_set_that_cannot_be_fetched_is_one_line_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(DATASETS["wmt22"], "maybe_download", fail)
    message = error("sacrebleu:wmt22/en-de")
    assert message.startswith("sacrebleu:wmt22/en-de: is not in sacreBLEU's cache and cannot be f")
    assert "`sacrebleu --download wmt22 --language-pair en-de`" in message
    assert error("wmt22", "en", "de") == message


def test_an_unknown_test_set_or_pair_is_an_error_with_the_known_ones() -> None:
    assert "no test set 'wmt2'; did you mean wmt2" in error("sacrebleu:wmt2/en-de")
    assert "the test set has no pair 'en-it'; it has es-en, " not in error("sacrebleu:wmt22/en-it")
    assert error("sacrebleu:mtnt2019/en-it").endswith("it has en-fr, en-ja, fr-en, ja-en")


@pytest.mark.parametrize("part", ["train-parts", "tests"])
def test_a_corpus_is_read_where_mtdata_writes_it(tmp_path: Path, part: str) -> None:
    name = "Statmt-news_commentary-16-eng-ita"
    assert error(f"mtdata:{name}") == (
        f"mtdata:{name}: not in {tmp_path}/corpora/mtdata; fetch it with `pip install mtdata && "
        f"mtdata get -l eng-ita --train {name} --out {tmp_path}/corpora/mtdata`"
    )
    write(tmp_path / f"corpora/mtdata/{part}/{name}.eng", "a")
    write(tmp_path / f"corpora/mtdata/{part}/{name}.ita", "b")
    assert rows(f"mtdata:{name}") == [{"eng": "a", "ita": "b"}]
    assert error("mtdata:../x").startswith("mtdata:../x: is no name of mtdata; expected mtdata:GR")


def opus(folder: Path) -> Path:
    """As the archive of OPUS unpacks."""
    place = folder / "corpora/opus/Tatoeba"
    write(place / "Tatoeba.en-it.en", "a", "c")
    write(place / "Tatoeba.en-it.it", "b", "d")
    write(place / "Tatoeba.en-it.ids", "1\t2", "3\t4")
    write(place / "Tatoeba.en-nl.en", "x")
    write(place / "Tatoeba.en-nl.nl", "y")
    return place


def test_an_opus_corpus_is_read_in_the_languages_of_the_entry_or_in_all(tmp_path: Path) -> None:
    opus(tmp_path)
    assert rows("opus:Tatoeba", "it", "en") == ROWS
    assert rows("opus:Tatoeba") == [*ROWS, {"en": "x", "nl": "y"}]


def test_a_corpus_that_is_not_there_is_one_line_with_the_command(tmp_path: Path) -> None:
    place = f"{tmp_path}/corpora/opus/Tatoeba"
    assert error("opus:Tatoeba", "it", "en") == (
        f"opus:Tatoeba: not in {place}; fetch it with `curl -fL --create-dirs -o "
        f"{place}/en-it.txt.zip https://object.pouta.csc.fi/OPUS-Tatoeba/v2023-04-12/moses/"
        f"en-it.txt.zip && unzip -od {place} {place}/en-it.txt.zip`"
    )


def test_a_file_that_changes_after_its_first_use_is_an_error(tmp_path: Path) -> None:
    place = opus(tmp_path)
    rows("opus:Tatoeba", "en", "it")
    record = place.with_name("Tatoeba.sha256")
    sums = dict(reversed(line.split("  ")) for line in record.read_text().splitlines())
    assert sums == {
        f"Tatoeba/Tatoeba.en-it.{tag}": hashlib.sha256(content).hexdigest()
        for tag, content in {"en": b"a\nc\n", "it": b"b\nd\n"}.items()
    }
    write(place / "Tatoeba.en-it.it", "b", "e")
    message = error("opus:Tatoeba", "en", "it")
    assert message.startswith(f"{place}/Tatoeba.en-it.it: has the sha256 ")
    assert message.endswith(f"fetch it again, or remove {record} to accept the change")
    record.unlink()
    assert rows("opus:Tatoeba", "en", "it")[1]["it"] == "e"
    record.write_text("nonsense\n")
    assert error("opus:Tatoeba").startswith(f"{record}:1: expected a checksum, two spaces and a na")


def test_a_link_out_of_a_corpus_is_not_followed(tmp_path: Path) -> None:
    place = opus(tmp_path)
    shutil.move(place / "Tatoeba.en-it.it", tmp_path / "x")
    (place / "Tatoeba.en-it.it").symlink_to(tmp_path / "x")
    assert "is a link out of the folder; copy the file" in error("opus:Tatoeba", "en", "it")


def test_corpora_of_other_layouts_are_read(tmp_path: Path) -> None:
    place = tmp_path / "corpora"
    for name, text in {"src.eng": "a", "ref.ita": "b", "ref.nld": "c"}.items():
        write(place / f"ntrex-128/NTREX-128/newstest2019-{name}.txt", text)
    assert rows("ntrex-128") == [{"eng": "a", "ita": "b", "nld": "c"}]
    header = ["<url>http</url>", "<translator>x</translator>"]
    for pair in ("en-it", "it-en"):
        write(place / f"iwslt2017/x/train.tags.{pair}.en", header[0], "a")
        write(place / f"iwslt2017/x/train.tags.{pair}.it", *header, "b")
    assert rows("iwslt2017", "en", "it") == [{"en": "a", "it": "b"}]
    entry = ['msgid ""', 'msgstr "Language: it\\n"', "", 'msgid "a"', 'msgstr "b"']
    for file in ("text/scalc/01.po", "text/swriter/01.po"):
        write(place / f"libreoffice-help/source/it/helpcontent2/source/{file}", *entry)
    assert rows("libreoffice-help", "en", "it", "nl") == [{"en": "a", "it": "b"}] * 2
    write(
        place / "alma-human/human_written_data/csen/train.cs-en.json",
        json.dumps({"translation": {"cs": "a", "en": "b"}}),
    )
    assert rows("alma-human", "en", "cs") == [{"cs": "a", "en": "b"}]
    assert error("mozilla-www").startswith("mozilla-www: its files have a format that cannot be re")


def test_a_corpus_in_other_collections_needs_its_languages() -> None:
    assert error("wmt22") == "wmt22: has many languages; add `languages: [en, de]`"
    assert "add `config: eng_Latn,ita_Latn` and `split: dev`" in error("flores-plus", "en", "it")
    assert "openlanguagedata/flores_plus: the Hub cannot be" in error(
        "flores-plus", "eng_Latn", "ita_Latn"
    )


def test_an_unknown_name_is_an_error_with_the_nearest() -> None:
    assert error("opus:Tatoba").startswith(
        "opus:Tatoba: no corpus has this name; did you mean opus:Tatoeba"
    )
    assert collections.is_name("opus:x") and collections.is_name("ntrex-128")
    assert not collections.is_name("C:/x") and not collections.is_name("train.tsv")


def test_every_corpus_of_the_table_has_a_licence_a_paper_and_a_command() -> None:
    for name, corpus in collections.corpora().items():
        assert corpus.licence and corpus.cite and corpus.paper.startswith("https://"), name
        command = corpus.command(["en", "it"])
        assert "{" not in command and "\n" not in command and len(command) > 20, name


def test_every_name_in_the_guide_is_one_that_is_understood() -> None:
    guide = Path(__file__).parents[3] / "docs" / "corpora.md"
    table = [line for line in guide.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    entries = [yaml.safe_load(line.split("|")[2].strip().strip("`")) for line in table[1:]]
    paths = [entry["path"] if isinstance(entry, dict) else entry for entry in entries]
    named = [path for path in paths if path != "data/saved"]
    assert len(named) == len(paths) - 1 == 6
    for path in named:
        assert collections.is_name(path)
        assert "no corpus has this name" not in error(path)
