"""Neural metrics in an evaluation: programs that are found and called, and their scores."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import ontarget_command
from support.evaluations import IT, NL, ROWS, file_options, write_file
from support.neural_programs import COMET, METRICX, cached, call, find_comet, install, isolate

from ontarget.analysis.evaluate_files import Evaluation, NeuralMetrics, evaluate_files
from ontarget.errors import ProgramError
from ontarget.offtarget.metric import OffTarget
from ontarget.programs import environments
from ontarget.report.render.evaluation import text_lines
from ontarget.scoring.neural import PROGRAMS, running
from ontarget.scoring.neural.program import SegmentTexts


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


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
