"""`ontarget plan`: what it prints of recipes and folders, and what it refuses."""

import json
import re
import shlex
import struct
from math import prod
from pathlib import Path
from typing import Any

import pytest
from conftest import RECIPE, Writer
from support.commands import HEAVY, error_of, loaded_by, run_command
from support.models import tiny

from ontarget.base_model import llama
from ontarget.errors import ModelError
from ontarget.memory_plan.arithmetic import GIB, AdapterPlan
from ontarget.memory_plan.shapes import ModelShape, llama_tensors
from ontarget.models.loading import save_model
from ontarget.pipeline import plan
from ontarget.recipe.recipe import Recipe, strictly_zero_shot
from ontarget.recipe.sections.training import Mle
from ontarget.recipe.yaml_file import load_recipe

SEVEN = ModelShape(
    hidden=4096, layers=32, heads=32, key_value_heads=32, head_dim=128, feed_forward=11008,
    vocabulary=32_000,
)  # fmt: skip
STAGE: dict[str, Any] = {
    "steps": 10, "batch": 64, "micro_batch": 1, "max_tokens": 512, "precision": "bfloat16",
}  # fmt: skip
LORA = STAGE | {"adapter": {"rank": 16}}


def folder_of(path: Path, shape: ModelShape) -> dict[str, str]:
    """A model's folder with all but the numbers: the header of its weights, and nothing behind."""
    path.mkdir()
    entries, end = {}, 0
    for name, size in llama_tensors(shape).items():
        start, end = end, end + 2 * prod(size)
        entries[name] = {"dtype": "BF16", "shape": size, "data_offsets": [start, end]}
    header = json.dumps(entries).encode()
    with (path / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + end)  # a hole, which takes no room on the disk
    config = {
        "model_type": "llama", "hidden_size": shape.hidden, "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads, "intermediate_size": shape.feed_forward,
        "vocab_size": shape.vocabulary, "max_position_embeddings": 4096,
    }  # fmt: skip
    (path / "config.json").write_text(json.dumps(config))
    (path / "tokenizer.json").write_text("{}")
    return {"model": str(path)}


def planned(path: Path, *options: str) -> list[str]:
    result = run_command("plan", path, *options)
    assert (result.code, result.stderr) == (0, "")
    *lines, hours = result.stdout.splitlines()
    assert hours.startswith("GPU hours of training at most, at ")
    return lines


def test_a_plan_loads_nothing_heavy(write_recipe: Writer) -> None:
    path = f"__import__('pathlib').Path({str(write_recipe())!r})"
    planning = f"from ontarget.cli.commands import recipe; recipe.plan({path})"
    assert not HEAVY & loaded_by(planning)


def test_a_model_from_scratch_is_planned_from_its_section(write_recipe: Writer) -> None:
    path = write_recipe()
    first, titles, *rows, where, smallest, note = planned(path)
    recipe = load_recipe(path)
    assert recipe.base.scratch is not None
    shape = plan.describe_scratch(recipe.base.scratch).shape
    built = llama.make_llama(
        llama.train_byte_bpe(["a"], shape.vocabulary),
        llama.LlamaShape(hidden=32, layers=4, heads=4, feed_forward=64),
        0,
    )
    missing = 32 * (1600 - built.get_input_embeddings().num_embeddings)  # words of the tokenizer
    parameters = built.num_parameters() + missing
    assert first == (
        f"parameters {parameters:,}; trained: base.scratch {parameters:,}, mle {parameters:,}, "
        f"unlikelihood {parameters:,}"
    )
    assert built.config.max_position_embeddings == plan.POSITIONS
    assert titles.split() == "weights gradients optimizer activations loss sum".split()
    assert [row.split()[0] for row in rows] == ["base.scratch", "mle", "unlikelihood"]
    assert max(map(len, rows)) <= 80
    assert where == "GiB at most on one GPU of 80 GiB, 6.0 of them in reserve"
    assert smallest == f"smallest: one: ontarget run {path}"
    assert note == "ddp (recipes/engines/ddp.yaml) on several GPUs saves no memory; it buys speed"


