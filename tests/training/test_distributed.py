"""Two processes train as one does: the same losses, the same weights, one voice, one writer."""

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
    "DDP", "FSDP2",
    pytest.param("ZeRO-3", marks=pytest.mark.skipif(
        find_spec("deepspeed") is None, reason="needs `pip install deepspeed`"
    )),
]  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "all weights": {}, "validated": {"validated": True}, "LoRA": {"lora": True, "validated": True},
    "uneven epochs": {"samples": 42}, "encoder-decoder": {"encoder": True},
}  # fmt: skip


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


def trained(folder: Path, settings: dict[str, dict[str, Any]], **variables: str) -> Path:
    """What two processes leave that run `distributed_training.py`."""
    process = launched(
        distributed_training.__file__, str(folder), json.dumps(settings), **variables
    )
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trainings of `KINDS` by one process, this one."""
    folder = tmp_path_factory.mktemp("alone")
    for kind, changes in KINDS.items():
        distributed_training.trained(folder / kind, changes)
    return folder


@pytest.fixture(scope="module", params=ENGINES)
def together(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """An engine, and what it leaves of the same trainings, one after another."""
    engine = request.param
    left_out = {"encoder-decoder"} if engine == "FSDP2" else set()
    settings = {kind: changes for kind, changes in KINDS.items() if kind not in left_out}
    return engine, trained(tmp_path_factory.mktemp(engine), settings, **VARIABLES[engine])


def assert_alike(found: Path, expected: Path) -> None:
    """Losses to 1e-5 and weights to 1e-4, as the engines' own rounding allows."""
    curves = [json.loads((each / "curve.json").read_text()) for each in (found, expected)]
    for curve in curves:
        assert [point["step"] for point in curve] == list(range(1, 21))
    for ours, theirs in zip(*curves, strict=True):
        for name in CURVE_KEYS:
            assert ours[name] == pytest.approx(theirs[name], abs=1e-5), name
    weights = [load_file(each / "model.safetensors") for each in (found, expected)]
    assert weights[0].keys() == weights[1].keys()
    for name, weight in weights[1].items():
        if name.endswith("k_proj.bias"):
            continue  # it shifts all scores alike: of its gradient, rounding, AdamW makes steps
        assert_close(weights[0][name], weight, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_train_as_one_does(
    kind: str, together: tuple[str, Path], alone: Path
) -> None:
    """Over four epochs, whose last steps are whole or, of 42 samples, not; validated, the weights
    of step 12 are kept.
    """
    engine, folder = together
    if (engine, kind) == ("FSDP2", "encoder-decoder"):
        pytest.skip("refused: see test_what_processes_cannot_train_together_is_refused")
    assert_alike(folder / kind, alone / kind)


def test_two_processes_go_on_from_their_checkpoint(together: tuple[str, Path], alone: Path) -> None:
    """The newest is damaged, so they go on from the one before."""
    engine, folder = together
    states = folder / "validated" / "states"
    assert [each.name for each in sorted(states.glob("step-*"))] == [
        "step-000000007", "step-000000014",
    ]  # fmt: skip
    (folder / "validated" / "model.safetensors").unlink()
    (states / "step-000000014" / "memory.json").write_text("damaged")
    trained(folder, {"validated": KINDS["validated"]}, **VARIABLES[engine])
    assert_alike(folder / "validated", alone / "validated")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_of_two_processes_speaks_and_writes_once(
    engine: str, write_recipe: Writer, tmp_path: Path
) -> None:
    """Each model is loaded after another was split over the processes, and validated meanwhile."""
    stage = {**RECIPE["unlikelihood"], "validation": {"every": 2, "segments": 2}}
    scratch = {**RECIPE["base"]["scratch"], "optimizer": "adamw"}
    path = write_recipe(control=None, unlikelihood=stage, base={"scratch": scratch})
    command = (as_if_on_accelerators.__file__,) if engine == "FSDP2" else ("-m", "ontarget")
    process = launched(*command, "run", str(path), **VARIABLES[engine])
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert said.count("4_unlikelihood ") == said.count("report: ") == 1
    assert said.count("\nstage 2 (+ unlikelihood)") == 1
    assert (tmp_path / "run" / "4_unlikelihood" / "model" / "model.safetensors").is_file()
    again = launched(*command, "run", str(path), **VARIABLES[engine])
    said, _ = again.communicate(timeout=300)
    assert said.count("up to date") > 5 and " s  " not in said


def test_on_sigterm_all_save_together_and_the_next_run_ends_alike(
    alone: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "two"
    unsaved = {"checkpoint_every": 1000}
    slow = json.dumps({"two": {**unsaved, "slow": True}})
    process = launched(distributed_training.__file__, str(tmp_path), slow)
    deadline = time.monotonic() + 120
    while not (folder / "trains").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)  # which the launcher hands on to both
    said, _ = process.communicate(timeout=120)
    assert "run again to go on" in said
    (state,) = (folder / "states").glob("step-*")
    assert 0 < int(state.name.removeprefix("step-")) < 20
    assert not (folder / "model.safetensors").exists()
    trained(tmp_path, {"two": unsaved})
    assert_alike(folder, alone / "all weights")


def test_a_recipe_that_no_process_can_use_is_one_line(write_recipe: Writer, tmp_path: Path) -> None:
    process = launched("-m", "ontarget", "run", str(write_recipe(languages=["en", "xx"])))
    said, _ = process.communicate(timeout=120)
    assert process.returncode and said.count("ontarget: ") == 1


def test_what_others_lose_by_the_leaders_end_is_no_fault_of_theirs(write_recipe: Writer) -> None:
    """The recipe is found unusable by the leader alone, when it first looks at the run's folder."""
    path = write_recipe()
    out = Path(yaml.safe_load(path.read_text())["out"])
    with artifacts.lock(out):
        said, _ = launched("-m", "ontarget", "run", str(path)).communicate(timeout=120)
    assert said.count("another ontarget works there") == 1
    assert "did not foresee" not in said


def test_a_batch_that_the_processes_cannot_share_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(RecipeError, match=r"batch: 8 is no multiple of micro_batch 2 on 3 process"):
        training_arguments(tiny().model, schedule(batch=8, micro_batch=2), tmp_path)


def test_the_recipes_precision_counts_and_not_the_launchers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    for precision, word in (("float32", "no"), ("bfloat16", "bf16"), ("float32", "no")):
        made = training_arguments(tiny().model, schedule(precision=precision), tmp_path)
        assert made.mixed_precision == os.environ["ACCELERATE_MIXED_PRECISION"] == word


def test_what_processes_cannot_train_together_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = coder("M2M-100").model
    model.config.decoder_layerdrop = 0.05
    check_model(model, "here")  # alone it may
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ModelError, match="here: drops whole .* set decoder_layerdrop to 0 in its"):
        check_model(model, "here")
    model.config.decoder_layerdrop = 0.0
    check_model(model, "here")
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ModelError, match="here: its encoder and decoder share their embeddings"):
        check_model(model, "here")
    check_model(tiny().model, "there")  # whose head is tied


