"""Trackers get exactly the numbers that the run records, and change nothing else."""

import json
import struct
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Writer

from ontarget import artifacts
from ontarget.cli import app
from ontarget.errors import RecipeError
from ontarget.pipeline import run as pipeline
from ontarget.pipeline.graph import Step
from ontarget.recipe import stage
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.yaml_file import load_recipe
from ontarget.training.monitoring import trackers

MLE = {
    "steps": 6, "batch": 8, "micro_batch": 4, "learning_rate": 1e-3, "checkpoint_every": 2,
}  # fmt: skip
CURVE = {
    "likelihood": "train/likelihood",
    "unlikelihood": "train/unlikelihood",
    "log_odds": "train/log_odds",
    "conflict_log_odds": "train/conflict_log_odds",
    "conflict_share": "train/conflict_share",
    "learning_rate": "train/learning_rate",
    "grad_norm": "train/grad_norm",
}
DEV = {
    "off_target_percent": "dev/off_target_percent",
    "reference_off_target_percent": "dev/reference_off_target_percent",
    "chrf": "dev/chrf",
    "supervised_chrf": "dev/supervised_chrf",
}


class Show:
    """A progress display that can end a step early."""

    def __init__(self, before: Callable[[str, int], None] = lambda text, done: None) -> None:
        self.made: list[str] = []
        self.before = before

    def began(self, unit: Step) -> None:
        self.unit = unit.folder

    def tell(self, text: str, done: int, total: int) -> None:
        self.before(self.unit, done)

    def ended(self, unit: Step, seconds: float, result: dict[str, Any]) -> None:
        self.made.append(unit.folder)

    def skipped(self, unit: Step) -> None: ...


def run(path: Path, show: Show | None = None, **options: Any) -> Show:
    show = show or Show()
    pipeline.run_recipe(load_recipe(path), show, verb="mle", **options)
    return show


def events(folder: Path) -> Iterator[Any]:
    """Events in the order of TensorBoard: files by name, records as TFRecord frames them."""
    from tensorboardX.proto.event_pb2 import Event

    for path in sorted(folder.iterdir()):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (length,) = struct.unpack_from("<Q", content, at)
            yield Event.FromString(content[at + 12 : at + 12 + length])
            at += 12 + length + 4


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """(step, value) by name, without what a later session repeats."""
    found: dict[str, list[tuple[int, float]]] = {}
    for event in events(folder):
        if event.HasField("session_log"):
            found = {name: [p for p in c if p[0] < event.step] for name, c in found.items()}
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def recorded(path: Path, names: dict[str, str]) -> dict[str, list[tuple[int, float]]]:
    """The same curves from the files of the run, in the precision of event files."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {
        shown: [(line["step"], in_single_precision(line[name])) for line in lines]
        for name, shown in names.items()
    }


def in_single_precision(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def test_event_files_hold_the_numbers_that_the_run_records(
    write_recipe: Writer, tmp_path: Path
) -> None:
    watched = {"every": 3, "segments": 1, "supervised": 1}
    run(write_recipe(mle={**MLE, "validation": watched}))
    step = tmp_path / "run/3_mle"
    found = curves(tmp_path / "run/logs/3_mle")
    speeds = found.pop("train/tokens_per_second")
    assert [at for at, _ in speeds] == [1, 2, 3, 4, 5, 6] and all(speed > 0 for _, speed in speeds)
    assert found == recorded(step / "curve.jsonl", CURVE) | recorded(step / "validation.jsonl", DEV)
    assert [at for at, _ in found["dev/chrf"]] == [0, 3, 6]
    assert curves(tmp_path / "run/logs/0_base").keys() == {
        *CURVE.values(),
        "train/tokens_per_second",
    }
    assert not (step / "logs").exists()


def test_a_resumed_training_continues_its_curves(write_recipe: Writer, tmp_path: Path) -> None:
    def die(folder: str, done: int) -> None:
        if folder == "3_mle" and done == 5:
            raise KeyboardInterrupt

    recipe, logs = write_recipe(mle=MLE), tmp_path / "run/logs/3_mle"
    with pytest.raises(KeyboardInterrupt):
        run(recipe, Show(die))
    before = [path.name for path in logs.iterdir()]
    assert [at for at, _ in curves(logs)["train/likelihood"]] == [1, 2, 3, 4]  # live, unfinished
    (logs / before[0]).touch()
    run(recipe)
    assert len(list(logs.iterdir())) == 2
    found = curves(logs)
    found.pop("train/tokens_per_second")
    assert found == recorded(tmp_path / "run/3_mle/curve.jsonl", CURVE)


def test_points_after_the_last_checkpoint_of_a_killed_training_appear_once(tmp_path: Path) -> None:
    """Killed after step 7 with a checkpoint of step 5, a training logs steps 6 and 7 again."""
    tracked = trackers.TrackedRun(name="x", folder=tmp_path, settings={})
    for steps, shift in (((5, 6, 7), 0.0), ((6, 7, 8), 0.5)):
        with trackers.tracking(["tensorboard"], tracked) as send:
            for step in steps:
                send({"step": step, "steps": 9, "likelihood": step + shift})
    assert curves(tmp_path) == {"train/likelihood": [(5, 5.0), (6, 6.5), (7, 7.5), (8, 8.5)]}


def test_each_point_is_visible_at_once(tmp_path: Path) -> None:
    tracked = trackers.TrackedRun(name="x", folder=tmp_path, settings={})
    with trackers.tracking(["tensorboard"], tracked) as send:
        for step in (1, 2, 3):
            send({"step": step, "likelihood": 1.0})
            assert len(curves(tmp_path)["train/likelihood"]) == step


def test_a_full_disk_stops_the_training_with_an_error(tmp_path: Path) -> None:
    program = """