def test_a_7b_takes_the_numbers_of_the_guide_and_two_gpus(
    write_recipe: Writer, tmp_path: Path
) -> None:
    path = write_recipe(base=folder_of(tmp_path / "seven", SEVEN), mle=LORA, unlikelihood=STAGE)
    first, _, mle, unlikelihood, where, smallest, note = planned(path)
    assert first == (
        "parameters 6,738,415,616; trained: mle 39,976,960, unlikelihood 6,738,415,616"
    )
    assert mle.split()[0] == "mle" and float(mle.split()[-1]) < 20
    assert unlikelihood.split()[-1] == "59.8"  # 60 in the guide
    assert where == "GiB at most on each of 2 GPUs of 80 GiB, 6.0 of them in reserve"
    assert smallest == (
        "smallest: fsdp2 on 2 GPUs: accelerate launch --config_file recipes/engines/fsdp2.yaml "
        f"--num_processes 2 -m ontarget run {path}"
    )
    assert note == "zero3 (recipes/engines/zero3.yaml) shards alike"


def test_hours_are_operations_by_speed(write_recipe: Writer, tmp_path: Path) -> None:
    """10 steps of 64 samples of 512 tokens, and their conflicts: 6 operations a parameter."""
    base = folder_of(tmp_path / "seven", SEVEN)
    path = write_recipe(base=base, mle=STAGE | {"steps": None, "epochs": 1}, unlikelihood=STAGE)
    line = run_command("plan", path, "--tflops", "100").stdout.splitlines()[-1]
    parameters = 6_738_415_616 - 32_000 * 4096  # the embeddings are looked up
    hours = 6 * parameters * 10 * 64 * 2 * 512 / 100e12 / 3600
    assert line == (
        "GPU hours of training at most, at 100 TFLOP/s and with samples of full length: mle "
        f"unknown (epochs of a corpus that is not read), unlikelihood {hours:.2g}"
    )


