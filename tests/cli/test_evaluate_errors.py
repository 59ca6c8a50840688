"""`ontarget evaluate` on files: each kind of bad input is one line about files."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import error_of
from support.evaluations import IT, LANGUAGES, NL, ROWS, file_options, write_file

ABOUT_RECIPES = ("neither", "both", "a recipe with an option of files", "a step without recipe")
BAD: dict[str, tuple[Callable[[Path], list[str | Path]], str]] = {
    "fewer references": (
        lambda folder: file_options(folder, references=IT * 2),
        "hypotheses.txt: 12 segments, but {}/references.txt has 8; expected as many in both",
    ),
    "references twice": (
        lambda folder: [*file_options(folder), "--references", folder / "references.txt"],
        "{}/references.txt: is given twice as references; name each file once",
    ),
    "more sources": (
        lambda folder: file_options(folder, sources=NL * 4), "but {}/sources.txt has 16; expected",
    ),
    "references in another language": (
        lambda folder: file_options(folder, references=NL * ROWS),
        "references.txt: 100 % of these references are not in it (most are in nl); are files swap",
    ),
    "invalid UTF-8": (
        lambda folder: file_options(folder, hypotheses=b"bene\nmale \xff\n"),
        "hypotheses.txt:2: byte 6 of the line (0xff) is not UTF-8",
    ),
    "UTF-16": (
        lambda folder: file_options(folder, hypotheses="bene\n".encode("utf-16")),
        "hypotheses.txt:1: byte 1 of the line (0xff) is not UTF-8",
    ),
    "NUL": (
        lambda folder: file_options(folder, references=b"bene\nma\0le\n"),
        "references.txt:2: contains a NUL character",
    ),
    "a line of 1 MB": (
        lambda folder: file_options(folder, hypotheses=b"a " * 500_000 + b"\n"),
        "hypotheses.txt:1: 1000000 characters, at most 100000 expected; is it one segment a line",
    ),
    "a longer line": (
        lambda folder: file_options(folder, hypotheses=b"a" * 2_000_000),
        "hypotheses.txt:1: longer than 1048576 bytes; expected one sentence a line",
    ),
    "carriage returns alone": (
        lambda folder: file_options(folder, hypotheses=b"bene\rmale\rforse\n"),
        "hypotheses.txt:1: a carriage return inside the line; expected lines that end with LF",
    ),
    "an empty file": (
        lambda folder: file_options(folder, hypotheses=b""),
        "hypotheses.txt: has no lines; expected",
    ),
    "no file": (
        lambda folder: ["--hypotheses", folder / "none", *LANGUAGES], "none: No such file or dir",
    ),
    "nothing to judge": (
        lambda folder: file_options(folder, hypotheses=["42"] * 12),
        "hypotheses.txt: none of 12 segments could be judged: all are too short or without",
    ),
    "an unknown code": (
        lambda folder: [*file_options(folder), "--target-lang", "xx"],
        "CLDR knows no language 'xx'",
    ),
    "a language unknown to the detector": (
        lambda folder: [*file_options(folder), "--target-lang", "zu"],
        "the detector combined does not know 'zu', so every ratio would be 100 %; these know it: "
        "lingua, GlotLID",
    ),
    "references without text": (
        lambda folder: file_options(folder, references=[""] * 4),
        "references.txt: has no text; give other references, or leave them out",
    ),
    "no such detector": (
        lambda folder: [*file_options(folder), "--detector", "fastext"],
        "fastext: no such file; give a detector's name, as fasttext, or the path of a fastText",
    ),
    "no languages": (
        lambda folder: ["--hypotheses", write_file(folder, "h", IT)], "--source-lang is required",
    ),
    "no hypotheses": (lambda folder: [*LANGUAGES], "--hypotheses is required"),
    "neither": (lambda folder: [], "give a RECIPE, or --hypotheses and their languages"),
    "both": (
        lambda folder: ["recipe.yaml", *file_options(folder)],
        "give a RECIPE alone, or --hypotheses and its options alone",
    ),
    "a recipe with an option of files": (
        lambda folder: ["recipe.yaml", "--votes", "2"], "give a RECIPE alone",
    ),
    "a step without recipe": (
        lambda folder: [*file_options(folder), "--force-from", "mle"], "give a RECIPE alone",
    ),
    "three votes": (lambda folder: [*file_options(folder), "--votes", "3"], "'--votes'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_about_files(tmp_path: Path, case: str) -> None:
    make, message = BAD[case]
    error = error_of("evaluate", *make(tmp_path))
    assert message.format(tmp_path) in error
    if case not in ABOUT_RECIPES:  # people who evaluate files have no recipe
        assert "recipe" not in error.replace(str(tmp_path), "").lower()
