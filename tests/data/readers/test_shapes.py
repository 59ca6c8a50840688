"""Records in the shapes that people have: the same pair comes out of each."""

import csv
import json
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from ontarget.data.readers import (
    Entry,
    columns,
    read,
    read_instructions,
    read_with_conflicts,
)
from ontarget.data.readers.shapes.instructions import conflicts_of
from ontarget.errors import CorpusError

PAIR = {"en": "Good morning.", "it": "Buongiorno."}
EN, IT = PAIR["en"], PAIR["it"]
LANGS = ("en", "it")
TAGGED = {"source": EN, "target": IT, "source_lang": "en", "target_lang": "it"}


def chat(*texts: str, system: str = "") -> dict[str, Any]:
    roles = ["user", "assistant"] * len(texts)
    turns = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    return {"messages": [{"role": "system", "content": system}] * bool(system) + turns}


def share_gpt(*texts: str) -> dict[str, Any]:
    names = ["human", "gpt"] * len(texts)
    return {"conversations": [{"from": n, "value": t} for n, t in zip(names, texts, strict=False)]}


def alpaca(instruction: str, text: str = "", output: str = IT) -> dict[str, Any]:
    return {"instruction": instruction, "input": text, "output": output}


NAMED: dict[str, dict[str, Any]] = {  # these name their languages
    "translation": {"id": "7", "translation": PAIR},
    "flat": {"id": 7, "score": 0.5, **PAIR},
    "flat FLORES": {"eng_Latn": EN, "ita_Latn": IT, "url": "https://example.org"},
    "source and target": TAGGED,
    "source_text": {
        "source_text": EN, "target_text": IT, "source_language": "English",
        "target_language": "ita",
    },
    "camel case": {"srcText": EN, "tgtText": IT, "sourceLang": "en-GB", "targetLang": "it_IT"},
    "reversed": {"src": IT, "tgt": EN, "src_lang": "ita_Latn", "tgt_lang": "eng_Latn"},
    "alpaca": alpaca("Translate from English to Italian.", EN),
    "alpaca into": alpaca("Translate the following English text into Italian", EN),
    "alpaca inverted": alpaca("Translate into Italian from English.", EN),
    "alpaca without input": alpaca(f"Translate from English to Italian: {EN}"),
    "alpaca labelled": alpaca(f"Translate this from English to Italian:\nEnglish: {EN}\nItalian:"),
    "chat": chat(f"Translate this from English into Italian:\n{EN}", IT),
    "chat with a system message": chat(EN, IT, system="You translate from English to Italian."),
    "chat of several turns": chat("Hi!", "Hello!", f"From English to Italian: {EN}", IT),
    "ShareGPT": share_gpt(f"Translate from English to Italian:\n{EN}", IT),
}  # fmt: skip
NAMELESS: dict[str, dict[str, Any]] = {
    "source and target": {"source": EN, "target": IT},
    "sentence1": {"sentence1": EN, "sentence2": IT},
    "mt": {"src": EN, "mt": IT, "score": 0.7},
    "alpaca": alpaca("Translate.", EN),
    "chat": chat(f"Please translate: {EN}", IT),
}


def write_json(folder: Path, name: str, *records: dict[str, Any]) -> Path:
    path = folder / name
    if name.endswith(".json"):
        path.write_text(json.dumps(records, indent=2, ensure_ascii=False))
    else:
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def texts(corpus: Path | Entry, languages: tuple[str, ...] = LANGS) -> list[dict[str, str]]:
    return [row.texts for row in read(corpus, languages)]


def plain(record: dict[str, str]) -> dict[str, str]:
    """Texts without regions."""
    return {tag[:2]: text for tag, text in record.items()}


@pytest.mark.parametrize("name", ["c.jsonl", "c.json", "c.parquet"])
@pytest.mark.parametrize("shape", NAMED)
def test_every_shape_that_names_its_languages_is_read(
    tmp_path: Path, name: str, shape: str
) -> None:
    path = tmp_path / name
    if name == "c.parquet":
        parquet.write_table(pa.Table.from_pylist([NAMED[shape]] * 2), path)
    else:
        write_json(tmp_path, name, NAMED[shape], NAMED[shape])
    assert texts(path) == [PAIR, PAIR]


@pytest.mark.parametrize("shape", NAMELESS)
def test_a_shape_without_languages_takes_those_of_its_entry(tmp_path: Path, shape: str) -> None:
    path = write_json(tmp_path, "c.jsonl", NAMELESS[shape])
    entry = Entry(path=str(path), languages=LANGS)
    assert texts(entry) == [PAIR]
    assert columns(entry) == list(LANGS)


