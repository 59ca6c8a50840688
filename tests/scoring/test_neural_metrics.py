"""Neural metrics as external programs: found, called, parsed, and killed with their children.

The programs are scripts that accept the options and write the files of the real ones
(comet/cli/score.py of unbabel-comet 2.2.7, metricx24/predict.py, bleurt/score_files.py) and score a
segment by its length.
"""

import json
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.commands import ontarget_command
from support.evaluations import IT, NL, ROWS, file_options, write_file

from ontarget.analysis.evaluate_files import Evaluation, NeuralMetrics, evaluate_files
from ontarget.errors import ProgramError, Stopped
from ontarget.offtarget.metric import OffTarget
from ontarget.programs import environments
from ontarget.report.render.evaluation import text_lines
from ontarget.scoring.neural import PROGRAMS, running
from ontarget.scoring.neural.program import SegmentTexts

SCRIPT = """\
import argparse, json, os, sys, time
from pathlib import Path

PROBE = Path({probe!r})
calls = len(list(PROBE.glob("call*.json")))
record = {{"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd(), "pid": os.getpid()}}
(PROBE / f"call{{calls}}.json").write_text(json.dumps(record))

def lines(name):
    return [line.strip() for line in open(name, encoding="utf-8").readlines()]

{body}
"""
COMET = """\
parser = argparse.ArgumentParser(allow_abbrev=False)
for name in ("--sources", "--translations", "--references", "--model", "--to_json"):
    parser.add_argument(name)
parser.add_argument("--only_system", action="store_true")
given = parser.parse_args()
print("Predicting DataLoader 0: 100%", file=sys.stderr)
rows = {"src": lines(given.sources), "mt": lines(given.translations)}
if given.references:
    rows["ref"] = lines(given.references)
segments = [dict(zip(rows, each)) for each in zip(*rows.values())]
for each in segments:
    each["COMET"] = len(each["mt"]) / 100
Path(given.to_json).write_text(json.dumps({given.translations: segments}, indent=4))
"""
METRICX = """\
given = dict(zip(sys.argv[3::2], sys.argv[4::2]))
rows = [json.loads(line) for line in open("segments.jsonl")]
with open("scores", "w") as out:
    for row in rows:
        out.write(json.dumps({**row, "prediction": 25 - len(row["hypothesis"]) / 10}) + "\\n")
"""
BLEURT = """\
names = dict(each.lstrip("-").split("=", 1) for each in sys.argv[3:])
scores = [f"{len(line) / 200}\\n" for line in lines(names["candidate_file"])]
Path(names["scores_file"]).write_text("".join(scores))
"""
BODIES = {"comet": COMET, "metricx": METRICX, "bleurt": BLEURT}


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No programs or environments of this machine."""
    for name in PROGRAMS:
        monkeypatch.delenv(f"ONTARGET_{name.upper()}", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def install(environment: Path, name: str, body: str) -> Path:
    """A program that records its calls in its environment's folder."""
    path = environment / "bin" / PROGRAMS[name].executable
    path.parent.mkdir(parents=True, exist_ok=True)
    script = SCRIPT.format(probe=str(environment), body=body)
    path.write_text(f"#!{sys.executable} -I\n{script}", encoding="utf-8")
    path.chmod(0o755)
    return path


def cached(tmp_path: Path, name: str, body: str | None = None) -> Path:
    """The default environment with a program, by default one that works."""
    environment = tmp_path / "cache" / "ontarget" / name
    install(environment, name, BODIES[name] if body is None else body)
    return environment


def call(environment: Path, number: int = 0) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((environment / f"call{number}.json").read_text())
    return record


@pytest.fixture(scope="module")
def metric() -> OffTarget:
    return OffTarget(source_lang="nl", target_lang="it")


Evaluate = Callable[..., list[Evaluation]]


