"""`ontarget corpora`: the table, one of its rows, and an unknown name as one line."""

from pathlib import Path

import pytest
from support.commands import error_of, loaded_by, run_command

from ontarget.data.readers.collections import corpora


def test_every_corpus_has_a_line_with_its_licence_and_paper() -> None:
    result = run_command("corpora")
    assert (result.code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(corpora())
    (tatoeba,) = (line for line in lines if line.startswith("opus:Tatoeba "))
    assert tatoeba.split("  ")[-1].strip() == "https://aclanthology.org/L12-1246"
    assert "CC BY 2.0 FR" in tatoeba


def test_one_corpus_shows_its_command_and_whether_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONTARGET_DATA", str(tmp_path))
    folder = tmp_path / "opus/Tatoeba"
    shown = run_command("corpora", "opus:Tatoeba", "--languages", "nl,en").stdout.splitlines()
    assert shown[0] == "opus:Tatoeba" and "/moses/en-nl.txt.zip && unzip -od" in shown[3]
    assert shown[-1] == f"files     {folder}: none"
    folder.mkdir(parents=True)
    for tag in ("en", "it"):
        (folder / f"Tatoeba.en-it.{tag}").touch()
    assert run_command("corpora", "opus:Tatoeba").stdout.endswith(f"{folder}: 2\n")


def test_a_corpus_of_another_collection_shows_the_entry() -> None:
    shown = run_command("corpora", "wmt22", "--languages", "en,de").stdout
    assert shown.endswith("read as   sacrebleu:wmt22/en-de\n")
    assert "convert them to TSV" in run_command("corpora", "mozilla-www").stdout


def test_an_unknown_name_is_one_line() -> None:
    assert "no corpus has this name; did you mean opus:Tatoeba" in error_of("corpora", "Tatoeba")


def test_the_table_loads_no_library_of_datasets() -> None:
    program = "from ontarget.cli import app\nassert app.execute(['corpora']) == 0"
    assert not {"datasets", "pyarrow", "sacrebleu", "lxml", "pandas"} & loaded_by(program)


@pytest.mark.parametrize(
    ("languages", "message"),
    [
        ("en", "expected two languages, as in en,it"),
        ("en,en", "expected two languages"),
        ("en,it,nl", "expected two languages"),
        ("en,;id", "no language ';id'"),
    ],
)
def test_a_command_is_shown_for_two_known_languages_only(languages: str, message: str) -> None:
    assert message in error_of("corpora", "opus:Tatoeba", "--languages", languages)
