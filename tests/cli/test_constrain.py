"""`ontarget constrain`: the file that it writes, what it counts, and bad input as one line."""

import json
import os
from pathlib import Path

import pytest
from support.commands import error_of, loaded_by, run_command

from ontarget.data.readers import read_instructions

LINES = ["en\tit\tformality", "The cat.\tIl gatto.\tformal", "A cat.\tUn micio.\t", "Hi.\tCiao.\t"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "train.tsv"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    (tmp_path / "terms.tsv").write_text("cat\tgatto\tmicio\n")
    return path


def arguments(corpus: Path, kind: str) -> list[str | Path]:
    glossary = ["--glossary", corpus.parent / "terms.tsv"] if kind == "glossary" else []
    options = ["--languages", "en-it", "--constraint", kind, *glossary]
    return ["constrain", corpus, *options, "--out", corpus.parent / "out.jsonl"]


@pytest.mark.parametrize(
    ("kind", "count", "left_out"), [("format", 3, 0), ("glossary", 2, 1), ("formality", 1, 2)]
)
def test_what_it_writes_is_read_as_instructions_with_conflicts(
    kind: str, count: int, left_out: int, corpus: Path
) -> None:
    out = corpus.parent / "out.jsonl"
    result = run_command(*arguments(corpus, kind))
    line = f"{count} instructions: {out}; {left_out} pairs left out\n"
    assert (result.code, result.stdout, result.stderr) == (0, line, "")
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert all(list(r) == ["instruction", "input", "output", "conflicts"] for r in records)
    found = [(one.prompt, one.response) for one in read_instructions(out)]
    assert found == [(f"{r['instruction']}\n\n{r['input']}", r["output"]) for r in records]
    assert len(found) == count


def test_options_choose_the_words_and_the_draw(corpus: Path) -> None:
    out, given = corpus.parent / "out.jsonl", arguments(corpus, "format")
    texts = []
    for more in ([], ["--seed", "5"], ["--template", "{constraint} ({target})"]):
        assert run_command(*given, *more).code == 0
        texts.append(out.read_text(encoding="utf-8"))
    assert len(set(texts)) == 3
    assert json.loads(texts[2].splitlines()[0])["instruction"].endswith(" (Italian)")


def test_bad_input_is_one_line_and_leaves_what_was_there(corpus: Path) -> None:
    out = corpus.parent / "out.jsonl"
    out.write_text("before")

    def refused(kind: str, *options: str | Path) -> str:
        return error_of(*arguments(corpus, kind), *options)

    terms = corpus.parent / "terms.tsv"
    assert "--constraint format: --glossary is for glossary only; leave" in refused(
        "format", "--glossary", terms
    )
    given = [part for part in arguments(corpus, "glossary") if part not in ("--glossary", terms)]
    assert "--constraint glossary: needs its terms; add --glossary FILE" in error_of(*given)
    assert "--glossary: its terms are of one direction; name one" in refused(
        "glossary", "--languages", "en-it,it-en"
    )
    assert "is written as JSON lines; give a name ending in .jsonl" in refused(
        "format", "--out", corpus.parent / "out.tsv"
    )
    assert "'english' is no direction between two languages" in refused(
        "format", "--languages", "english"
    )
    assert "train.tsv: has no text in nl, ro, only in en, it" in refused(
        "format", "--languages", "nl-ro"
    )
    assert "no row has both languages of en-nl; give other directions" in refused(
        "format", "--languages", "en-nl"
    )
    assert "{style} is no field" in refused("format", "--template", "{style}")
    terms.write_text("dog\tcane\tcagnolino\n")
    assert (
        "train.tsv: none of its 3 pairs has a term of the glossary and exactly one of its "
        "translations; give another corpus"
    ) in refused("glossary")
    assert out.read_text() == "before"


def test_the_corpus_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"en": "Hi.", "it": "Ciao."}\n')
    error = error_of(
        "constrain", path, "--languages", "en-it", "--constraint", "format", "--out", path
    )
    assert "would replace" in error and path.read_text().startswith('{"en"')


def test_the_glossary_is_not_overwritten(corpus: Path) -> None:
    """Under any of its names, and with an ending that is no corpus's."""
    terms = corpus.parent / "terms.jsonl"
    terms.write_text("cat\tgatto\tmicio\n")
    link = corpus.parent / "link.jsonl"
    link.symlink_to(terms)
    for named in (terms, link):
        error = error_of(*arguments(corpus, "glossary"), "--glossary", named, "--out", terms)
        assert f"terms.jsonl: would replace {named}, which is read; write elsewhere" in error
    assert terms.read_text() == "cat\tgatto\tmicio\n"
    other = corpus.parent / "terms.words"
    terms.rename(other)
    assert run_command(*arguments(corpus, "glossary"), "--glossary", other).code == 0


def test_a_link_or_pipe_is_not_replaced(corpus: Path) -> None:
    out, kept = corpus.parent / "out.jsonl", corpus.parent / "kept.jsonl"
    kept.write_text("before")
    out.symlink_to(kept)
    refused = "out.jsonl: is a link, pipe or device, not a file; give another place"
    assert refused in error_of(*arguments(corpus, "format"))
    assert out.is_symlink() and kept.read_text() == "before"
    out.unlink()
    os.mkfifo(out)
    assert refused in error_of(*arguments(corpus, "format"))


def test_a_glossary_is_a_file(corpus: Path) -> None:
    """A pipe would be waited for, and `-` is standard input."""
    pipe = corpus.parent / "pipe"
    os.mkfifo(pipe)
    for named in (pipe, "-", corpus.parent):
        error = error_of(*arguments(corpus, "glossary"), "--glossary", named)
        assert f"{named}: not a regular file; give the path of a glossary" in error


def test_an_empty_name_is_not_the_current_folder(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(corpus.parent)
    command, _, *options = arguments(corpus, "format")
    error = error_of(command, "", *options)
    assert "the name of an input or of the output is empty; give one" in error


def test_it_loads_no_library_of_models(corpus: Path) -> None:
    given = list(map(str, arguments(corpus, "glossary")))
    program = f"from ontarget.cli import app\nassert app.execute({given!r}) == 0"
    assert not {"torch", "transformers", "datasets", "pyarrow"} & loaded_by(program)