@pytest.fixture
def evaluate(tmp_path: Path, metric: OffTarget) -> Evaluate:
    """Evaluates lists of segments with programs, as `ontarget evaluate` does with files."""

    def run(
        *hypotheses: list[str],
        programs: dict[str, str | None],
        sources: list[str] | None = NL * ROWS,
        references: tuple[list[str], ...] = (IT * ROWS,),
    ) -> list[Evaluation]:
        kinds = {"sources": sources, "references": references}
        available = frozenset(kind for kind, texts in kinds.items() if texts)
        scorers = [
            running.find_scorer(PROGRAMS[name], model, available)
            for name, model in programs.items()
        ]
        paths = [
            [write_file(tmp_path, f"{role}{at}.txt", texts) for at, texts in enumerate(lists)]
            for role, lists in (("h", hypotheses), ("r", references))
        ]
        source = None if sources is None else write_file(tmp_path, "s.txt", sources)
        neural = NeuralMetrics(scorers, lambda _: None)
        return list(evaluate_files(metric, paths[0], paths[1], source, neural))

    return run


def test_neural_scores_have_everything_that_other_scores_have(
    tmp_path: Path, evaluate: Evaluate
) -> None:
    environment = cached(tmp_path, "comet")
    mixed = [NL[0], *IT[1:], *IT * 2]
    first, second = evaluate(IT * ROWS, mixed, programs={"comet": None})
    assert list(first.scores) == ["bleu", "chrf", "chrf++", "ter", "comet"]
    comet = second.scores["comet"]
    lengths = [len(text) / 100 for text in mixed]
    assert comet.score == pytest.approx(sum(lengths) / 12)
    assert comet.on_target_only == pytest.approx(sum(lengths[1:]) / 11)
    assert comet.off_target_as_empty == pytest.approx(sum(lengths[1:]) / 12)
    assert comet.low < comet.score < comet.high
    assert comet.signature == "comet:unknown|model:Unbabel/wmt22-comet-da|refs:1"
    gained = (len(NL[0]) - len(IT[0])) / 1200
    assert second.versus_first is not None
    assert second.versus_first["comet"].difference == pytest.approx(gained)
    assert first.versus_first is None
    assert second.off_target.count == 1
    assert not (environment / "call1.json").exists(), "one call for all files"


def test_distinct_segments_are_scored_once_and_off_target_ones_again_as_empty(
    tmp_path: Path, evaluate: Evaluate
) -> None:
    recording = COMET + '(PROBE / "rows").write_text(json.dumps(segments))\n'
    environment = cached(tmp_path, "comet", recording)
    evaluate([NL[0], *IT[1:], *IT * 2], programs={"comet": None})
    rows = json.loads((environment / "rows").read_text())
    assert [row["mt"] for row in rows] == [NL[0], *IT[1:], IT[0], ""]
    assert rows[-1]["src"] == NL[0] and rows[-1]["ref"] == IT[0]


def test_three_programs_can_run_in_one_evaluation(tmp_path: Path, evaluate: Evaluate) -> None:
    for name in PROGRAMS:
        cached(tmp_path, name)
    model = tmp_path / "cache" / "ontarget" / "bleurt" / "BLEURT-20"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"weights")
    (result,) = evaluate(IT * ROWS, programs=dict.fromkeys(PROGRAMS))
    mean = sum(map(len, IT)) / 4
    assert list(result.scores)[-3:] == ["comet", "metricx", "bleurt"]
    assert result.scores["metricx"].score == pytest.approx(25 - mean / 10)
    assert result.scores["bleurt"].score == pytest.approx(mean / 200)
    assert result.scores["bleurt"].signature.startswith("bleurt:unknown|model:BLEURT-20@sha")
    assert f"-bleurt_checkpoint={model}" in call(model.parent)["argv"]
    lines = text_lines(result)
    assert lines[2].startswith("  off-target 0.0 %")
    (row,) = [line.split() for line in lines if line.startswith("COMET ")]
    assert row[1] == f"{sum(map(len, IT)) / 400:.4f}"


def test_an_evaluation_cannot_be_made_without_the_off_target_ratio() -> None:
    with pytest.raises(TypeError, match="off_target"):
        Evaluation(file="a", scores={}, versus_first=None)  # type: ignore[call-arg]


def test_reference_free_models_need_only_sources(tmp_path: Path, evaluate: Evaluate) -> None:
    environment = cached(tmp_path, "comet")
    kiwi = "Unbabel/wmt22-cometkiwi-da"
    (result,) = evaluate(IT, sources=NL, references=(), programs={"comet": kiwi})
    assert list(result.scores) == ["comet"]
    assert result.scores["comet"].signature.endswith("wmt22-cometkiwi-da|refs:0")
    assert "--references" not in call(environment)["argv"]


