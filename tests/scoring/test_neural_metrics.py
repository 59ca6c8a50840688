"""`ontarget evaluate --comet` and its like: programs found, called, read, and ended with us.

The programs are scripts written here, which take the options and write the files of the real ones
(comet/cli/score.py of unbabel-comet 2.2.7, metricx24/predict.py, bleurt/score_files.py) and score a
segment by its length.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.commands import ontarget_command, refused
from support.evaluations import IT, NL, ROWS, options, written

from ontarget.analysis.evaluate import Evaluation
from ontarget.errors import ProgramError
from ontarget.scoring.neural import PROGRAMS, environments, running
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
def nobody_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No program and no environment of this machine."""
    for name in PROGRAMS:
        monkeypatch.delenv(f"ONTARGET_{name.upper()}", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def install(environment: Path, name: str, body: str) -> Path:
    """A program in an environment; its calls are recorded in the folder beside."""
    path = environment / "bin" / PROGRAMS[name].executable
    path.parent.mkdir(parents=True, exist_ok=True)
    script = SCRIPT.format(probe=str(environment), body=body)
    path.write_text(f"#!{sys.executable} -I\n{script}", encoding="utf-8")
    path.chmod(0o755)
    return path


def cached(tmp_path: Path, name: str, body: str | None = None) -> Path:
    """The environment in the standard place, with a program that works unless told otherwise."""
    environment = tmp_path / "cache" / "ontarget" / name
    install(environment, name, BODIES[name] if body is None else body)
    return environment


def call(environment: Path, number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((environment / f"call{number}.json").read_text())
    return found


def evaluated(*arguments: str | Path) -> list[dict[str, Any]]:
    done = ontarget_command("evaluate", *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_scores_of_a_program_stand_beside_the_others_with_all_that_they_have(
    tmp_path: Path,
) -> None:
    environment = cached(tmp_path, "comet")
    mixed = [NL[0], *IT[1:], *IT * 2]
    other = written(tmp_path, "other.txt", mixed)
    first, second = evaluated(*options(tmp_path), "--hypotheses", other, "--comet")
    assert list(first["scores"]) == ["bleu", "chrf", "chrf++", "ter", "comet"]
    comet = second["scores"]["comet"]
    assert list(comet) == list(second["scores"]["bleu"])
    lengths = [len(text) / 100 for text in mixed]
    assert comet["score"] == pytest.approx(sum(lengths) / 12)
    assert comet["on_target_only"] == pytest.approx(sum(lengths[1:]) / 11)
    assert comet["off_target_as_empty"] == pytest.approx(sum(lengths[1:]) / 12)
    assert comet["low"] < comet["score"] < comet["high"]
    assert comet["signature"] == "comet:unknown|model:Unbabel/wmt22-comet-da|refs:1"
    gained = (len(NL[0]) - len(IT[0])) / 1200
    assert second["versus_first"]["comet"]["difference"] == pytest.approx(gained)
    assert first["versus_first"] is None
    assert second["off_target"]["count"] == 1
    assert not (environment / "call1.json").exists(), "one call for all files"


def test_what_is_alike_is_scored_once_and_off_target_segments_again_as_empty(
    tmp_path: Path,
) -> None:
    counting = COMET + '(PROBE / "rows").write_text(json.dumps(segments))\n'
    environment = cached(tmp_path, "comet", counting)
    evaluated(*options(tmp_path, hypotheses=[NL[0], *IT[1:], *IT * 2]), "--comet")
    rows = json.loads((environment / "rows").read_text())
    assert [each["mt"] for each in rows] == [NL[0], *IT[1:], IT[0], ""]
    assert rows[-1]["src"] == NL[0] and rows[-1]["ref"] == IT[0]


def test_all_three_programs_at_once(tmp_path: Path) -> None:
    for name in PROGRAMS:
        cached(tmp_path, name)
    model = tmp_path / "cache" / "ontarget" / "bleurt" / "BLEURT-20"
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"weights")
    (found,) = evaluated(*options(tmp_path), "--bleurt", "--comet", "--metricx")
    mean = sum(map(len, IT)) / 4
    assert list(found["scores"])[-3:] == ["comet", "metricx", "bleurt"]
    assert found["scores"]["metricx"]["score"] == pytest.approx(25 - mean / 10)
    assert found["scores"]["bleurt"]["score"] == pytest.approx(mean / 200)
    assert found["scores"]["bleurt"]["signature"].startswith("bleurt:unknown|model:BLEURT-20@sha")
    assert f"-bleurt_checkpoint={model}" in call(model.parent)["argv"]


def test_a_person_reads_them_below_the_ratio_to_four_digits(tmp_path: Path) -> None:
    cached(tmp_path, "comet")
    done = ontarget_command("evaluate", *options(tmp_path), "--comet")
    lines = done.stdout.splitlines()
    row = next(number for number, line in enumerate(lines) if line.startswith("  COMET "))
    assert lines[1].startswith("  off-target 0.0 %") and row > 1
    assert f"{sum(map(len, IT)) / 400:.4f}" in lines[row]


def test_no_score_can_be_held_without_the_off_target_ratio() -> None:
    with pytest.raises(TypeError, match="off_target"):
        Evaluation(file="a", scores={}, versus_first=None)  # type: ignore[call-arg]


def test_reference_free_models_need_sources_alone(tmp_path: Path) -> None:
    environment = cached(tmp_path, "comet")
    hypotheses = written(tmp_path, "h.txt", IT)
    sources = written(tmp_path, "s.txt", NL)
    languages = ("--source-lang", "nl", "--target-lang", "it")
    given = ("--hypotheses", hypotheses, "--sources", sources, *languages)
    (found,) = evaluated(*given, "--comet-model", "Unbabel/wmt22-cometkiwi-da")
    assert list(found["scores"]) == ["comet"]
    assert found["scores"]["comet"]["signature"].endswith("wmt22-cometkiwi-da|refs:0")
    assert "--references" not in call(environment)["argv"]
    assert "--comet with Unbabel/wmt22-comet-da needs --references; give them, or name" in refused(
        "evaluate", *given, "--comet"
    )
    alone = frozenset[str]()
    with pytest.raises(ProgramError, match="hybrid-large-v2p6 needs --sources; give them"):
        running.find_scorer(PROGRAMS["metricx"], None, alone)
    with pytest.raises(ProgramError, match="comet-da needs --references and --sources; give th"):
        running.find_scorer(PROGRAMS["comet"], None, alone)
    with pytest.raises(ProgramError, match="--comet-model: is empty; name a model or leave it out"):
        running.find_scorer(PROGRAMS["comet"], "", alone)


def test_a_reference_free_model_is_given_no_reference_that_is_there(tmp_path: Path) -> None:
    environment = cached(tmp_path, "comet")
    (found,) = evaluated(*options(tmp_path), "--comet-model", "Unbabel/wmt22-cometkiwi-da")
    assert "--references" not in call(environment)["argv"]
    assert found["scores"]["comet"]["signature"].endswith("|refs:0")


def test_of_several_references_the_first_is_used_and_the_signature_says_so(tmp_path: Path) -> None:
    longer = written(tmp_path, "longer.txt", [f"{x}!" for x in IT * ROWS])
    recording = COMET + '(PROBE / "rows").write_text(json.dumps(segments))\n'
    environment = cached(tmp_path, "comet", recording)
    (found,) = evaluated(*options(tmp_path), "--references", longer, "--comet")
    assert found["scores"]["comet"]["signature"].endswith("|refs:first")
    assert json.loads((environment / "rows").read_text())[0]["ref"] == IT[0]


def test_an_absent_program_is_one_line_with_the_commands_that_make_it(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "ontarget"
    said = refused("evaluate", *options(tmp_path), "--comet")
    assert said == (
        "ontarget: COMET is not installed; it needs an environment of its own: "
        f"python3 -m venv {folder}/comet && {folder}/comet/bin/pip install unbabel-comet "
        "'setuptools<81'; or name one that you have: export ONTARGET_COMET=/path/to/environment\n"
    )
    said = refused("evaluate", *options(tmp_path), "--metricx")
    assert "git clone https://github.com/google-research/metricx" in said
    assert "export ONTARGET_METRICX=" in said


def test_the_environment_named_comes_before_path_and_path_before_the_cache(
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


def test_a_python_on_path_is_no_metricx(tmp_path: Path) -> None:
    python = install(tmp_path, "metricx", METRICX)
    variables = {"PATH": str(python.parent), "HOME": str(tmp_path / "home")}
    with pytest.raises(ProgramError, match=r"home/\.cache/ontarget/metricx && git clone"):
        environments.find_executable(PROGRAMS["metricx"], variables)


def test_a_relative_cache_folder_is_not_used(tmp_path: Path) -> None:
    variables = {"XDG_CACHE_HOME": "cache", "HOME": str(tmp_path)}
    assert environments.default_folder(PROGRAMS["comet"], variables) == (
        tmp_path / ".cache" / "ontarget" / "comet"
    )


def test_versions_are_read_from_the_environment_and_not_ours(tmp_path: Path) -> None:
    comet = install(tmp_path / "a", "comet", COMET)
    info = tmp_path / "a" / "lib" / "python3.9" / "site-packages" / "unbabel_comet-2.2.7.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: unbabel-comet\nVersion: 2.2.7\n")
    link = tmp_path / "commands" / "comet-score"
    link.parent.mkdir()
    link.symlink_to(comet)
    for found in (comet, link):
        assert environments.installed_version(PROGRAMS["comet"], found) == "2.2.7"
    metricx = install(tmp_path / "b", "metricx", METRICX)
    assert environments.installed_version(PROGRAMS["metricx"], metricx) == "unknown"
    heads = tmp_path / "b" / "source" / ".git" / "refs" / "heads"
    heads.mkdir(parents=True)
    (heads / "main").write_text("0be34b496cb057e0e0d86a37f0e237cb09fa9f1c\n")
    (heads.parent.parent / "HEAD").write_text("ref: refs/heads/main\n")
    assert environments.installed_version(PROGRAMS["metricx"], metricx) == "0be34b496cb0"


def test_a_child_inherits_no_python_of_ours(
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
    made = call(environment)["env"]
    assert "ours" not in made.values()
    assert made["PYTHONPATH"] == str(environment / "source")
    assert (made["CUDA_VISIBLE_DEVICES"], made["HF_HOME"]) == ("3", "/models")
    assert made["HF_DATASETS_CACHE"] == call(environment)["cwd"]


def test_texts_go_by_files_of_a_folder_that_is_gone_afterwards(tmp_path: Path) -> None:
    environment = cached(tmp_path, "comet")
    hostile = ["$(touch x)", "'; exit 1 #", "--model=y", "\t\u2028\x0b", "a" * 100_000]
    scorer = running.find_scorer(PROGRAMS["comet"], None, frozenset({"sources", "references"}))
    found = running.score_segments(scorer, SegmentTexts(hostile, hostile, hostile), lambda _: None)
    assert found == [len(text.strip()) / 100 for text in hostile]
    made = call(environment)
    assert not Path(made["cwd"]).exists() and "ontarget-comet-" in made["cwd"]
    assert not any("touch" in argument for argument in made["argv"])


def test_what_the_program_says_is_passed_on_while_it_runs(tmp_path: Path) -> None:
    talking = 'sys.stderr.write("one\\r two\\r\\n\\nthree \\x1b[2K\\n")\n' + COMET
    cached(tmp_path, "comet", talking)
    scorer = running.find_scorer(PROGRAMS["comet"], None, frozenset({"sources", "references"}))
    said: list[str] = []
    running.score_segments(scorer, SegmentTexts(["a"], ["b"], ["c"]), said.append)
    assert said == ["one", "two", "three \x1b[2K", "Predicting DataLoader 0: 100%"]


def scored(*texts: str) -> list[float]:
    scorer = running.find_scorer(PROGRAMS["comet"], None, frozenset({"sources", "references"}))
    return running.score_segments(scorer, SegmentTexts(texts, texts, texts), lambda _: None)


WRITING = 'Path("scores").write_'
FAULTS = {
    "an error": (
        'sys.stderr.write("Traceback\\n  File\\nKeyError: \\"None.\\"\\n\\n")\nsys.exit(1)',
        'comet-score: failed with exit code 1: KeyError: "None."; see that COMET runs there by',
    ),
    "silence": ("sys.exit(4)", "failed with exit code 4 and said nothing; see that COMET runs"),
    "killed for memory": (
        "os.kill(os.getpid(), 9)", "comet-score: was ended by signal 9 and said nothing",
    ),
    "other options": ("argparse.ArgumentParser().parse_args()", "unrecognized arguments"),
    "no output": ("pass", "comet-score: ended well, but wrote no scores (No such file or dir"),
    "no JSON": (
        WRITING + 'text("score: 0.8")',
        "cannot be used: it is no JSON of one file's segments, each with its COMET; is this COMET",
    ),
    "no UTF-8": (WRITING + 'bytes(b"\\xff")', "ended well, but wrote no scores ('utf-8' codec"),
    "too many": (
        WRITING + """text('{"a": [{"COMET": 1}, {"COMET": 2}, {"COMET": 2}]}')""",
        "what it wrote cannot be used: 3 scores for 2 segments; is this COMET as the guide has it?",
    ),
    "not a number": (
        COMET.replace('len(each["mt"]) / 100', 'float("nan")'),
        "cannot be used: score 1 is 'nan'; expected a finite number; is this",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_program_at_fault_gives_no_number(tmp_path: Path, fault: str) -> None:
    body, message = FAULTS[fault]
    environment = cached(tmp_path, "comet", body)
    with pytest.raises(ProgramError, match=re.escape(message)) as error:
        scored("a", "b")
    assert str(error.value).startswith(str(environment))
    assert not Path(call(environment)["cwd"]).exists()


def test_what_a_program_says_is_one_line_whatever_it_is(tmp_path: Path) -> None:
    cached(tmp_path, "comet", 'sys.stderr.write("\\x1b[31mbad " + "x" * 999 + "\\n")\nsys.exit(3)')
    said = refused("evaluate", *options(tmp_path), "--comet")
    assert r"failed with exit code 3: \x1b[31mbad xxx" in said and len(said) < 600


def test_what_cannot_be_started_or_has_no_room_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cached(tmp_path, "comet") / "bin" / "comet-score").write_bytes(b"\x00\x01")
    with pytest.raises(ProgramError, match=r"cannot be called \(Exec format error\); try it by"):
        scored("a")
    cached(tmp_path, "comet")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(ProgramError, match=r"cannot be called \(No such file .* is room for temp"):
        scored("a")


def test_a_checkpoint_that_is_not_there_is_refused_before_anything_runs(tmp_path: Path) -> None:
    environment = cached(tmp_path, "bleurt")
    said = refused("evaluate", *options(tmp_path), "--bleurt-model", "BLEURT-21")
    assert f"there is no model BLEURT-21, nor {environment}/BLEURT-21; fetch one" in said
    assert not (environment / "call0.json").exists()


def test_a_model_of_ones_own_is_signed_by_its_bytes(tmp_path: Path) -> None:
    cached(tmp_path, "comet")
    names = []
    for content in (b"one", b"two", b"one"):
        (tmp_path / "own.ckpt").write_bytes(content)
        model = str(tmp_path / "own.ckpt")
        scorer = running.find_scorer(PROGRAMS["comet"], model, frozenset({"sources"}))
        names.append(scorer.signature)
    assert names[0] == names[2] != names[1]
    assert names[0].startswith("comet:unknown|model:own.ckpt@sha256:7692c3ad3540")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_program_and_its_children_too(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    waiting = (
        "import subprocess\n"
        "worker = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        '(PROBE / "worker").write_text(str(worker.pid))\n'
        "time.sleep(300)\n"
    )
    environment = cached(tmp_path, "comet", waiting)
    command = [sys.executable, "-m", "ontarget", "evaluate", "--comet"]
    with subprocess.Popen(
        [*command, *map(str, options(tmp_path))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & ignores it
    ) as ours:
        worker = environment / "worker"
        wait_until(lambda: worker.is_file() and bool(worker.read_text()))
        ours.send_signal(number)
        out, said = ours.communicate(timeout=90)
    assert (ours.returncode, out) == (code, "")
    assert said.startswith("ontarget: stopped") and said.count("\n") == 1
    wait_until(lambda: not alive(int(worker.read_text())))
    assert not alive(call(environment)["pid"])
    assert not Path(call(environment)["cwd"]).exists()


def wait_until(holds: Any) -> None:
    end = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
