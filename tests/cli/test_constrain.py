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


LEFT_OUT = {
    "format": (3, "0 pairs left out"),
    "glossary": (2, "1 pairs left out (1 without a term of the glossary in the source)"),
    "formality": (1, "2 pairs left out (2 marked neither formal nor informal)"),
}


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_what_it_writes_is_read_as_instructions_with_conflicts(kind: str, corpus: Path) -> None:
    out, (count, left_out) = corpus.parent / "out.jsonl", LEFT_OUT[kind]
    result = run_command(*arguments(corpus, kind))
    line = f"{count} instructions: {out}; {left_out}\n"
    assert (result.code, result.stdout, result.stderr) == (0, line, "")
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert all(list(r) == ["instruction", "input", "output", "conflicts"] for r in records)
    found = [(one.prompt, one.response) for one in read_instructions(out)]
    assert found == [(f"{r['instruction']}\n\n{r['input']}", r["output"]) for r in records]
    assert len(found) == count


def test_the_reasons_why_pairs_are_left_out_are_counted_the_most_frequent_first(
    corpus: Path,
) -> None:
    more = ["Cat.\tFelino.\t", "No cat.\tGatto, micio.\t", "The\x1b cat.\tGatto.\tformal"]
    corpus.write_text("\n".join([*LINES, *more, 'x\t"x"\t']) + "\n", encoding="utf-8")
    control = "1 with a control, replacement or private-use character"
    reasons = {
        "format": f"2 pairs left out ({control}, 1 in fewer than two forms that can be told apart)",
        "glossary": "5 pairs left out (2 without a term of the glossary in the source, 2 with none "
        f"or several translations of the term, {control})",
        "formality": f"6 pairs left out (5 marked neither formal nor informal, {control})",
    }
    for kind, expected in reasons.items():
        result = run_command(*arguments(corpus, kind))
        assert result.stdout.endswith(f"; {expected}\n"), result


def test_help_shows_the_default_template_with_its_line_break() -> None:
    text = "".join(run_command("constrain", "--help").stdout.split())
    assert r"$'Translatethefollowingsentencesfrom{source}to{target}.\n{constraint}'(bash)" in text


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
        "train.tsv: none of its 3 pairs can be used (3 without a term of the glossary in the "
        "source); give other terms, or another corpus"
    ) in refused("glossary")
    terms.write_text("cat\tgat\x9bto\tmicio\n", encoding="utf-8")
    control = "a control, replacement or private-use character; remove it"
    assert f"terms.tsv:1: has U+009B, {control}" in refused("glossary")
    assert f"the template of instructions: has U+0007, {control}" in refused(
        "format", "--template", "{target}\a{constraint}"
    )
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