@pytest.mark.parametrize(
    ("name", "model", "available", "message"),
    [
        ("metricx", None, "", "hybrid-large-v2p6 needs --sources; add them, or choose"),
        ("comet", None, "", "comet-da needs --references and --sources; add them"),
        ("comet", None, "sources", "--comet with Unbabel/wmt22-comet-da needs --references; add"),
        ("comet", "", "sources", "--comet-model: is empty; name a model or omit the option"),
    ],
)
def test_missing_inputs_are_an_error(
    name: str, model: str | None, available: str, message: str
) -> None:
    with pytest.raises(ProgramError, match=message):
        running.find_scorer(PROGRAMS[name], model, frozenset(available.split()))


def test_a_reference_free_model_gets_no_references(tmp_path: Path, evaluate: Evaluate) -> None:
    environment = cached(tmp_path, "comet")
    (result,) = evaluate(IT * ROWS, programs={"comet": "Unbabel/wmt22-cometkiwi-da"})
    assert "--references" not in call(environment)["argv"]
    assert result.scores["comet"].signature.endswith("|refs:0")


def test_the_first_of_several_references_is_used_and_named_in_the_signature(
    tmp_path: Path, evaluate: Evaluate
) -> None:
    longer = [f"{text}!" for text in IT * ROWS]
    recording = COMET + '(PROBE / "rows").write_text(json.dumps(segments))\n'
    environment = cached(tmp_path, "comet", recording)
    (result,) = evaluate(IT * ROWS, references=(IT * ROWS, longer), programs={"comet": None})
    assert result.scores["comet"].signature.endswith("|refs:first")
    assert json.loads((environment / "rows").read_text())[0]["ref"] == IT[0]


