"""Adapters: what is trained, the fused loss on them, and the merged model."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import RECIPE, Writer
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from support.commands import error_of, run_command
from support.models import double, tiny
from support.runs import Log
from support.trainings import Killed, by_definition, dies_after, examples, schedule, tuned
from torch.testing import assert_close
from transformers import AutoModelForCausalLM

from ontarget.errors import ModelError, RecipeError
from ontarget.models import adapters, folder, loading
from ontarget.models.adapters import LowRankAdapter
from ontarget.models.loading import LoadedModel
from ontarget.pipeline import checks
from ontarget.pipeline import run as pipeline
from ontarget.recipe.yaml_file import load_recipe
from ontarget.training import checkpoints, forward
from ontarget.training.batches.packing import packed, prefix_shared
from ontarget.training.train import train

ALPHA = 0.3


def low_rank(**changes: Any) -> LowRankAdapter:
    settings = {"rank": 2, "scale": 2.0, "dropout": 0.0, "targets": ("all-linear",), "kind": "lora"}
    return LowRankAdapter(**(settings | changes))


def randomized(model: PeftModel) -> PeftModel:
    """Random A and B: B starts at zero, where the gradient of A is zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.copy_(torch.randn(weight.shape, generator=generator, dtype=weight.dtype) / 3)
    return model


@pytest.mark.parametrize("kind", ["lora", "dora"])
@pytest.mark.parametrize("targets", [("all-linear",), ("q_proj", "lm_head"), ("lm_head",)])
@pytest.mark.parametrize("layout", [packed, prefix_shared])
def test_the_fused_loss_and_its_gradients_are_those_of_the_adapted_model(
    kind: str, targets: tuple[str, ...], layout: Any
) -> None:
    """Against the full logits of the adapted model, in float64."""
    loaded = double(tiny())
    loaded.model.lm_head.weight = torch.nn.Parameter(loaded.model.lm_head.weight.detach().clone())
    loaded.model.config.tie_word_embeddings = False
    model = randomized(adapters.add_adapter(loaded.model, low_rank(kind=kind, targets=targets)))
    samples = examples(6)
    batch = layout(samples, 0, 40)
    labelled = batch["labels"][:, 1:] != -100
    wrong = (labelled & batch["unlikely"][:, 1:]).sum()
    weights = torch.where(batch["unlikely"], ALPHA / wrong, 1 / (labelled.sum() - wrong))
    batch["weights"] = weights.double()
    if kind == "dora" and "lm_head" in targets:
        with pytest.raises(ModelError, match="DoRA, which the fused loss does not support"):
            forward.model_loss(loaded.model, **batch)
        return
    with forward.forward_returns_loss(loaded.model):
        loss = model(**batch).loss
    expected = by_definition(loaded.model, samples, ALPHA)
    assert_close(loss, expected, rtol=1e-6, atol=1e-6)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    assert all("lora_" in name for name in trained)
    gradients, expected_gradients = (
        torch.autograd.grad(value, list(trained.values())) for value in (loss, expected)
    )
    for name, one, other in zip(trained, gradients, expected_gradients, strict=True):
        assert_close(one, other, rtol=1e-4, atol=1e-6, msg=lambda text, name=name: f"{name} {text}")


