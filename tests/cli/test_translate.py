"""`ontarget translate`: what its arguments mean, what is printed, and exit codes."""

import inspect
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from support.answering import AnsweringTranslator, shout
from support.commands import Result, error_of, run_command
from support.runs import FinishedRun

import ontarget
from ontarget import artifacts
from ontarget.decoding.base import Hypothesis, failed
from ontarget.errors import ModelError, TranslationError
from ontarget.records import Sample
from ontarget.translation import interface
from ontarget.translation.choice import choose_model

Answer = Callable[[Sample, str], Hypothesis]
Install = Callable[[Answer], AnsweringTranslator]
OPTIONS = ("--from", "en", "--to", "it", "--model", "org/model")
RIGHT = "Buongiorno a tutti, oggi il tempo è molto bello e caldo."
WRONG = "Guten Morgen zusammen, das Wetter ist heute sehr schön und warm."


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a translator in the place of every model."""

    def replace(answer: Answer = shout) -> AnsweringTranslator:
        translator = AnsweringTranslator(answer)

        def opened(choice: Any, decoding: Any) -> Any:
            return nullcontext(translator)

        monkeypatch.setattr(interface, "open_choice", opened)
        return translator

    return replace


def give(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Content on standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def translated(*arguments: str | Path) -> Result:
    result = run_command("translate", *arguments)
    assert result.code == 0, result
    return result


def test_sentences_are_printed_line_by_line(install: Install) -> None:
    install(shout)
    assert translated("Good morning", "bye", *OPTIONS).stdout == "GOOD MORNING\nBYE\n"
    result = translated("bye", "--from", "en", "--to", "it,nl", "--model", "org/model")
    assert result.stdout == "it\tBYE\nnl\tBYE\n"


def test_files_have_their_translations_beside_them_or_in_a_folder(
    install: Install, tmp_path: Path
) -> None:
    install(shout)
    one, two = tmp_path / "a.md", tmp_path / "b.jsonl"
    one.write_text("# hello\n")
    two.write_text('{"x": "you"}\n')
    result = translated(one, *OPTIONS)
    assert (tmp_path / "a.it.md").read_text() == "# HELLO\n" and result.stdout == ""
    out = f"{tmp_path}/out/"
    options = ("--from", "en", "--to", "it,nl", "--model", "org/model", "--column", "x")
    translated(two, *options, "--out", out)
    assert sorted(path.name for path in Path(out).iterdir()) == ["b.it.jsonl", "b.nl.jsonl"]
    assert json.loads(Path(out, "b.nl.jsonl").read_text()) == {"x": "you", "nl": "YOU"}


def test_standard_input_is_translated_line_by_line(
    install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(shout)
    give(monkeypatch, b"one\n\ntwo")
    assert translated("-", *OPTIONS).stdout == "ONE\n\nTWO"
    give(monkeypatch, b"one\n")
    translated("-", *OPTIONS, "--out", tmp_path / "x.txt")
    assert (tmp_path / "x.txt").read_text() == "ONE\n"
    give(monkeypatch, b"one\n")
    translated("-", *OPTIONS, "--out", f"{tmp_path}/")
    assert (tmp_path / "stdin.it.txt").read_text() == "ONE\n"
    give(monkeypatch, b"one\n\xff\n")
    assert "-:2: byte 1 of the line (0xff) is not UTF-8" in error_of("translate", "-", *OPTIONS)


def test_the_source_language_is_detected(install: Install) -> None:
    seen = install(shout).seen
    text = "Buongiorno a tutti, oggi il tempo è molto bello."
    assert translated(text, "--to", "en", "--model", "org/model").code == 0
    assert "from Italian to English" in "".join(seen) or "Italian" in seen[0]


def test_failed_segments_are_listed_and_the_exit_code_is_3(
    install: Install, tmp_path: Path
) -> None:
    install(lambda s, p: failed("timed out") if s.source == "two" else shout(s, p))
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo\n")
    result = run_command("translate", path, *OPTIONS)
    assert result.code == 3
    assert f"{path}:2: not translated: timed out\n" in result.stderr
    assert (tmp_path / "a.it.txt").read_text() == "ONE\n\n"


def test_it_says_how_many_segments_were_repaired_and_which_were_not(
    install: Install, tmp_path: Path
) -> None:

    def answer(sample: Sample, prompt: str) -> Hypothesis:
        mended = "### Response:" in prompt and "first" in sample.source
        return Hypothesis(RIGHT if mended else WRONG)

    install(answer)
    path = tmp_path / "a.txt"
    path.write_text("The first sentence is repaired.\nThe second sentence is not.\n")
    result = run_command("translate", path, *OPTIONS, "--check-language")
    assert result.code == 3
    out = tmp_path / "a.it.txt"
    assert out.read_text() == f"{RIGHT}\n{WRONG}\n"
    assert f"{path}:2: not in the requested language" in result.stderr
    assert (
        f"{out}: 2 segments; 2 in another language: 1 repaired (another template 1), 1 not\n"
    ) in result.stderr


def test_each_written_file_has_a_line_and_undecided_segments_are_counted(
    install: Install, tmp_path: Path
) -> None:
    install(lambda s, p: Hypothesis(RIGHT if "long" in s.source else "Parigi"))
    path, out = tmp_path / "a.txt", tmp_path / "a.it.txt"
    path.write_text("A long sentence.\nParis\n")
    assert translated(path, *OPTIONS).stderr.splitlines()[-1] == f"{out}: 2 segments"
    result = translated(path, *OPTIONS, "--check-language")
    counts = f"{out}: 2 segments; none in another language; 1 undecided"
    assert result.stderr.splitlines()[-1] == counts
    assert translated("Paris", *OPTIONS, "--check-language").stderr == ""


def test_a_segment_is_counted_once(install: Install, tmp_path: Path) -> None:
    """One is repaired by an answer that is too short to judge, one has no translation."""

    def answer(sample: Sample, prompt: str) -> Hypothesis:
        if "second" in sample.source:
            return failed("timed out")
        return Hypothesis("Parigi" if "### Response:" in prompt else WRONG)

    install(answer)
    path = tmp_path / "a.txt"
    path.write_text("The first sentence.\nThe second sentence.\n")
    result = run_command("translate", path, *OPTIONS, "--check-language")
    assert result.stderr.splitlines()[-1] == (
        f"{tmp_path / 'a.it.txt'}: 2 segments; 1 not translated; 1 in another language: "
        "1 repaired (another template 1), 0 not"
    )


def test_a_glossary_and_formality_reach_the_request(install: Install, tmp_path: Path) -> None:
    seen = install(shout).seen
    terms = tmp_path / "terms.tsv"
    terms.write_text("cat\tgatto\n")
    wishes = ("--glossary", terms, "--formality", "informal", "--instruction", "Be brief.")
    result = translated("the cat", *OPTIONS, *wishes)
    assert 'Use informal language. Be brief. Translate "cat" as "gatto".' in seen[0]
    assert result.stderr == "the sentence:1: lacks the term 'gatto'\n"


BAD: dict[str, tuple[list[str], str]] = {
    "no model": (["hello", "--to", "it"], "--model: is missing"),
    "no target": (["hello", "--model", "org/m"], "--to: is missing"),
    "no file": (["no.md", *OPTIONS], "no.md: no such file"),
    "no folder": (["a/b", *OPTIONS], "a/b: no such file"),
    "a language": (["hello", *OPTIONS[:3], "xx", *OPTIONS[4:]], "CLDR knows no language 'xx'"),
    "one language": (["hello", *OPTIONS[:3], "en", *OPTIONS[4:]], "source and target are both"),
    "an empty language": (
        ["hello", *OPTIONS[:3], "it,", *OPTIONS[4:]],
        "--to: 'it,' has an empty language",
    ),
    "twice": (["hello", *OPTIONS[:3], "it,it", *OPTIONS[4:]], "--to: it,it names a language twice"),
    "no language": (["123", "--to", "it", "--model", "org/m"], "cannot be told; name it with"),
    "out": (["hello", *OPTIONS, "--out", "x.txt"], "'hello' is a sentence, whose translation is"),
    "a template": (["hello", *OPTIONS, "--template", "alpacca"], "did you mean alpaca?"),
    "formality": (["hello", *OPTIONS, "--formality", "rude"], "formality: 'rude'; use formal or"),
    "standard input": (["-", *OPTIONS[:3], "it,nl", *OPTIONS[4:]], "need --out FOLDER/"),
    "a model": (["hello", *OPTIONS[:5], "no/such/model"], "no/such/model: no such folder"),
    "gguf": (["hello", *OPTIONS[:5], "no.gguf"], "no.gguf: no such file"),
    "a port": (["hello", *OPTIONS[:5], "http://a:x/v1#m"], "expected the base URL of a server"),
    "no model of a server": (["hello", *OPTIONS[:5], "http://a/v1"], "expected the base URL of a"),
    "a slash": (["hello", *OPTIONS[:5], "http:/a/v1#m"], "http:/a/v1#m: expected the base URL of"),
    "a file's URL": (
        ["hello", *OPTIONS[:5], "file:///models/x"],
        "file:///models/x: is a URL; give the path of the model's folder: /models/x",
    ),
    "another URL": (
        ["hello", *OPTIONS[:5], "hf://org/m"],
        "hf://org/m: the scheme hf: is none of a model's; give a folder, a hub id such as org/name",
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_input_is_one_line(fault: str) -> None:
    arguments, message = BAD[fault]
    assert message in error_of("translate", *arguments)


def test_several_translations_need_a_folder_and_a_folder_is_no_input(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("hello")
    error = error_of("translate", tmp_path / "a.txt", tmp_path / "b.txt", *OPTIONS, "--out", "x")
    assert "x: several translations need a folder; write x/" in error
    assert "is a folder; name its files" in error_of("translate", tmp_path, *OPTIONS)


def test_two_translations_of_one_name_are_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    for name in ("a.txt", "s/a.txt", "a.txt.gz", "a.it.txt"):
        (tmp_path / name).write_text("hello")
    one, two, packed = (tmp_path / name for name in ("a.txt", "s/a.txt", "a.txt.gz"))
    out = tmp_path / "out"
    error = error_of("translate", one, two, *OPTIONS, "--out", f"{out}/")
    assert f"{one} and {two}: the translations of both would be {out}/a.it.txt" in error
    assert not out.exists()
    assert f"{one} and {packed}: the translations" in error_of("translate", one, packed, *OPTIONS)
    error = error_of("translate", one, tmp_path / "a.it.txt", *OPTIONS)
    assert "a.it.txt: is an input, and would be replaced by the translation of" in error


def test_a_pipe_is_no_input(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    assert "a.txt: is no regular file" in error_of("translate", tmp_path / "a.txt", *OPTIONS)


def test_a_pipe_is_no_glossary_and_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "terms")
    error = error_of("translate", "hello", *OPTIONS, "--glossary", tmp_path / "terms")
    assert "terms: is no regular file; give a file with a term, a tab and its translation" in error


def test_an_address_that_is_none_is_said_before_any_framework_is_loaded() -> None:
    program = (
        "import sys\nfrom ontarget.cli.app import app\n"
        "try: app(['translate', 'a', '--to', 'it', '--from', 'en', '--model', 'http://:x/v1#m'])\n"
        "except (SystemExit, Exception) as error: print(type(error).__name__, error)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "http://:x/v1#m: expected the base URL" in done.stdout + done.stderr
    assert done.stdout.endswith("False\n")


def test_two_commands_on_one_file_name_it_and_the_remedy(install: Install, tmp_path: Path) -> None:
    install(shout)
    path, out = tmp_path / "a.txt", tmp_path / "a.it.txt"
    path.write_text("hello\n")
    with artifacts.lock_output(out):
        error = error_of("translate", path, *OPTIONS)
    assert f"{out}: another ontarget writes it; wait for it, or give another --out" in error


def test_what_is_no_text_is_a_type_error() -> None:
    translate = inspect.unwrap(ontarget.Translator.translate)  # without the tests' type checker
    with (
        ontarget.Translator("http://127.0.0.1:9/v1#m") as translator,
        pytest.raises(TypeError, match=r"texts\[1\] is NoneType; give a list of texts"),
    ):
        translate(translator, ["a", None], source="en", target="it")


def test_a_dead_server_in_the_middle_ends_with_one_error_and_loses_nothing(
    install: Install, tmp_path: Path
) -> None:
    def dying(sample: Sample, prompt: str) -> Hypothesis:
        if sample.source == "line 20":
            raise TranslationError("the server is dead")
        return shout(sample, prompt)

    path = tmp_path / "a.txt"
    path.write_text("".join(f"line {number}\n" for number in range(60)))
    install(dying)
    result = run_command("translate", path, *OPTIONS)
    assert (result.code, (tmp_path / "a.it.txt").exists()) == (2, False)
    assert "the server is dead" in result.stderr
    seen = install(shout).seen
    translated(path, *OPTIONS)
    assert (tmp_path / "a.it.txt").read_text() == path.read_text().upper()
    assert len(seen) < 30  # the others were in the journal


def test_a_recipe_alone_is_its_step(finished_run: FinishedRun) -> None:
    result = run_command("translate", finished_run.recipe)
    assert result.code == 0 and "5_translate/stage2" in result.stdout


def test_the_precision_of_a_recipe_is_in_the_recipe(finished_run: FinishedRun) -> None:
    result = run_command("translate", finished_run.recipe, "--quantization", "bfloat16")
    assert (result.code, result.stderr) == (
        2,
        "ontarget: --quantization: is for texts and files; set translate.precision in the recipe\n",
    )


def test_a_run_is_its_best_model_with_the_prompt_of_its_recipe(finished_run: FinishedRun) -> None:
    choice = choose_model(str(finished_run.out))
    assert choice.model == str(finished_run.out / "4_unlikelihood" / "model")
    assert choice.languages == ("en", "it", "nl") and choice.max_new_tokens == 8
    assert choice.prompt_format.template.startswith("Translate into {target}")
    assert choose_model(f"{finished_run.out}#stage1").model.endswith("3_mle/model")
    with pytest.raises(
        ModelError,
        match="there is no system 'stage3'; use one of stage2, stage1, stage1-longer, base$",
    ):
        choose_model(f"{finished_run.out}#stage3")
    error = error_of("translate", "Monday", "--from", "en", "--to", "de", "--model",
                     finished_run.out)  # fmt: skip
    assert "'de' is not among the languages of this run: en, it, nl" in error


def test_a_run_translates_on_the_command_line_and_in_python(finished_run: FinishedRun) -> None:
    options = ("--from", "en", "--to", "it", "--model", finished_run.out, "--check-language")
    printed = run_command("translate", "Monday", *options[:-1]).stdout
    with ontarget.Translator(finished_run.out) as translator:
        assert translator.translate(["Monday", ""], source="en", target="it") == [
            printed.rstrip("\n"), "",
        ]  # fmt: skip
        with pytest.raises(TypeError, match=r"give a list of texts"):
            translator.translate("Monday", source="en", target="it")  # type: ignore[arg-type]
    assert run_command("translate", "Monday", *options).code in (0, 3)