import resource, signal, sys
from pathlib import Path
from ontarget.training.monitoring import trackers

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
tracked = trackers.TrackedRun(name="x", folder=Path(sys.argv[1]), settings={})
try:
    with trackers.tracking(["tensorboard"], tracked) as send:
        for step in range(99):
            send({"step": step, "likelihood": 1.0})
except OSError as error:
    print(step, error.strerror)
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    step, *words = done.stdout.split()
    assert 0 < int(step) < 20 and words == ["File", "too", "large"], done


def test_a_new_training_removes_old_curves(write_recipe: Writer, tmp_path: Path) -> None:
    logs = tmp_path / "run/logs"
    run(write_recipe(mle=MLE))
    base = sorted(path.name for path in (logs / "0_base").iterdir())
    (old,) = (logs / "3_mle").iterdir()
    old.rename(old.with_name("events.out.tfevents.0"))
    run(write_recipe(mle=MLE), force_from="mle")
    assert [p.name for p in (logs / "3_mle").iterdir() if p.name.endswith("events.0")] == []
    assert len(list((logs / "3_mle").iterdir())) == 1
    assert sorted(path.name for path in (logs / "0_base").iterdir()) == base
    run(write_recipe(mle=MLE | {"learning_rate": 2e-3}, report_to=[]))
    assert not (logs / "3_mle").exists()


def test_trackers_change_no_result(write_recipe: Writer, tmp_path: Path) -> None:
    run(write_recipe(mle=MLE))
    assert run(write_recipe(mle=MLE, report_to=[])).made == []
    with_files = artifacts.folder_hashes(tmp_path / "run/3_mle")
    assert run(write_recipe(mle=MLE, report_to=[]), force_from="mle").made == ["3_mle"]
    assert artifacts.folder_hashes(tmp_path / "run/3_mle") == with_files


def test_only_the_main_process_reports(
    write_recipe: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    mle = load_recipe(write_recipe()).mle
    assert mle is not None
    shown: list[tuple[str, int, int]] = []
    context: StepContext[None] = StepContext(
        settings=None,
        inputs={},
        out=tmp_path / "out",
        start="",
        unfinished=tmp_path / "unfinished",
        logs=tmp_path / "logs",
        run_name="tiny",
        report_to=("wandb",),
        tell=lambda *line: shown.append(line),
    )
    with stage.progress(context, mle) as send:
        send({"step": 1, "steps": 2, "likelihood": 1.0})
    assert shown == [("MLE 1.000", 1, 2)] and not (tmp_path / "logs").exists()


class Service(types.ModuleType):
    """Stands in for wandb and trackio; records what it is sent."""

    def __init__(self, name: str, fault: str = "") -> None:
        super().__init__(name)
        self.fault = fault
        self.sent: list[Any] = []

    def init(self, **given: Any) -> "Service":
        if self.fault:
            raise ValueError(self.fault)
        self.sent.append(given)
        return self

    def log(self, scalars: dict[str, float], step: int) -> None:
        self.sent.append((step, scalars))

    def finish(self) -> None:
        self.sent.append("finished")

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, kind: Any, *rest: Any) -> None:
        self.sent.append("failed" if kind else "finished")