@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_only_the_adapter_is_trained_and_the_merged_model_equals_the_adapted_one(
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
    setting = schedule(steps=6, checkpoint_every=2, adapter=low_rank(dropout=0.3))
    uninterrupted, resumed = tiny(), tiny()
    train(uninterrupted, examples(6), setting, tmp_path / "uninterrupted")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(checkpoints, "publish", dies_after(2, checkpoints.publish))
        train(tiny(), examples(6), setting, tmp_path / "resumed")
    train(resumed, examples(6), setting, tmp_path / "resumed")
    expected, weights = uninterrupted.model.state_dict(), resumed.model.state_dict()
    assert expected.keys() == weights.keys()
    assert all(torch.equal(weights[name], weight) for name, weight in expected.items())


def test_a_recipe_with_adapters_saves_merged_models_and_the_adapters(write_recipe: Writer) -> None:
    adapter = {"adapter": {"rank": 2, "kind": "dora"}}
    path = write_recipe(
        mle=RECIPE["mle"] | adapter, unlikelihood=RECIPE["unlikelihood"] | adapter, control=None
    )

    pipeline.run_recipe(load_recipe(path), Log(), verb="unlikelihood")
    out = path.parent / "run"
    base = load_file(out / "0_base" / "model" / "model.safetensors")
    for step in ("3_mle", "4_unlikelihood"):
        assert set(load_file(out / step / "model" / "model.safetensors")) == set(base)
        config = json.loads((out / step / "adapter" / "adapter_config.json").read_text())
        assert config["use_dora"] is True and config["r"] == 2
    merged = path.parent / "merged"
    merge = ("merge", out / "0_base" / "model", out / "3_mle" / "adapter", merged)
    result = run_command(*merge)
    assert result.code == 0, result
    weights = load_file(merged / "model.safetensors")
    expected = load_file(out / "3_mle" / "model" / "model.safetensors")
    for name, weight in expected.items():
        assert_close(weights[name], weight)
    assert "exists already; name a folder that does not" in error_of(*merge)


def test_a_target_that_no_layer_has_is_an_error() -> None:
    with pytest.raises(RecipeError, match=r"adapter\.targets: nose: .* name layers of a Llama"):
        adapters.add_adapter(tiny().model, low_rank(targets=("nose",)))


def test_an_adapter_of_another_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no adapter_model\.safetensors"):
        adapters.load_adapter(tiny().model, tmp_path)
    adapters.save_adapter(
        adapters.add_adapter(tiny().model, low_rank(targets=("q_proj",))), tmp_path
    )
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    config["r"] = 5
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="not an adapter of a LlamaForCausalLM of this size"):
        adapters.load_adapter(tiny().model, tmp_path)


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_qlora_trains_on_four_bits_and_is_merged_into_the_unquantized_weights(
    write_recipe: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU, where bitsandbytes works too as long as it does not repack weights."""
    monkeypatch.setattr(adapters, "check_cuda", lambda device: None)
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


def test_without_bitsandbytes_qlora_is_an_error_before_anything_runs(
    write_recipe: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "find_spec", lambda name: None)
    stage = RECIPE["mle"] | {"adapter": {"kind": "qlora"}}
    with pytest.raises(ModelError, match="qlora needs the package bitsandbytes, .* pip install"):
        checks.check_recipe(load_recipe(write_recipe(mle=stage)))


def test_qlora_needs_cuda() -> None:
    with pytest.raises(ModelError, match="qlora needs a CUDA GPU, this machine trains on cpu; use"):
        adapters.check_cuda(torch.device("cpu"))
    adapters.check_cuda(torch.device("cuda"))


def test_qlora_needs_unsharded_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "find_spec", lambda name: "there")
    monkeypatch.setattr(folder.processes, "is_sharded", lambda: True)
    with pytest.raises(ModelError, match="needs unsharded weights, but this engine shards"):
        folder.check_quantization()


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_an_adapter_of_a_tied_head_or_embedding_is_merged_into_that_one_only(
    target: str, tmp_path: Path
) -> None:
    """Right after training, and later from its folder."""
    loaded = tiny()
    loading.save_model(loaded, tmp_path / "base")
    adapted = randomized(adapters.add_adapter(loaded.model, low_rank(targets=(target,))))
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_embedding" in name:
                weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(2)))
    ids = torch.tensor([[5, 6, 7, 8]])
    expected = adapted(input_ids=ids).logits.detach()
    adapters.save_adapter(adapted, tmp_path / "adapter")
    assert_close(adapters.merge_adapter(adapted)(input_ids=ids).logits, expected)
    settings = tmp_path / "adapter" / "adapter_config.json"
    for targets in ([target], f".*{target}"):  # names, or a regular expression
        settings.write_text(
            json.dumps(json.loads(settings.read_text()) | {"target_modules": targets})
        )
        again = loading.load_model(str(tmp_path / "base"))
        merged = adapters.merge_adapter(adapters.load_adapter(again.model, tmp_path / "adapter"))
        loading.save_model(loading.LoadedModel(merged, loaded.tokenizer), tmp_path / "merged")
        assert_close(
            loading.load_model(str(tmp_path / "merged")).model(input_ids=ids).logits, expected
        )


def saved_adapter(folder: Path) -> Path:
    adapters.save_adapter(randomized(adapters.add_adapter(tiny().model, low_rank())), folder)
    return folder


def test_an_adapter_that_lacks_weights_is_an_error(tmp_path: Path) -> None:
    path = saved_adapter(tmp_path) / "adapter_model.safetensors"
    weights = load_file(path)
    save_file(dict(list(weights.items())[2:]), path)
    with pytest.raises(ModelError, match="lacks 2 of the adapter's weights for this model, such"):
        adapters.load_adapter(tiny().model, tmp_path)


def test_an_adapter_of_another_kind_is_an_error(tmp_path: Path) -> None:
    path = saved_adapter(tmp_path) / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"peft_type": "IA3"}))
    with pytest.raises(ModelError, match="is an adapter of the kind IA3; give a LoRA or a DoRA"):
        adapters.load_adapter(tiny().model, tmp_path)


def test_an_adapter_with_non_finite_weights_is_not_merged() -> None:
    adapted = randomized(adapters.add_adapter(tiny().model, low_rank()))
    with torch.no_grad():
        next(weight for name, weight in adapted.named_parameters() if "lora_B" in name).fill_(
            float("nan")
        )
    with pytest.raises(ModelError, match="the adapter cannot be merged .* train it again"):
        adapters.merge_adapter(adapted)


def test_one_unknown_target_among_others_is_an_error() -> None:
    with pytest.raises(RecipeError, match="adapter.targets: nosuch: no layer has this name; name"):
        adapters.add_adapter(tiny().model, low_rank(targets=("q_proj", "nosuch")))


def with_new_tokens(folder: Path, **settings: Any) -> tuple[LoadedModel, Any]:
    """A base model in `base`, and in `adapter` a LoRA of it with two new tokens, as peft saves it.

    Returns the base model and the logits of the adapted model.
    """
    loaded = tiny()
    loading.save_model(loaded, folder / "base")
    words = type(loaded.tokenizer)(
        tokenizer_object=loaded.tokenizer._tokenizer, pad_token="<pad>", eos_token="</s>"
    )
    words.add_tokens(["<new>", "<newer>"])
    loaded.model.resize_token_embeddings(len(words), mean_resizing=False)
    config = LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM", **settings)
    adapted = get_peft_model(loaded.model, config)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if weight.requires_grad or (not settings and "embed_tokens" in name):
                weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    adapted.eval()
    adapted.save_pretrained(folder / "adapter", save_embedding_layers=not settings)
    words.save_pretrained(folder / "adapter")
    ids = torch.tensor([[5, 6, len(words) - 2, len(words) - 1]])
    return loaded, adapted(input_ids=ids).logits.detach()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"modules_to_save": ["embed_tokens", "lm_head"]},
        {"trainable_token_indices": {"embed_tokens": [300, 301]}},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")  # peft advises on tied and resized embeddings
def test_an_adapter_with_new_tokens_is_merged_with_its_embeddings_and_tokenizer(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    loaded, expected = with_new_tokens(tmp_path, **settings)
    result = run_command("merge", tmp_path / "base", tmp_path / "adapter", tmp_path / "merged")
    assert result.code == 0, result
    merged = loading.load_model(str(tmp_path / "merged"))
    ids = merged.tokenizer.convert_tokens_to_ids(["<new>", "<newer>"])
    assert ids == [len(merged.tokenizer) - 2, len(merged.tokenizer) - 1]
    assert_close(merged.model(input_ids=torch.tensor([[5, 6, *ids]])).logits, expected)


@pytest.mark.parametrize("kept", ["lora", "lora|embed_tokens"])
@pytest.mark.filterwarnings("ignore")
def test_new_tokens_without_embeddings_or_output_weights_are_refused(
    kept: str, tmp_path: Path
) -> None:
    with_new_tokens(tmp_path)
    path = tmp_path / "adapter" / "adapter_model.safetensors"
    weights = load_file(path)
    save_file({name: weight for name, weight in weights.items() if re.search(kept, name)}, path)
    error = error_of("merge", tmp_path / "base", tmp_path / "adapter", tmp_path / "merged")
    assert "adapter: its tokenizer has 302 tokens, the model 300 embeddings, and the adapter " in (
        error
    )
    assert "save it again with its embeddings (peft: save_embedding_layers=True)" in error
    assert not (tmp_path / "merged").exists()


def test_an_adapter_in_place_of_a_model_is_offered_a_merge(
    write_recipe: Writer, tmp_path: Path
) -> None:
    adapter = saved_adapter(tmp_path / "adapter")
    config = adapter / "adapter_config.json"
    for name, shown in (("org/base", "org/base"), (None, "BASE_MODEL")):
        settings = json.loads(config.read_text()) | {"base_model_name_or_path": name}
        config.write_text(json.dumps(settings))
        error = error_of("check", write_recipe(base={"model": str(adapter)}))
        assert error == (
            f"ontarget: {adapter}: is an adapter, not a model; run `ontarget merge {shown} "
            f"{adapter} MERGED` and give the folder MERGED\n"
        )