def test_alone_a_process_leads_and_agrees_with_itself() -> None:
    assert (
        processes.world_size() == 1 and processes.is_main_process() and not processes.is_sharded()
    )
    assert processes.decide_on_main(lambda: "x") == processes.broadcast("x") == "x"
    assert processes.sum_over_processes([1.0, 2.0]) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("variables", "count", "leads"),
    [
        ({"RANK": "1"}, 1, True),  # left over, without a launcher
        ({"RANK": "abc", "WORLD_SIZE": "abc"}, 1, True),
        ({"RANK": "", "WORLD_SIZE": "0"}, 1, True),
        ({"RANK": "0", "WORLD_SIZE": "2"}, 2, True),
        ({"RANK": "1", "WORLD_SIZE": "2"}, 2, False),
    ],
)
def test_what_is_no_launchers_number_is_not_taken_for_one(
    variables: dict[str, str], count: int, leads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (processes.world_size(), processes.is_main_process()) == (count, leads)


@pytest.mark.parametrize("name", ["ddp", "fsdp2", "zero3"])
def test_the_shipped_engines_are_what_accelerate_reads(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    found = load_config_from_file(str(SHIPPED / f"{name}.yaml"))
    engine = {"ddp": "MULTI_GPU", "fsdp2": "FSDP", "zero3": "DEEPSPEED"}[name]
    assert found.distributed_type == engine


@pytest.mark.parametrize(
    ("name", "section", "variables"),
    [("fsdp2", "fsdp_config", FSDP), ("zero3", "deepspeed_config", ZERO3)],
)
def test_the_shipped_engines_are_those_that_are_tested(
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
        ({"ACCELERATE_USE_FSDP": "true"}, "ACCELERATE_USE_FSDP is true, but there is one process"),
        (
            {"ACCELERATE_USE_FSDP": "true", "WORLD_SIZE": "2", "FSDP_VERSION": "1"},
            "FSDP_VERSION is 1, expected 2; launch with --fsdp_version 2, or with recipes/engines/",
        ),
    ],
)
def test_processes_that_no_launcher_can_have_made_are_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], text: str
) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    processes.check_launch()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RecipeError, match=re.escape(text)):
        processes.check_launch()