def test_the_error_for_a_missing_program_has_the_commands_that_install_it(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "ontarget"
    variables = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": ""}
    with pytest.raises(ProgramError) as error:
        environments.find_command(PROGRAMS["comet"], variables)
    assert str(error.value) == (
        "COMET is not installed; it needs an environment of its own: "
        f"python3 -m venv {folder}/comet && {folder}/comet/bin/pip install unbabel-comet "
        "'setuptools<81'; or name an existing one: export ONTARGET_COMET=/path/to/environment; "
        "or install uv, which runs it without"
    )
    with pytest.raises(ProgramError, match="git clone https://github.com/google-research/metricx"):
        environments.find_command(PROGRAMS["metricx"], variables)


def test_comet_runs_with_uvx_if_it_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real uvx installs the package in a temporary environment and runs the command there."""
    uvx = tmp_path / "tools" / "uvx"
    uvx.parent.mkdir()
    comet = install(tmp_path / "elsewhere", "comet", COMET)
    uvx.write_text(
        f'#!/bin/sh\nwhile [ "$1" != comet-score ]; do shift; done\nshift\nexec {comet} "$@"\n'
    )
    uvx.chmod(0o755)
    monkeypatch.setenv("PATH", f"{uvx.parent}:/usr/bin:/bin")
    scorer = find_comet()
    assert scorer.signature == "comet:2.2.7|model:Unbabel/wmt22-comet-da"
    assert scorer.command.prefix == (
        str(uvx), "--python", "3.11", "--from", "unbabel-comet==2.2.7", "--with", "setuptools<81",
        "comet-score",
    )  # fmt: skip
    texts = SegmentTexts(["abc"], ["d"], ["e"])
    assert running.score_segments(scorer, texts, lambda _: None) == [0.03]
    installed = cached(tmp_path, "comet")
    assert find_comet().command.prefix == (str(installed / "bin" / "comet-score"),)
    with pytest.raises(ProgramError, match="MetricX is not installed"):
        environments.find_command(PROGRAMS["metricx"], os.environ)


def test_the_named_environment_has_priority_over_path_and_path_over_the_cache(
    tmp_path: Path,
) -> None:
    comet = PROGRAMS["comet"]
    places = {name: install(tmp_path / name, "comet", COMET) for name in ("named", "path")}
    in_cache = cached(tmp_path, "comet") / "bin" / "comet-score"
    base = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": "/usr/bin"}
    on_path = base | {"PATH": str(places["path"].parent)}
    assert environments.find_executable(comet, base) == in_cache
    assert environments.find_executable(comet, on_path) == places["path"]
    for named in (places["named"], places["named"].parent.parent):
        variables = on_path | {"ONTARGET_COMET": str(named)}
        assert environments.find_executable(comet, variables) == places["named"]
    with pytest.raises(ProgramError, match="ONTARGET_COMET=/none: neither comet-score nor an env"):
        environments.find_executable(comet, on_path | {"ONTARGET_COMET": "/none"})


def test_a_python_on_path_is_not_taken_for_metricx(tmp_path: Path) -> None:
    python = install(tmp_path, "metricx", METRICX)
    variables = {"PATH": str(python.parent), "HOME": str(tmp_path / "home")}
    with pytest.raises(ProgramError, match=r"home/\.cache/ontarget/metricx && git clone"):
        environments.find_command(PROGRAMS["metricx"], variables)


def test_a_relative_cache_folder_is_ignored(tmp_path: Path) -> None:
    variables = {"XDG_CACHE_HOME": "cache", "HOME": str(tmp_path)}
    assert environments.default_folder(PROGRAMS["comet"], variables) == (
        tmp_path / ".cache" / "ontarget" / "comet"
    )


def test_versions_are_those_of_the_environment(tmp_path: Path) -> None:
    comet = install(tmp_path / "a", "comet", COMET)
    info = tmp_path / "a" / "lib" / "python3.9" / "site-packages" / "unbabel_comet-2.2.7.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: unbabel-comet\nVersion: 2.2.7\n")
    link = tmp_path / "commands" / "comet-score"
    link.parent.mkdir()
    link.symlink_to(comet)
    for executable in (comet, link):
        assert environments.installed_version(PROGRAMS["comet"], executable) == "2.2.7"
    metricx = install(tmp_path / "b", "metricx", METRICX)
    assert environments.installed_version(PROGRAMS["metricx"], metricx) == "unknown"
    heads = tmp_path / "b" / "source" / ".git" / "refs" / "heads"
    heads.mkdir(parents=True)
    (heads / "main").write_text("0be34b496cb057e0e0d86a37f0e237cb09fa9f1c\n")
    (heads.parent.parent / "HEAD").write_text("ref: refs/heads/main\n")
    assert environments.installed_version(PROGRAMS["metricx"], metricx) == "0be34b496cb0"


def test_programs_do_not_inherit_our_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONWARNINGS"):
        monkeypatch.setenv(name, "ours")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.setenv("HF_HOME", "/models")
    environment = cached(tmp_path, "metricx")
    (environment / "source").mkdir()
    scorer = running.find_scorer(PROGRAMS["metricx"], None, frozenset({"sources"}))
    running.score_segments(scorer, SegmentTexts(["h"], ["s"], None), lambda _: None)
    variables = call(environment)["env"]
    assert "ours" not in variables.values()
    assert variables["PYTHONPATH"] == str(environment / "source")
    assert (variables["CUDA_VISIBLE_DEVICES"], variables["HF_HOME"]) == ("3", "/models")
    assert variables["HF_DATASETS_CACHE"] == call(environment)["cwd"]


def find_comet() -> running.NeuralScorer:
    return running.find_scorer(PROGRAMS["comet"], None, frozenset({"sources", "references"}))


def score(*texts: str, on_message: running.OnMessage = lambda _: None) -> list[float]:
    """COMET's scores of texts that are their own sources and references."""
    return running.score_segments(find_comet(), SegmentTexts(texts, texts, texts), on_message)


def test_texts_are_passed_in_files_of_a_temporary_folder(tmp_path: Path) -> None:
    environment = cached(tmp_path, "comet")
    hostile = ["$(touch x)", "'; exit 1 #", "--model=y", "\t\u2028\x0b", "a" * 100_000]
    assert score(*hostile) == [len(text.strip()) / 100 for text in hostile]
    record = call(environment)
    assert not Path(record["cwd"]).exists() and "ontarget-comet-" in record["cwd"]
    assert not any("touch" in argument for argument in record["argv"])


def test_messages_of_the_program_are_passed_on_while_it_runs(tmp_path: Path) -> None:
    talking = (
        'sys.stderr.buffer.write(b"one\\r two\\r\\n\\nthree \\x1b[2K\\n\\xe2\\x82")\n'
        "sys.stderr.flush(); time.sleep(0.2)\n"  # in the middle of a character
        'sys.stderr.buffer.write(b"\\xac\\xff\\n"); sys.stderr.flush()\n'
        "while not (PROBE / 'heard').exists(): time.sleep(0.01)\n"
    )
    environment = cached(tmp_path, "comet", talking + COMET)
    messages: list[str] = []

    def listen(message: str) -> None:
        messages.append(message)
        if message.startswith("€"):
            (environment / "heard").touch()

    score("a", on_message=listen)
    assert messages == ["one", "two", "three \x1b[2K", "€\ufffd", "Predicting DataLoader 0: 100%"]


WRITE = 'Path("scores").write_'
FAULTS = {
    "an error": (
        'sys.stderr.write("Traceback\\n  File\\nKeyError: \\"None.\\"\\n\\n")\nsys.exit(1)',
        'comet-score: failed with exit code 1: KeyError: "None."; check that COMET runs by hand',
    ),
    "no message": ("sys.exit(4)", "failed with exit code 4 without a message; check that COMET"),
    "no line break": ('sys.stderr.write("bad")\nsys.exit(4)', "with exit code 4: bad; check that"),
    "killed for memory": (
        "os.kill(os.getpid(), 9)", "comet-score: was killed by signal 9 without a message",
    ),
    "closed stderr": (
        "os.close(2); time.sleep(0.1); os._exit(5)", "failed with exit code 5 without a message",
    ),
    "other options": ("argparse.ArgumentParser().parse_args()", "unrecognized arguments"),
    "no output": ("pass", "comet-score: succeeded without readable scores (No such file or dir"),
    "not JSON": (
        WRITE + 'text("score: 0.8")',
        "unusable output: not JSON with one file's segments and their COMET scores; is this COMET",
    ),
    "not UTF-8": (WRITE + 'bytes(b"\\xff")', "succeeded without readable scores ('utf-8' codec"),
    "too many": (
        WRITE + """text('{"a": [{"COMET": 1}, {"COMET": 2}, {"COMET": 2}]}')""",
        "unusable output: 3 scores for 2 segments; is this COMET in the version of the guide?",
    ),
    "not a number": (
        COMET.replace('len(each["mt"]) / 100', 'float("nan")'),
        "unusable output: score 1 is 'nan'; expected a finite number; is this",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_program_gives_an_error_and_no_scores(tmp_path: Path, fault: str) -> None:
    body, message = FAULTS[fault]
    environment = cached(tmp_path, "comet", body)
    with pytest.raises(ProgramError, match=re.escape(message)) as error:
        score("a", "b")
    assert str(error.value).startswith(str(environment))
    assert not Path(call(environment)["cwd"]).exists()


def test_long_messages_are_cut_in_errors(tmp_path: Path) -> None:
    cached(tmp_path, "comet", 'sys.stderr.write("bad " + "x" * 99999 + "\\n")\nsys.exit(3)')
    with pytest.raises(ProgramError, match="failed with exit code 3: bad xxx") as error:
        score("a")
    assert len(str(error.value)) < 600


def test_a_program_that_cannot_be_started_and_a_full_disk_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cached(tmp_path, "comet") / "bin" / "comet-score").write_bytes(b"\x00\x01")
    with pytest.raises(ProgramError, match=r"cannot be started \(Exec format error\); run it by"):
        score("a")
    cached(tmp_path, "comet")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(ProgramError, match=r"cannot be started \(No such file .* space for temp"):
        score("a")


def test_a_missing_checkpoint_is_an_error_before_anything_runs(tmp_path: Path) -> None:
    environment = cached(tmp_path, "bleurt")
    with pytest.raises(ProgramError) as error:
        running.find_scorer(PROGRAMS["bleurt"], "BLEURT-21", frozenset({"references"}))
    assert f"neither BLEURT-21 nor {environment}/BLEURT-21 exists; down" in str(error.value)
    assert not (environment / "call0.json").exists()


def test_a_local_model_is_signed_by_its_content(tmp_path: Path) -> None:
    cached(tmp_path, "comet")
    signatures = []
    for content in (b"one", b"two", b"one"):
        (tmp_path / "own.ckpt").write_bytes(content)
        model = str(tmp_path / "own.ckpt")
        scorer = running.find_scorer(PROGRAMS["comet"], model, frozenset({"sources"}))
        signatures.append(scorer.signature)
    assert signatures[0] == signatures[2] != signatures[1]
    assert signatures[0].startswith("comet:unknown|model:own.ckpt@sha256:7692c3ad3540")


WITH_WORKER = """\
import subprocess
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], **{options})
(PROBE / "worker.partial").write_text(str(worker.pid))
(PROBE / "worker.partial").rename(PROBE / "worker")
"""


@pytest.mark.parametrize("exit_code", [0, 3])
def test_a_process_left_behind_is_killed_and_does_not_block(tmp_path: Path, exit_code: int) -> None:
    """It inherits stderr, so the pipe stays open after the program has ended."""
    body = WITH_WORKER.format(options="{}") + COMET + f"sys.exit({exit_code})\n"
    environment = cached(tmp_path, "comet", body)
    start = time.monotonic()
    if exit_code:
        with pytest.raises(ProgramError, match="exit code 3: Predicting DataLoader 0: 100%; check"):
            score("abc")
    else:
        assert score("abc") == [0.03]
    assert time.monotonic() - start < 20
    wait_until(lambda: not alive(int((environment / "worker").read_text())))


def test_a_daemon_in_a_session_of_its_own_does_not_block(tmp_path: Path) -> None:
    options = '{"start_new_session": True}'
    environment = cached(tmp_path, "comet", WITH_WORKER.format(options=options) + COMET)
    start = time.monotonic()
    assert score("abc") == [0.03]
    assert time.monotonic() - start < 20
    os.kill(int((environment / "worker").read_text()), signal.SIGKILL)


WAITING = WITH_WORKER.format(options="{}") + "time.sleep(300)\n"


@pytest.fixture
def signals_restored() -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == handlers


@pytest.mark.usefixtures("signals_restored")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_kills_the_program_and_its_children(
    tmp_path: Path, number: signal.Signals
) -> None:
    environment = cached(tmp_path, "comet", WAITING)
    worker = environment / "worker"
    is_interrupt = number == signal.SIGINT
    handler = signal.default_int_handler if is_interrupt else signal.SIG_DFL
    previous = signal.signal(number, handler)  # the tests may run under nohup or in a shell's &

    def send() -> None:
        wait_until(worker.is_file)
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    sender.start()
    message = None if is_interrupt else "stopped while COMET was scoring; no scores were"
    try:
        with pytest.raises((KeyboardInterrupt, Stopped), match=message):
            score("a")
    finally:
        signal.signal(number, previous)
    sender.join()
    wait_until(lambda: not alive(int(worker.read_text())))
    assert not alive(call(environment)["pid"])
    assert not Path(call(environment)["cwd"]).exists()


def test_an_ignored_hangup_stays_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under nohup."""
    monkeypatch.setenv("PARENT", str(os.getpid()))
    body = 'os.kill(int(os.environ["PARENT"]), 1)\ntime.sleep(0.1)\n' + COMET
    cached(tmp_path, "comet", body)
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert score("abc") == [0.03]
    finally:
        signal.signal(signal.SIGHUP, previous)


def test_the_command_prints_scores_and_one_line_for_an_error(tmp_path: Path) -> None:
    environment = cached(tmp_path, "comet")
    done = ontarget_command("evaluate", *file_options(tmp_path), "--comet", "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    result = json.loads(done.stdout)
    assert result["scores"]["comet"]["score"] == pytest.approx(sum(map(len, IT)) / 400)
    assert list(result["scores"]["comet"]) == list(result["scores"]["bleu"])
    shutil.rmtree(environment)
    body = 'sys.stderr.write("\\x1b[31mbad\\n")\nsys.exit(3)'
    cached(tmp_path, "comet", body)
    done = ontarget_command("evaluate", *file_options(tmp_path), "--comet")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert r"failed with exit code 3: \x1b[31mbad; check" in done.stderr


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