@pytest.mark.parametrize("shape", ["source and target", "sentence1", "mt"])
def test_a_pair_without_languages_is_an_error_that_asks_for_them(
    tmp_path: Path, shape: str
) -> None:
    path = write_json(tmp_path, "c.jsonl", NAMELESS[shape])
    message = r"c.jsonl:1: has source and target but not their languages; add languages: \[en, it\]"
    with pytest.raises(CorpusError, match=message):
        texts(path)


@pytest.mark.parametrize("name", ["c.tsv", "c.csv"])
def test_tables_of_source_and_target_are_read_as_objects_are(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("w", newline="") as out:
        writer = csv.DictWriter(out, list(TAGGED), delimiter="\t" if name == "c.tsv" else ",")
        writer.writeheader()
        writer.writerow(TAGGED)
    assert texts(tmp_path / name) == [PAIR]


def test_a_table_of_two_columns_without_header_takes_the_languages_of_its_entry(
    tmp_path: Path,
) -> None:
    (tmp_path / "c.tsv").write_text(f"{EN}\t{IT}\nA\tB\n")
    entry = Entry(path=str(tmp_path / "c.tsv"), languages=LANGS)
    rows = list(read(entry, LANGS))
    assert [(row.key, row.texts) for row in rows] == [
        ("c.tsv:1", PAIR), ("c.tsv:2", {"en": "A", "it": "B"}),
    ]  # fmt: skip


def test_a_header_of_language_names_is_not_taken_for_a_row(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text("English\tItalian\na\tb\n")
    with pytest.raises(CorpusError, match=r"c.tsv:1: is 'English' a header\? name its columns by"):
        texts(Entry(path=str(tmp_path / "c.tsv"), languages=LANGS))


def test_fields_name_columns_by_role_or_by_language(tmp_path: Path) -> None:
    path = str(write_json(tmp_path, "c.jsonl", {"a": EN, "b": IT}))
    roles = Entry(path=path, languages=LANGS, fields={"source": "a", "target": "b"})
    assert texts(roles) == texts(Entry(path=path, fields={"en": "a", "it": "b"})) == [PAIR]


@pytest.mark.parametrize("name", ["c.csv", "c.parquet"])
def test_one_of_several_mapped_columns_can_be_read_alone(tmp_path: Path, name: str) -> None:
    if name == "c.csv":
        (tmp_path / name).write_text(f"a,b\n{EN},{IT}\n")
    else:
        parquet.write_table(pa.table({"a": [EN], "b": [IT]}), tmp_path / name)
    entry = Entry(path=str(tmp_path / name), fields={"en": "a", "it": "b"})
    assert texts(entry, ("it",)) == [{"it": IT}]


def test_rows_of_one_file_may_have_different_languages(tmp_path: Path) -> None:
    french = TAGGED | {"target": "Bonjour.", "target_lang": "fra"}
    path = write_json(tmp_path, "c.jsonl", *[TAGGED] * 150, french)
    assert columns(path) == ["en", "it", "fr"]
    assert texts(path, ("en", "fr"))[-1] == {"en": EN, "fr": "Bonjour."}


def test_a_language_that_begins_late_in_a_file_is_not_lost(tmp_path: Path) -> None:
    path = write_json(tmp_path, "c.jsonl", *[{"en": "a", "it": "b"}] * 2000, {"en": "c", "fr": "d"})
    assert texts(path, ("fr",))[-1] == {"fr": "d"}


FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "general instruction": (
        alpaca("Write a poem."), {}, "c.jsonl:1: no text to translate|names no language, expected",
    ),
    "one language": (alpaca("Say it in Italian", EN), {}, "names Italian, expected two languages"),
    "no text": (
        alpaca("Translate from English to Italian:"), {}, "no text to translate after the instr",
    ),
    "no answer": (chat("From English to Italian: a"), {}, "does not end with a user's turn and"),
    "no message": ({"messages": ["a"]}, {}, "a message is no text of system, user or assistant"),
    "two targets": (
        {"source": "a", "target": "b", "mt": "c"},
        {"languages": LANGS},
        r"'target' and 'mt' may all be the target; add fields: {target: target}",
    ),
    "an unknown language": (TAGGED | {"source_lang": "xx"}, {}, "'source_lang' is 'xx'; expected"),
    "one language twice": (TAGGED | {"source_lang": "it"}, {}, "source and target are both it"),
    "an unknown role": (TAGGED, {"fields": {"sauce": "a"}}, "'sauce' is neither source, target"),
    "an unknown column": (TAGGED, {"fields": {"source": "a"}}, "no column 'a' among source, targ"),
    "a number": ({"en": 1, "it": "a"}, {}, r"c.jsonl:1: the 'en' text is not a string; write it"),
    "NUL": ({"en": "a\0", "it": "a"}, {}, r"c.jsonl:1: the 'en' text contains a NUL \(2 charac"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_record_that_is_no_pair_is_an_error_that_names_its_line(
    tmp_path: Path, fault: str
) -> None:
    record, settings, message = FAULTS[fault]
    path = write_json(tmp_path, "c.jsonl", record)
    with pytest.raises(CorpusError, match=message):
        texts(Entry(path=str(path), **settings))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (PAIR, {"x": "a"}, "c.jsonl:2: no language among x; expected en, it as in the first lines"),
        ({"translation": PAIR}, PAIR, "c.jsonl:2: has no object under 'translation'; expected"),
        (TAGGED, {"source": "a"}, "c.jsonl:2: no 'target' among source; expected it as in the fir"),
    ],
)
def test_a_record_of_another_shape_than_the_first_is_an_error(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any], message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        texts(write_json(tmp_path, "c.jsonl", first, second))


def test_instructions_are_prompts_and_responses(tmp_path: Path) -> None:
    records = [
        alpaca("Write a poem.", "about tea", "Tea!"),
        alpaca("Write.", "", "Done."),
    ]
    found = list(read_instructions(write_json(tmp_path, "c.json", *records)))
    assert [(each.prompt, each.response) for each in found] == [
        ("Write a poem.\n\nabout tea", "Tea!"),
        ("Write.", "Done."),
    ]
    (one,) = read_instructions(write_json(tmp_path, "d.jsonl", chat("Hi", "Hello", system="Be.")))
    assert one == ("d.jsonl:1", "Be.\n\nHi", "Hello")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            chat("a", "b", "c", "d"),
            "c.jsonl:1: a chat of 4 turns, expected one of the user and one",
        ),
        (PAIR, "c.jsonl:1: is no instruction; expected instruction, input and output, or messages"),
        ({"instruction": 1}, "c.jsonl:1: expected texts as instruction, input and output"),
    ],
)
def test_what_is_no_single_exchange_is_no_instruction(
    tmp_path: Path, record: dict[str, Any], message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        list(read_instructions(write_json(tmp_path, "c.jsonl", record)))


def test_a_record_may_list_instructions_that_its_output_does_not_obey(tmp_path: Path) -> None:
    records = [
        alpaca("Shout.", "hi", "HI") | {"conflicts": ["Whisper.", " Sing. "]},
        alpaca("Count.", "", "1") | {"conflicts": ["Sing."]},
        alpaca("Write.", "", "Done.") | {"conflicts": None},
        chat("Hi", "Hello"),
    ]
    path = write_json(tmp_path, "c.jsonl", *records)
    assert [listed for _, listed in read_with_conflicts(path)] == [
        ("Whisper.\n\nhi", "Sing.\n\nhi"), ("Sing.",), (), (),
    ]  # fmt: skip
    assert [one for one, _ in read_with_conflicts(path)] == list(read_instructions(path))


def test_conflicts_of_a_parquet_file_are_lists_too(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    listed = [["Whisper."], None]
    rows = [alpaca("Shout.", "hi", "HI") | {"conflicts": one} for one in listed]
    parquet.write_table(pa.Table.from_pylist(rows), path)
    assert [listed for _, listed in read_with_conflicts(path)] == [("Whisper.\n\nhi",), ()]


@pytest.mark.parametrize(
    ("conflicts", "message"),
    [
        (
            "Sing.",
            "c.jsonl:2: conflicts is 'Sing.', expected a list of instructions; write one, or",
        ),
        ([], r"c.jsonl:2: conflicts is '\[\]', expected a list"),
        (["Sing.", 3], "c.jsonl:2: conflicts is .*, expected a list of instructions"),
        (["Sing.", " "], "c.jsonl:2: conflicts has an empty instruction; remove it"),
        (
            ["Sing.", "Shout. "],
            "c.jsonl:2: conflicts has the record's own instruction 'Shout.', which the output",
        ),
        (["Sing.", "Sing."], "c.jsonl:2: conflicts has 'Sing.' twice; keep one"),
    ],
)
def test_conflicts_that_would_punish_a_right_output_or_are_no_list_are_refused(
    tmp_path: Path, conflicts: object, message: str
) -> None:
    records = [
        alpaca("Write.", "", "Done."),
        alpaca("Shout.", "hi", "HI") | {"conflicts": conflicts},
    ]
    with pytest.raises(CorpusError, match=message):
        list(read_instructions(write_json(tmp_path, "c.jsonl", *records)))


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (alpaca("Say \ud800", "hi", "HI"), "instruction"),
        (alpaca("Say", "\udc00 is", "HI"), "input"),
        (alpaca("Say", "", "\0 -- it"), "output"),
        (alpaca("Say") | {"conflicts": ["Sing.", "\ud800 Sing"]}, "text of conflicts"),
        (alpaca("Say") | {"conflicts": ["Sing.", "\0 Sing"]}, "text of conflicts"),
        (chat("Say \ud800", "HI"), "user message"),
        (chat("Say", "\ud800 say"), "assistant message"),
        (chat("Say", "HI", system="Be \udfff."), "system message"),
    ],
)
def test_a_text_that_no_file_could_hold_is_refused_with_its_place(
    tmp_path: Path, record: dict[str, Any], name: str
) -> None:
    fault = "a NUL" if "\\u0000" in json.dumps(record) else "half a surrogate pair"
    path = write_json(tmp_path, "c.jsonl", alpaca("Say ü"), record)
    with pytest.raises(CorpusError, match=rf"c.jsonl:2: the {name} contains {fault} \(\d+ char"):
        list(read_with_conflicts(path))


