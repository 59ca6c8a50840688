"""Adapters: what is trained, what the fused loss makes of them, and what is left of them."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import RECIPE, Writer
from peft import PeftModel
from safetensors.torch import load_file, save_file
from support.commands import ontarget_command as ontarget
from support.models import double, tiny
from support.runs import Log
from support.trainings import Killed, by_definition, dies_after, examples, schedule, tuned
from torch.testing import assert_close
from transformers import AutoModelForCausalLM

from ontarget import artifacts
from ontarget.errors import ModelError, RecipeError
from ontarget.models import adapters, folder, loading
from ontarget.models.adapters import LowRankAdapter
from ontarget.pipeline import checks
from ontarget.pipeline import run as pipeline
from ontarget.recipe.yaml_file import load_recipe
from ontarget.training import checkpoints, forward
from ontarget.training.packing import packed, prefix_shared
from ontarget.training.train import train

ALPHA = 0.3


def low_rank(**changes: Any) -> LowRankAdapter:
    settings = {"rank": 2, "scale": 2.0, "dropout": 0.0, "targets": ("all-linear",), "kind": "lora"}
    return LowRankAdapter(**(settings | changes))


def filled(model: PeftModel) -> PeftModel:
    """B begins at zero, where half of the gradients are; give it other values."""
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.copy_(torch.randn(weight.shape, generator=rng, dtype=weight.dtype) / 3)
    return model


@pytest.mark.parametrize("kind", ["lora", "dora"])
@pytest.mark.parametrize("targets", [("all-linear",), ("q_proj", "lm_head"), ("lm_head",)])
@pytest.mark.parametrize("laid_out", [packed, prefix_shared])
def test_the_fused_loss_and_its_gradients_are_those_of_the_adapted_model(
    kind: str, targets: tuple[str, ...], laid_out: Any
) -> None:
    """Against full logits of the adapted model itself, in float64."""
    loaded = double(tiny())
    loaded.model.lm_head.weight = torch.nn.Parameter(loaded.model.lm_head.weight.detach().clone())
    loaded.model.config.tie_word_embeddings = False
    model = filled(adapters.add_adapter(loaded.model, low_rank(kind=kind, targets=targets)))
    drawn = examples(6)
    batch = laid_out(drawn, 0, 40)
    kept = batch["labels"][:, 1:] != -100
    wrong = (kept & batch["unlikely"][:, 1:]).sum()
    weights = torch.where(batch["unlikely"], ALPHA / wrong, 1 / (kept.sum() - wrong))
    batch["weights"] = weights.double()
    if kind == "dora" and "lm_head" in targets:
        with pytest.raises(ModelError, match="DoRA, of which the fused loss knows nothing"):
            forward.model_loss(loaded.model, **batch)
        return
    with forward.forward_returns_loss(loaded.model):
        found = model(**batch).loss
    expected = by_definition(loaded.model, drawn, ALPHA)
    assert_close(found, expected, rtol=1e-6, atol=1e-6)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    assert all("lora_" in name for name in trained)
    ours = torch.autograd.grad(found, list(trained.values()))
    theirs = torch.autograd.grad(expected, list(trained.values()))
    for name, one, other in zip(trained, ours, theirs, strict=True):
        assert_close(one, other, rtol=1e-4, atol=1e-6, msg=lambda text, name=name: f"{name} {text}")


@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_only_the_adapter_learns_and_the_merged_model_answers_like_the_adapted_one(
    kind: str, tmp_path: Path
) -> None:
    before = {name: w.clone() for name, w in tiny().model.state_dict().items()}
    loaded = tiny()
    setting = schedule(steps=20, adapter=low_rank(kind=kind))
    result = tuned(loaded, examples(8), setting)
    assert result.adapter is not None
    assert result.curve[-1]["likelihood"] < result.curve[0]["likelihood"]
    bases = {
        name.replace("base_layer.", ""): weight
        for name, weight in loaded.model.state_dict().items()
        if "lora_" not in name
    }
    assert all(torch.equal(bases[name], weight) for name, weight in before.items())
    ids = torch.tensor([[3, 4, 5, 6]])
    loaded.model.eval()
    adapted = loaded.model(input_ids=ids).logits.detach()
    adapters.save_adapter(result.adapter, tmp_path / "adapter")
    adapters.merge_adapter(result.adapter)
    loading.save_model(loaded, tmp_path / "model")
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert set(plain.state_dict()) == set(before)
    assert_close(plain(input_ids=ids).logits.detach(), adapted, rtol=1e-4, atol=1e-4)
    again = adapters.load_adapter(tiny().model, tmp_path / "adapter").eval()
    assert_close(again(input_ids=ids).logits.detach(), adapted, rtol=1e-4, atol=1e-4)


def test_an_interrupted_adapter_resumes_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = schedule(steps=12, checkpoint_every=3, adapter=low_rank(dropout=0.3))
    whole, cut = tiny(), tiny()
    train(whole, examples(6), setting, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(checkpoints, "publish", dies_after(2, checkpoints.publish))
        train(tiny(), examples(6), setting, tmp_path / "cut")
    train(cut, examples(6), setting, tmp_path / "cut")
    wanted, found = whole.model.state_dict(), cut.model.state_dict()
    assert wanted.keys() == found.keys()
    assert all(torch.equal(found[name], weight) for name, weight in wanted.items())


def test_a_recipe_with_adapters_leaves_whole_models_and_the_adapters(write_recipe: Writer) -> None:
    adapter = {"adapter": {"rank": 2, "kind": "dora"}}
    path = write_recipe(
        mle=RECIPE["mle"] | adapter, unlikelihood=RECIPE["unlikelihood"] | adapter, control=None
    )

    class Quiet:
        def began(self, unit: Any) -> None: ...
        def tell(self, text: str, done: int, total: int) -> None: ...
        def ended(self, unit: Any, seconds: float, result: dict[str, Any]) -> None: ...
        def skipped(self, unit: Any) -> None: ...

    pipeline.run_recipe(load_recipe(path), Quiet(), verb="unlikelihood")
    out = path.parent / "run"
    base = load_file(out / "0_base" / "model" / "model.safetensors")
    for step in ("3_mle", "4_unlikelihood"):
        assert set(load_file(out / step / "model" / "model.safetensors")) == set(base)
        config = json.loads((out / step / "adapter" / "adapter_config.json").read_text())
        assert config["use_dora"] is True and config["r"] == 2
    merged = path.parent / "merged"
    result = ontarget("merge", str(out / "0_base/model"), str(out / "3_mle/adapter"), str(merged))
    assert result.returncode == 0, result.stderr
    one = load_file(merged / "model.safetensors")
    other = load_file(out / "3_mle" / "model" / "model.safetensors")
    for name, weight in other.items():
        assert_close(one[name], weight)
    assert artifacts.folder_hashes(merged)
    result = ontarget("merge", str(out / "0_base/model"), str(out / "3_mle/adapter"), str(merged))
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "exists already; name a folder that does not" in result.stderr


def test_a_layer_that_is_not_there_is_named() -> None:
    with pytest.raises(RecipeError, match=r"adapter\.targets: nose: .* name layers of a Llama"):
        adapters.add_adapter(tiny().model, low_rank(targets=("nose",)))


def test_what_is_no_adapter_of_this_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no adapter_model\.safetensors"):
        adapters.load_adapter(tiny().model, tmp_path)
    adapters.save_adapter(
        adapters.add_adapter(tiny().model, low_rank(targets=("q_proj",))), tmp_path
    )
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    config["r"] = 5
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="is no adapter of a LlamaForCausalLM of this size"):
        adapters.load_adapter(tiny().model, tmp_path)


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_qlora_trains_on_four_bits_and_is_merged_into_the_weights_as_they_were(
    write_recipe: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU, where bitsandbytes works too as long as it does not repack."""
    monkeypatch.setattr(loading, "check_cuda", lambda device: None)
    monkeypatch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: False)
    adapter = {"kind": "qlora", "rank": 2}
    stage = RECIPE["unlikelihood"] | {"adapter": adapter, "learning_rate": 1e-2}
    wide = {"scratch": RECIPE["base"]["scratch"] | {"hidden": 64, "feed_forward": 64}}
    pipeline.run_recipe(load_recipe(write_recipe(base=wide, unlikelihood=stage)), Log())
    run = tmp_path / "run"
    before, after = (
        load_file(run / name / "model" / "model.safetensors")
        for name in ("3_mle", "4_unlikelihood")
    )
    low = load_file(run / "4_unlikelihood" / "adapter" / "adapter_model.safetensors")
    assert before.keys() == after.keys()
    name = "model.layers.0.self_attn.q_proj"
    a, b = (low[f"base_model.model.{name}.lora_{side}.weight"] for side in "AB")
    assert b.abs().max() > 0
    expected = before[f"{name}.weight"] + 16.0 * (b @ a)  # alpha 32, rank 2
    assert_close(after[f"{name}.weight"], expected)
    assert torch.equal(after["model.embed_tokens.weight"], before["model.embed_tokens.weight"])