def installed(monkeypatch: pytest.MonkeyPatch, *services: Service) -> None:
    for service in services:
        monkeypatch.setitem(sys.modules, service.__name__, service)
        monkeypatch.delenv(f"{service.__name__.upper()}_PROJECT", raising=False)
    monkeypatch.setattr(trackers, "find_spec", lambda name: name)


@pytest.mark.parametrize("package", ["wandb", "trackio"])
def test_services_get_the_numbers_and_the_settings_of_the_stage(
    package: str, write_recipe: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(package)
    installed(monkeypatch, service)
    run(write_recipe(mle=MLE, report_to=package))
    base, mle = (sent for sent in service.sent if isinstance(sent, dict))
    assert (base["name"], mle["name"], mle["project"]) == ("tiny/0_base", "tiny/3_mle", "ontarget")
    assert mle["config"]["steps"] == 6 and mle["config"]["learning_rate"] == 1e-3
    assert str(tmp_path) not in str(service.sent)
    assert service.sent.count("finished") == 2 and service.sent[-1] == "finished"
    after = service.sent[service.sent.index(mle) + 1 : -1]
    assert [step for step, _ in after] == [1, 2, 3, 4, 5, 6]
    assert {name for _, scalars in after for name in scalars} == {
        *CURVE.values(), "train/tokens_per_second",
    }  # fmt: skip


@pytest.mark.parametrize(("package", "end"), [("wandb", "failed"), ("trackio", "finished")])
def test_a_failed_training_ends_its_run_at_the_service(
    package: str, end: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = Service(package)
    installed(monkeypatch, service)
    monkeypatch.setenv(f"{package.upper()}_PROJECT", "mine")
    tracked = trackers.TrackedRun(name="x", folder=tmp_path, settings={})
    with pytest.raises(ZeroDivisionError), trackers.tracking([package], tracked):
        raise ZeroDivisionError
    assert service.sent == [{"project": "mine", "name": "x", "config": {}}, end]


def test_a_service_that_cannot_start_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed(monkeypatch, Service("wandb", fault="No API key.\nUse `wandb login`."))
    tracked = trackers.TrackedRun(name="x", folder=tmp_path, settings={})
    with (
        pytest.raises(
            RecipeError,
            match=r"^report_to: wandb cannot start \(No API key. Use `wandb login`.\); "
            "fix that, or leave wandb out$",
        ),
        trackers.tracking(["wandb"], tracked),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "package"),
    [("wandb", "wandb"), ("trackio", "trackio"), ("tensorboard", "tensorboardX")],
)
def test_check_finds_a_missing_package_without_importing_any(
    name: str,
    package: str,
    write_recipe: Writer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:

    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, package, raising=False)
    monkeypatch.setattr(sys, "argv", ["ontarget", "check", str(write_recipe(report_to=[name]))])
    with pytest.raises(SystemExit) as end:
        app.main()
    assert end.value.code == 2 and package not in sys.modules
    assert capsys.readouterr().err == (
        f"ontarget: report_to: {name} needs the package {package}, which is not installed; "
        f"pip install {package}, or leave {name} out\n"
    )


def test_report_to_is_a_list_of_known_names(write_recipe: Writer) -> None:
    assert load_recipe(write_recipe()).report_to == ("tensorboard",)
    assert load_recipe(write_recipe(report_to="wandb")).report_to == ("wandb",)
    assert load_recipe(write_recipe(report_to=[])).report_to == ()
    with pytest.raises(RecipeError, match=r"report_to: wandb is listed twice; keep it once$"):
        load_recipe(write_recipe(report_to=["wandb", "trackio", "wandb"]))
    unknown = r"report_to.0: found 'none'; input should be 'tensorboard', 'wandb' or 'trackio'$"
    with pytest.raises(RecipeError, match=unknown):
        load_recipe(write_recipe(report_to="none"))