def test_time_to_read_conflicts_grows_with_their_number_alone() -> None:
    """Comparing each with each would take minutes."""
    record = alpaca("Say") | {"conflicts": [f"Sing {n}" for n in range(100_000)]}
    start = time.process_time()
    assert len(conflicts_of(record, "c.jsonl:1")) == 100_000
    assert time.process_time() - start < 10


def test_conflicts_of_a_chat_are_refused(tmp_path: Path) -> None:
    record = chat("Hi", "Hello") | {"conflicts": ["Sing."]}
    with pytest.raises(CorpusError, match="c.jsonl:1: conflicts of a chat are not read; write the"):
        list(read_instructions(write_json(tmp_path, "c.jsonl", record)))


def test_an_entry_of_instructions_is_no_parallel_text(tmp_path: Path) -> None:
    path = write_json(tmp_path, "c.jsonl", alpaca("Write.", "", "Done."))
    with pytest.raises(CorpusError, match="c.jsonl: holds instructions, not parallel text; leave"):
        texts(Entry(path=str(path), format="instructions"))


def test_a_json_document_may_be_a_list_or_lines(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    for content in (
        json.dumps([{"translation": PAIR}] * 3),
        json.dumps([PAIR] * 3, indent=1),
        "\n".join([json.dumps(PAIR)] * 3),
        "\n\n".join([json.dumps(PAIR, indent=2)] * 3) + "\n",
    ):
        path.write_text(content)
        assert texts(path) == [PAIR] * 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"en": "a"}', r"c.json:1: the list does not end; write or fetch the file again"),
        ('[\n{"en": "a"},\n', r"c.json:3: the list does not end"),
        ('[{"en": "a"}\n{"en": "b"}]', r"""c.json:2: '{', expected a comma and an object"""),
        ('[{"en": "a"},]', r"c.json:1: ']', expected a comma and an object"),
        ('[{"en": "a"}]\n[]', r"c.json:2: '\[' after the end; remove what follows"),
        ('[{"en": "a"},\n\n{"en" "b"}]', r"c.json:3: is not JSON in the value that begins here"),
        ('["a"]', r"c.json:1: is JSON, but no object"),
        ('[{"en": "a", "en": "b"}]', r"c.json:1: is not JSON .*the key 'en' occurs twice"),
        ("[" * 5000, r"c.json:1: is not JSON|is JSON, but no object"),
    ],
)
def test_a_bad_json_document_is_an_error_with_its_line(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "c.json").write_text(content)
    with pytest.raises(CorpusError, match=message):
        list(read(tmp_path / "c.json", LANGS))


