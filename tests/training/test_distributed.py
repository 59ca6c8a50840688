"""Two processes train like one: same losses, same weights, one of them prints and writes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import RECIPE, Writer
from safetensors.torch import load_file
from support import as_if_on_accelerators, distributed_training
from support.models import coder, tiny
from support.trainings import schedule
from torch.testing import assert_close

from ontarget import artifacts, processes
from ontarget.errors import ModelError, RecipeError
from ontarget.training import checkpoints
from ontarget.training.engine.sharding import check_model
from ontarget.training.monitoring.callbacks import CURVE_KEYS
from ontarget.training.train import training_arguments

HERE = Path(__file__).parents[1]
SHIPPED = HERE.parent / "recipes" / "engines"
FSDP = {
    "ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP", "FSDP_RESHARD_AFTER_FORWARD": "true",
    "FSDP_STATE_DICT_TYPE": "SHARDED_STATE_DICT", "FSDP_CPU_RAM_EFFICIENT_LOADING": "true",
}  # fmt: skip
ZERO3 = {
    "ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "3",
    "ACCELERATE_DEEPSPEED_ZERO3_INIT": "false",
    "ACCELERATE_DEEPSPEED_ZERO3_SAVE_16BIT_MODEL": "true",
    "ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE": "none",
    "ACCELERATE_DEEPSPEED_OFFLOAD_PARAM_DEVICE": "none",
}  # fmt: skip
VARIABLES = {"DDP": {}, "FSDP2": FSDP, "ZeRO-3": ZERO3 | {"DS_ACCELERATOR": "cpu"}}
ENGINES = [
    "DDP",
    pytest.param("FSDP2", marks=pytest.mark.slow),  # as DDP, in another minute and a half
    pytest.param("ZeRO-3", marks=pytest.mark.skipif(
        find_spec("deepspeed") is None, reason="needs `pip install deepspeed`"
    )),
]  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "all weights": {}, "validated": {"validated": True}, "LoRA": {"lora": True, "validated": True},
    "uneven epochs": {"samples": 18}, "encoder-decoder": {"encoder": True},
    "own answers": {"own": True, "samples": 18},
}  # fmt: skip
STOPPED = {"steps": 20, "checkpoint_every": 1000, "slow": True}  # the last one, by SIGTERM


def launched(*command: str, **variables: str) -> subprocess.Popen[str]:
    """A launcher and its two processes, one thread each."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(paths),
        **variables,
    }
    return subprocess.Popen(
        [*launcher, "--standalone", *command], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trainings of `KINDS`, by this process alone."""
    folder = tmp_path_factory.mktemp("alone")
    for kind, changes in KINDS.items():
        distributed_training.trained(folder / kind, changes)
    return folder


@pytest.fixture(scope="module", params=ENGINES)
def together(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """An engine, and the folder of the same trainings under it; DDP has one that SIGTERM ends."""
    engine = request.param
    unsupported = {"encoder-decoder"} if engine == "FSDP2" else set()
    settings = {kind: changes for kind, changes in KINDS.items() if kind not in unsupported}
    settings["resumed"] = {**KINDS["validated"], "resumes": "validated"}
    if engine == "DDP":
        settings["stopped"] = STOPPED
    folder = tmp_path_factory.mktemp(engine)
    command = (distributed_training.__file__, str(folder), json.dumps(settings))
    process = launched(*command, **VARIABLES[engine])
    begun, deadline = folder / "stopped" / "steps", time.monotonic() + 300
    while process.poll() is None and not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)  # the launcher forwards it to both
    output, _ = process.communicate(timeout=300)
    assert (folder / "resumed" / "model.safetensors").exists(), output
    assert bool(process.returncode) == ("stopped" in settings), output
    (folder / "output").write_text(output)
    return engine, folder


def assert_alike(found: Path, expected: Path) -> None:
    """Losses within 1e-5 and weights within 1e-4, the rounding of the engines."""
    curves = [json.loads((each / "curve.json").read_text()) for each in (found, expected)]
    for curve in curves:
        assert [point["step"] for point in curve] == list(range(1, 9))
    for ours, theirs in zip(*curves, strict=True):
        for name in CURVE_KEYS:
            assert ours[name] == pytest.approx(theirs[name], abs=1e-5), name
    weights = [load_file(each / "model.safetensors") for each in (found, expected)]
    assert weights[0].keys() == weights[1].keys()
    for name, weight in weights[1].items():
        if name.endswith("k_proj.bias"):
            continue  # its gradient is rounding alone, which AdamW scales up
        assert_close(weights[0][name], weight, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_train_like_one(kind: str, together: tuple[str, Path], alone: Path) -> None:
    """Four epochs; with 18 samples their last steps are smaller. Validation keeps step 4."""
    engine, folder = together
    if (engine, kind) == ("FSDP2", "encoder-decoder"):
        pytest.skip("see test_models_that_processes_cannot_train_together_are_rejected")
    assert_alike(folder / kind, alone / kind)


def test_two_processes_resume_from_their_newest_usable_checkpoint(
    together: tuple[str, Path], alone: Path
) -> None:
    """That of step 3; the newest one, of step 6, is damaged."""
    _, folder = together
    names = [path.name for path in checkpoints.all_checkpoints(folder / "validated" / "states")]
    assert names == ["step-000000006", "step-000000003"]
    assert_alike(folder / "resumed", alone / "validated")
    points = (folder / "resumed" / "steps").read_text().split()
    assert points == [str(step) for step in range(4, 9)]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_of_two_processes_one_prints_and_writes(
    engine: str, write_recipe: Writer, tmp_path: Path
) -> None:
    """Models are loaded after another one was sharded, and validated while they are sharded."""
    stage = {**RECIPE["unlikelihood"], "validation": {"every": 2, "segments": 2}}
    scratch = {**RECIPE["base"]["scratch"], "optimizer": "adamw"}
    path = write_recipe(control=None, unlikelihood=stage, base={"scratch": scratch})
    command = (as_if_on_accelerators.__file__,) if engine == "FSDP2" else ("-m", "ontarget")
    process = launched(*command, "run", str(path), **VARIABLES[engine])
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    for line in (r"4_unlikelihood +started", r"4_unlikelihood +\d+\.\d s ", "report: "):
        assert len(re.findall(line, output)) == 1, line
    assert output.count("\nstage 2") == 1
    assert (tmp_path / "run" / "4_unlikelihood" / "model" / "model.safetensors").is_file()
    again = launched(*command, "run", str(path), **VARIABLES[engine])
    output, _ = again.communicate(timeout=300)
    assert output.count("up to date") > 5 and " s  " not in output


@pytest.mark.parametrize("together", ["DDP"], indirect=True)
def test_on_sigterm_two_processes_save_one_checkpoint_together(together: tuple[str, Path]) -> None:
    """Resuming from such a checkpoint is the law of another test."""
    folder = together[1] / "stopped"
    assert "run again to resume" in (together[1] / "output").read_text()
    (checkpoint,) = checkpoints.complete_checkpoints(folder / "states")
    assert 0 < int(checkpoint.name.removeprefix("step-")) < 20
    assert {path.name for path in checkpoint.glob("rng_state*")} == {
        "rng_state_0.pth",
        "rng_state_1.pth",
    }
    assert not (folder / "model.safetensors").exists()


def test_a_recipe_error_is_printed_once(write_recipe: Writer, tmp_path: Path) -> None:
    process = launched("-m", "ontarget", "run", str(write_recipe(languages=["en", "xx"])))
    output, _ = process.communicate(timeout=120)
    assert process.returncode and output.count("ontarget: ") == 1


def test_an_error_of_the_main_process_is_not_reported_by_the_others(write_recipe: Writer) -> None:
    """Only the main process notices that another one works in the run folder."""
    path = write_recipe()
    out = Path(yaml.safe_load(path.read_text())["out"])
    with artifacts.lock_folder(out):
        output, _ = launched("-m", "ontarget", "run", str(path)).communicate(timeout=120)
    assert output.count("another ontarget works there") == 1
    assert "did not foresee" not in output


def test_a_batch_that_processes_cannot_share_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(RecipeError, match=r"batch: 8 is no multiple of micro_batch 2 on 3 process"):
        training_arguments(tiny().model, schedule(batch=8, micro_batch=2), tmp_path)


def test_the_recipe_decides_on_the_precision_not_the_launcher(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    for precision, word in (("float32", "no"), ("bfloat16", "bf16"), ("float32", "no")):
        arguments = training_arguments(tiny().model, schedule(precision=precision), tmp_path)
        assert arguments.mixed_precision == os.environ["ACCELERATE_MIXED_PRECISION"] == word


def test_models_that_processes_cannot_train_together_are_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = coder("M2M-100").model
    model.config.decoder_layerdrop = 0.05
    check_model(model, "here")  # one process can train it
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ModelError, match="here: drops layers .* set decoder_layerdrop to 0 in its"):
        check_model(model, "here")
    model.config.decoder_layerdrop = 0.0
    check_model(model, "here")
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ModelError, match="here: its encoder and decoder share their embeddings"):
        check_model(model, "here")
    check_model(tiny().model, "there")  # whose head is tied


def test_a_single_process_is_the_main_process_and_communicates_with_itself() -> None:
    assert (
        processes.world_size() == 1 and processes.is_main_process() and not processes.is_sharded()
    )
    assert processes.decide_on_main(lambda: "x") == processes.broadcast("x") == "x"
    assert processes.sum_over_processes([1.0, 2.0]) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("variables", "count", "is_main"),
    [
        ({"RANK": "1"}, 1, True),  # left over, without a launcher
        ({"RANK": "abc", "WORLD_SIZE": "abc"}, 1, True),
        ({"RANK": "", "WORLD_SIZE": "0"}, 1, True),
        ({"RANK": "0", "WORLD_SIZE": "2"}, 2, True),
        ({"RANK": "1", "WORLD_SIZE": "2"}, 2, False),
    ],
)
def test_variables_that_no_launcher_sets_are_ignored(
    variables: dict[str, str], count: int, is_main: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (processes.world_size(), processes.is_main_process()) == (count, is_main)


@pytest.mark.parametrize("name", ["ddp", "fsdp2", "zero3"])
def test_accelerate_reads_the_shipped_engines(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    found = load_config_from_file(str(SHIPPED / f"{name}.yaml"))
    engine = {"ddp": "MULTI_GPU", "fsdp2": "FSDP", "zero3": "DEEPSPEED"}[name]
    assert found.distributed_type == engine


@pytest.mark.parametrize(
    ("name", "section", "variables"),
    [("fsdp2", "fsdp_config", FSDP), ("zero3", "deepspeed_config", ZERO3)],
)
def test_the_tested_engines_are_the_shipped_ones(
    name: str, section: str, variables: dict[str, str]
) -> None:
    shipped = yaml.safe_load((SHIPPED / f"{name}.yaml").read_text())[section]
    tested = {each.removeprefix("ACCELERATE_DEEPSPEED_").lower(): each for each in variables}
    for key in [each for each in tested if not each.startswith("accelerate_use_")]:
        (found,) = (str(value) for name, value in shipped.items() if name.startswith(key))
        assert found.lower() == variables[tested[key]].lower(), key


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE is 2, but there is no RANK, MASTER_ADDR, MASTER_PORT;"),
        ({"WORLD_SIZE": "2", "RANK": "0", "MASTER_PORT": "1"}, "but there is no MASTER_ADDR;"),
        (
            {"WORLD_SIZE": "2", "RANK": "2", "MASTER_ADDR": "x", "MASTER_PORT": "1"},
            "but there is RANK 2; launch with `accelerate launch` or `torchrun`",
        ),
        ({"LOCAL_RANK": "1"}, "LOCAL_RANK is 1, but there is no RANK, MASTER_ADDR, MASTER_PORT;"),
        ({"WORLD_SIZE": "x"}, "WORLD_SIZE is 'x', expected a number; `unset WORLD_SIZE`, or"),
        ({"RANK": "\u00b2"}, "RANK is '\u00b2', expected a number; `unset RANK`, or"),
        (
            {"ACCELERATE_USE_FSDP": "true"},
            "ACCELERATE_USE_FSDP is true, but there is only one process",
        ),
        (
            {"ACCELERATE_USE_FSDP": "true", "WORLD_SIZE": "2", "FSDP_VERSION": "1"},
            "FSDP_VERSION is 1, expected 2; launch with --fsdp_version 2, or with recipes/engines/",
        ),
    ],
)
def test_an_incomplete_or_impossible_launch_is_an_error(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], text: str
) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    processes.check_launch()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RecipeError, match=re.escape(text)):
        processes.check_launch()