def test_outside_of_a_clone_the_installed_engine_is_named(
    write_recipe: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_recipe(base=folder_of(tmp_path / "seven", SEVEN), mle=None, unlikelihood=STAGE)
    monkeypatch.chdir(tmp_path)
    command = shlex.split(planned(path)[-2])
    engine = Path(command[command.index("--config_file") + 1])
    assert engine.is_absolute() and "fsdp_version: 2" in engine.read_text()


def test_no_engine_is_named_that_a_run_refuses(write_recipe: Writer, tmp_path: Path) -> None:
    """Six samples are three for each of two GPUs, which take two at once."""
    uneven = STAGE | {"batch": 6, "micro_batch": 2, "max_tokens": 256}
    base = folder_of(tmp_path / "seven", SEVEN)
    path = write_recipe(base=base, mle=None, unlikelihood=uneven)
    assert "fsdp2 on 3 GPUs" not in planned(path)[-2] and "on 2 GPUs" not in planned(path)[-2]
    said = error_of("plan", path, "--gpus", "2")
    assert "unlikelihood.batch: 6 samples a step cannot be shared evenly by 2 GPUs, 2 at" in said


def test_what_training_in_parts_cannot_spare_is_said(write_recipe: Writer, tmp_path: Path) -> None:
    path = write_recipe(base=folder_of(tmp_path / "seven", SEVEN), mle=None, unlikelihood=LORA)
    assert planned(path, "--gpu-memory", "24")[3].startswith(
        "diagnosis, validation and translation hold all weights on one GPU: 25.1 GiB in float32"
    )


def test_an_adapter_fits_where_all_weights_do_not(write_recipe: Writer, tmp_path: Path) -> None:
    base = folder_of(tmp_path / "seven", SEVEN)
    one = planned(write_recipe(base=base, mle=None, unlikelihood=LORA), "--gpus", "1")
    assert one[-2].startswith("smallest: one: ontarget run")
    none = planned(write_recipe(base=base, mle=None, unlikelihood=STAGE), "--gpus", "1")
    assert none[-1] == (
        "none fits: unlikelihood lacks 46.3 GiB on one GPU (activations of 1,024 tokens are 7.0); "
        "train an adapter or shorten max_tokens or take more GPUs than 1"
    )


def test_smaller_gpus_take_more_of_them(write_recipe: Writer, tmp_path: Path) -> None:
    path = write_recipe(base=folder_of(tmp_path / "seven", SEVEN), mle=None, unlikelihood=STAGE)
    assert "--num_processes 4 " in planned(path, "--gpu-memory", "40")[-2]
    assert "--num_processes 8 " in planned(path, "--gpu-memory", "26")[-2]


@pytest.mark.parametrize(
    ("gpus", "remedies"),
    [(2, "lower micro_batch or shorten max_tokens"), (8, "shorten max_tokens")],
)
def test_where_activations_alone_are_too_many_more_gpus_are_no_remedy(
    write_recipe: Writer, tmp_path: Path, gpus: int, remedies: str
) -> None:
    long = LORA | {"batch": 8, "micro_batch": 8, "max_tokens": 2048}
    path = write_recipe(base=folder_of(tmp_path / "seven", SEVEN), mle=None, unlikelihood=long)
    *_, where, last = planned(path, "--gpu-memory", "24", "--gpus", str(gpus))
    assert where.startswith(f"GiB at most on each of {gpus} GPUs of 24 GiB")
    assert last.startswith("none fits: unlikelihood lacks ")
    assert last.endswith(f"; {remedies}")


def test_ddp_is_named_only_where_its_buckets_fit_too(write_recipe: Writer, tmp_path: Path) -> None:
    path = write_recipe(base=folder_of(tmp_path / "seven", SEVEN), mle=None, unlikelihood=STAGE)
    assert planned(path, "--gpu-memory", "140")[-1] == f"smallest: one: ontarget run {path}"
    assert planned(path, "--gpu-memory", "192")[-1].startswith("ddp (recipes/engines/ddp.yaml)")


def test_a_name_with_spaces_can_be_pasted(write_recipe: Writer, tmp_path: Path) -> None:
    spaced = tmp_path / "my recipe.yaml"
    write_recipe().rename(spaced)
    assert planned(spaced)[-2] == f"smallest: one: ontarget run '{spaced}'"


def sections(*batches: int) -> list[Mle]:
    return [Mle(steps=1, batch=batch, micro_batch=1) for batch in batches]


def test_the_number_of_gpus_shares_each_batch(write_recipe: Writer) -> None:
    path = write_recipe(unlikelihood={"steps": 3, "batch": 12, "micro_batch": 2})
    assert plan.gpu_counts(sections(8, 12), None) == [1, 2, 4]
    assert plan.gpu_counts(sections(96, 48), None) == [1, 2, 4, 8, 16]
    assert plan.gpu_counts(sections(96, 48), 3) == [1, 2, 3]
    assert (
        "base.scratch.batch: 8 samples a step cannot be shared evenly by 3 GPUs, 4 at once; "
        "make it a multiple, or take another number of GPUs"
    ) in error_of("plan", path, "--gpus", "3")


def test_stage_2_reads_twice_as_many_rows_and_no_more_than_fall_to_a_gpu(
    write_recipe: Writer,
) -> None:
    recipe = load_recipe(write_recipe(unlikelihood={"steps": 3, "batch": 8, "micro_batch": 4}))
    planned = plan.make_plan(recipe, 80.0, None)
    assert planned.stages["mle"].batch.rows == 4
    assert planned.stages["unlikelihood"].batch.rows == 8
    assert recipe.unlikelihood is not None
    shape = planned.model.shape
    assert plan.training_plan(recipe.unlikelihood, 8, shape, 2).batch.rows == 2
    long = recipe.unlikelihood.model_copy(update={"max_tokens": 5000})
    found = plan.training_plan(long, 8, shape, 2).batch  # rows of 5000, sequences of 1024 positions
    assert (found.rows, found.width) == (1, 2048)
    assert planned.gpu == 80 * GIB


def test_step_0_reads_every_translation_of_a_sentence(write_recipe: Writer) -> None:
    recipe = load_recipe(write_recipe())
    assert recipe.base.scratch is not None and len(recipe.languages) == 3
    rows = plan.make_plan(recipe, 80.0, None).stages["base.scratch"].batch.rows
    assert rows == 2 * recipe.base.scratch.micro_batch
    strict = plan.make_plan(strictly_zero_shot(recipe, None), 80.0, None).stages["base.scratch"]
    assert strict.batch.rows == 3 * recipe.base.scratch.micro_batch


def test_a_section_says_everything_that_the_arithmetic_asks_for(write_recipe: Writer) -> None:
    adapter = {"kind": "dora", "rank": 4, "dropout": 0.1, "targets": ["q_proj"]}
    given = {"steps": 3, "batch": 4, "optimizer": "muon", "precision": "bfloat16"}
    recipe = load_recipe(write_recipe(unlikelihood=given | {"adapter": adapter}))
    found = plan.make_plan(recipe, 80.0, None).stages
    assert found["unlikelihood"].adapter == AdapterPlan(
        rank=4, targets=("q_proj",), dropout=True, lengths=True
    )
    assert (found["unlikelihood"].optimizer, found["unlikelihood"].precision) == (
        "muon",
        "bfloat16",
    )
    assert found["base.scratch"].optimizer == "muon" and found["mle"].optimizer == "adamw"
    plain = load_recipe(write_recipe(unlikelihood=given | {"adapter": {"rank": 4}}))
    lora = plan.make_plan(plain, 80.0, None).stages["unlikelihood"].adapter
    assert lora == AdapterPlan(rank=4, targets=("all-linear",), dropout=False, lengths=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base": {"model": "org/name"}}, "org/name: no folder here, and a plan downloads nothing;"
         " download the model and give its folder as base.model"),
        ({"base": {"model": "x"}, "mle": None, "unlikelihood": None, "control": False},
         "mle, unlikelihood: both are missing, so nothing is trained; add one"),
        ({"base": {"model": "/nowhere/at/all"}}, "/nowhere/at/all: no such folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_one_line(
    write_recipe: Writer, changes: dict[str, Any], message: str
) -> None:
    assert message in error_of("plan", write_recipe(**changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"text_config": "none"}, "config.json or the headers of the weights are damaged"),
        ({"intermediate_size": "64"}, "config.json has '64' for intermediate_size or n_inner or"),
        ({"head_dim": "x"}, "config.json has 'x' for head_dim, expected a size"),
        ({"num_key_value_heads": True}, "config.json has True for num_key_value_heads, expected"),
        ({"max_position_embeddings": "long"}, "config.json has 'long' for max_position_embed"),
        ({"hidden_size": 10**400}, "config.json has 1000000"),
    ],
)
def test_a_config_of_values_that_are_no_sizes_is_one_line(
    damage: dict[str, Any], message: str, tmp_path: Path
) -> None:
    save_model(tiny(), tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    recipe = load_recipe_of(tmp_path)
    with pytest.raises(ModelError, match=re.escape(message)):
        plan.make_plan(recipe, 80.0, None)


def test_weights_of_no_tensor_are_damaged(tmp_path: Path) -> None:
    save_model(tiny(), tmp_path)
    (tmp_path / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    with pytest.raises(
        ModelError, match=r"num_hidden_layers is 1, but the weights are 0 tensors; fetch"
    ):
        plan.make_plan(load_recipe_of(tmp_path), 80.0, None)


def load_recipe_of(model: Path) -> Recipe:
    """The tests' recipe with this model in place of one from scratch."""
    content = RECIPE | {"base": {"model": str(model)}, "out": str(model / "run")}
    return Recipe.model_validate(content)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"optimizer": "muon"}, "mle.optimizer: muon"),
        ({"compile": True}, "mle.compile: true"),
        ({"adapter": {"kind": "qlora"}}, "mle.adapter.kind: qlora"),
    ],
)
def test_what_needs_whole_weights_is_planned_on_one_gpu(
    change: dict[str, Any], said: str, write_recipe: Writer, tmp_path: Path
) -> None:
    base = folder_of(tmp_path / "seven", SEVEN)
    recipe = load_recipe(
        write_recipe(base=base, unlikelihood=None, control=None, mle=STAGE | change)
    )
    planned = plan.make_plan(recipe, 80.0, None)
    assert planned.gpus == 1 and planned.unshardable == said
    if not planned.fits:
        assert f"leave out {said}, which needs whole weights" in plan.no_fit_line(planned)
    without = load_recipe(write_recipe(base=base, unlikelihood=None, control=None, mle=STAGE))
    assert plan.make_plan(without, 80.0, None).gpus > 1