def test_a_list_on_one_long_line_is_read(tmp_path: Path) -> None:
    path = write_json(tmp_path, "c.jsonl", PAIR)
    path = tmp_path / "c.json"
    path.write_text("[" + ", ".join([json.dumps(PAIR)] * 23_000) + "]")
    assert path.stat().st_size > 2**20
    assert sum(1 for _ in read(path, LANGS)) == 23_000


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("Chinese (Traditional)", "zh-Hant"),
        ("Serbian (Latin)", "sr-Latn"),
        ("Portuguese (Brazil)", "pt-BR"),
        ("Chinese (Traditional, Hong Kong SAR China)", "zh-Hant-HK"),
        ("Italian (informal)", "it"),
        ("Italian (see below", "it"),
    ],
)
def test_script_and_region_may_follow_a_language_in_parentheses(
    tmp_path: Path, name: str, tag: str
) -> None:
    record = alpaca(f"Translate from English to {name}.", EN)
    path = write_json(tmp_path, "c.jsonl", record)
    assert columns(path) == ["en", tag]
    assert [row.texts for row in read(path, ["en", tag])] == [{"en": EN, tag: IT}]


def test_a_language_is_named_with_its_script_in_a_field_too(tmp_path: Path) -> None:
    named = TAGGED | {"source_lang": "Serbian (Latin)", "target_lang": "Chinese (Traditional)"}
    assert columns(write_json(tmp_path, "c.jsonl", named)) == ["sr-Latn", "zh-Hant"]