def test_without_bitsandbytes_qlora_is_refused_before_anything_runs(
    write_recipe: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "find_spec", lambda name: None)
    stage = RECIPE["mle"] | {"adapter": {"kind": "qlora"}}
    with pytest.raises(ModelError, match="qlora needs the package bitsandbytes, .* pip install"):
        checks.check_recipe(load_recipe(write_recipe(mle=stage)))


def test_qlora_is_for_cuda() -> None:
    with pytest.raises(ModelError, match="qlora needs a CUDA GPU, this machine trains on cpu; use"):
        loading.check_cuda(torch.device("cpu"))
    loading.check_cuda(torch.device("cuda"))


def test_qlora_needs_whole_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "find_spec", lambda name: "there")
    monkeypatch.setattr(folder.processes, "shard", lambda: True)
    with pytest.raises(ModelError, match="needs whole weights, this engine shards them; use ddp"):
        folder.check_quantization()


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_an_adapter_of_a_tied_head_is_merged_into_the_head_alone(
    target: str, tmp_path: Path
) -> None:
    """And merged later by itself, the same."""
    loaded = tiny()
    loading.save_model(loaded, tmp_path / "base")
    tuned = filled(adapters.add_adapter(loaded.model, low_rank(targets=(target,))))
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_embedding" in name:
                weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(2)))
    ids = torch.tensor([[5, 6, 7, 8]])
    expected = tuned(input_ids=ids).logits.detach()
    adapters.save_adapter(tuned, tmp_path / "adapter")
    assert_close(adapters.merge_adapter(tuned)(input_ids=ids).logits, expected)
    settings = tmp_path / "adapter" / "adapter_config.json"
    for named in ([target], f".*{target}"):  # names, or a regular expression
        settings.write_text(
            json.dumps(json.loads(settings.read_text()) | {"target_modules": named})
        )
        again = loading.load_model(str(tmp_path / "base"))
        merged = adapters.merge_adapter(adapters.load_adapter(again.model, tmp_path / "adapter"))
        loading.save_model(loading.LoadedModel(merged, loaded.tokenizer), tmp_path / "merged")
        assert_close(
            loading.load_model(str(tmp_path / "merged")).model(input_ids=ids).logits, expected
        )


def saved_adapter(folder: Path) -> Path:
    adapters.save_adapter(filled(adapters.add_adapter(tiny().model, low_rank())), folder)
    return folder


def test_an_adapter_that_lacks_weights_is_refused(tmp_path: Path) -> None:
    path = saved_adapter(tmp_path) / "adapter_model.safetensors"
    whole = load_file(path)
    save_file(dict(list(whole.items())[2:]), path)
    with pytest.raises(ModelError, match="lacks 2 of the adapter's weights for this model, such"):
        adapters.load_adapter(tiny().model, tmp_path)


def test_an_adapter_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = saved_adapter(tmp_path) / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"peft_type": "IA3"}))
    with pytest.raises(ModelError, match="is an adapter of the kind IA3; give a LoRA or a DoRA"):
        adapters.load_adapter(tiny().model, tmp_path)


def test_an_adapter_of_numbers_that_are_none_is_not_merged() -> None:
    tuned = filled(adapters.add_adapter(tiny().model, low_rank()))
    with torch.no_grad():
        next(w for n, w in tuned.named_parameters() if "lora_B" in n).fill_(float("nan"))
    with pytest.raises(ModelError, match="the adapter cannot be merged .* train it again"):
        adapters.merge_adapter(tuned)


def test_one_unknown_target_among_others_is_named() -> None:
    with pytest.raises(RecipeError, match="adapter.targets: nosuch: no layer has this name; name"):
        adapters.add_adapter(tiny().model, low_rank(targets=("q_proj", "nosuch")))
