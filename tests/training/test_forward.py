"""The loss of every family of models, in every layout, against the family's own logits."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
import transformers as hf
from support.models import prompt_of
from torch import Tensor
from torch.testing import assert_close

from ontarget.errors import ModelError
from ontarget.models.prompting import Prompt
from ontarget.training import forward
from ontarget.training.batches.packing import packed, padded, prefix_shared
from ontarget.training.batches.sequences import Example, token_sequence
from ontarget.training.losses import IGNORE

SMALL = {
    "vocab_size": 96, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "intermediate_size": 24, "max_position_embeddings": 64,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
WHOLE = {key: value for key, value in SMALL.items() if key != "num_key_value_heads"}
ENDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
GPT2 = {"vocab_size": 96, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64, **ENDS}
OPT = {**WHOLE, "ffn_dim": 24, "word_embed_proj_dim": 16}
NEO = {
    "vocab_size": 96, "hidden_size": 16, "num_layers": 2, "num_heads": 2, "window_size": 3,
    "attention_types": [[["global", "local"], 1]], "max_position_embeddings": 128, **ENDS,
}  # fmt: skip
BLOOM = {"vocab_size": 96, "hidden_size": 16, "n_layer": 2, "n_head": 2, **ENDS}
DELTA = {  # a layer of Gated DeltaNet, whose state would run on into the next packed sequence
    **SMALL, "head_dim": 8, "layer_types": ["linear_attention", "full_attention"],
    "linear_conv_kernel_dim": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    "linear_num_key_heads": 2, "linear_num_value_heads": 2,
}  # fmt: skip
FAMILIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "Llama": (hf.LlamaConfig, SMALL),
    "Qwen3": (hf.Qwen3Config, {**SMALL, "head_dim": 8}),
    "Qwen3.5": (hf.Qwen3_5TextConfig, DELTA),
    "Phi3": (hf.Phi3Config, SMALL),
    "Mistral": (hf.MistralConfig, {**SMALL, "sliding_window": 3}),
    "Gemma2": (hf.Gemma2Config, {**SMALL, "head_dim": 8, "final_logit_softcapping": 2.0}),
    "Gemma3": (hf.Gemma3TextConfig, {**SMALL, "head_dim": 8, "sliding_window": 3}),
    "Granite": (hf.GraniteConfig, {**SMALL, "logits_scaling": 4.0}),
    "Cohere": (hf.CohereConfig, {**SMALL, "logit_scale": 0.25}),
    "Phi": (hf.PhiConfig, WHOLE),
    "GPT2": (hf.GPT2Config, GPT2),
    "GPTNeoX": (hf.GPTNeoXConfig, WHOLE),
    "GPTNeo": (hf.GPTNeoConfig, NEO),
    "OPT": (hf.OPTConfig, OPT),
    "Bloom": (hf.BloomConfig, BLOOM),
}
CODER = {
    "vocab_size": 96, "d_model": 16, "encoder_layers": 1, "decoder_layers": 2,
    "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24, "max_position_embeddings": 64, "decoder_start_token_id": 2,
    "forced_eos_token_id": None, **ENDS,
}  # fmt: skip
T5 = {
    "vocab_size": 96, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2,
    "decoder_start_token_id": 0, **ENDS,
}  # fmt: skip
ENCODERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "T5": (hf.T5Config, T5),
    "T5 untied": (hf.T5Config, {**T5, "tie_word_embeddings": False}),
    "mT5": (hf.MT5Config, T5),
    "BART": (hf.BartConfig, CODER),
    "mBART": (hf.MBartConfig, {**CODER, "scale_embedding": True}),
    "M2M-100, NLLB": (hf.M2M100Config, CODER),
    "Marian": (hf.MarianConfig, CODER),
}
FAMILIES |= ENCODERS
UNPACKED = {"OPT", "Bloom", "Qwen3.5", *ENCODERS}  # positions do not separate sequences
UNSHARED = {"Mistral", "Gemma3", "GPTNeo", *UNPACKED} - {"OPT"}  # windows of 3, or no positions
EAGER = {"Gemma2", "GPTNeo", "Bloom", "T5", "T5 untied", "mT5"}  # these have no other attention
families = pytest.mark.parametrize("family", FAMILIES)


def model_of(family: str, attention: str = "sdpa", seed: int = 0, **changes: Any) -> Any:
    """A random model in float64, its norms and biases random too."""
    kind, settings = FAMILIES[family]
    settings = settings | changes
    torch.manual_seed(seed)
    config = kind(**settings, attn_implementation="eager" if family in EAGER else attention)
    made = hf.AutoModelForSeq2SeqLM if family in ENCODERS else hf.AutoModelForCausalLM
    model = made.from_config(config).double().eval()
    with torch.no_grad():
        for weight in [
            *model.parameters(),
            *(b for n, b in model.named_buffers() if "logits" in n),
        ]:
            weight.add_(0.3 * torch.randn_like(weight))
    return model


def examples(encoder: bool = False) -> list[Example]:
    """True and conflict sequences of different lengths; prompts go to the encoder, if any."""
    rng = torch.Generator().manual_seed(0)

    def ids(count: int) -> list[int]:
        return torch.randint(3, 96, (count,), generator=rng).tolist()

    made, begun = [], ids(2)
    for prompt, response in ((3, 4), (1, 1), (5, 2), (2, 7)):
        answer = ids(response)
        true, wrong = prompt_of(*begun, *ids(prompt)), prompt_of(*begun, *ids(prompt + 1))
        if encoder:
            true, wrong = (Prompt(tokens=(2, 5), encoder=each.tokens) for each in (true, wrong))
        rows = token_sequence("k", true, answer), token_sequence("k", wrong, answer, unlikely=True)
        made.append(Example(rows=rows))
    return made


def weighted(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    weights = torch.where(batch["unlikely"], 0.3, 1.0).double()
    return {**batch, "weights": weights}


def one_by_one(model: Any) -> Tensor:
    """The loss by definition: each sequence alone, full logits, softmax and log."""
    total = torch.zeros((), dtype=torch.float64)
    for example in examples(model.config.is_encoder_decoder):
        for each in example.rows:
            ids = torch.tensor([each.tokens])
            read = {"input_ids": ids}
            if each.encoder:
                read = {"input_ids": torch.tensor([each.encoder]), "decoder_input_ids": ids}
            p = model(**read, use_cache=False).logits[0].softmax(-1)
            for at in range(each.prompt_tokens, len(each.tokens)):
                found = p[at - 1, each.tokens[at]]
                total = total - (0.3 * torch.log(1 - found) if each.unlikely else torch.log(found))
    return total


def gradients(model: Any, loss: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


LAYOUTS: dict[str, Any] = {"padded": padded, "packed": packed, "shared": prefix_shared}
CASES = [  # every family in each layout that it supports; one with both kinds of attention
    (family, "sdpa", layout, 25)
    for family in FAMILIES
    for layout, unsupported in (("padded", ()), ("packed", UNPACKED), ("shared", UNSHARED))
    if family not in unsupported
]
CASES += [
    ("Llama", attention, layout, row_tokens)
    for attention, layout, row_tokens in product(["sdpa", "eager"], ["packed", "shared"], [14, 100])
]
CASES += [(family, "eager", "shared", 25) for family in ("Llama", "Qwen3", "GPT2", "OPT")]


@pytest.mark.parametrize(("family", "attention", "layout", "row_tokens"), CASES)
def test_in_every_layout_loss_and_gradients_are_those_of_single_sequences(
    family: str, attention: str, layout: str, row_tokens: int
) -> None:
    model = model_of(family, attention)
    drawn = examples(family in ENCODERS)
    batch = LAYOUTS[layout](drawn, 0, *([] if layout == "padded" else [row_tokens]))
    with forward.forward_returns_loss(model):
        found = model(**weighted(batch)).loss
    expected = one_by_one(model)
    near = {"rtol": 1e-4, "atol": 1e-5}  # norms and softmax of some families are float32 inside
    assert_close(found, expected, **near)
    ours, theirs = gradients(model, found), gradients(model, expected)
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        assert_close(ours[name], gradient, msg=lambda text, name=name: f"{name}: {text}", **near)


@families
def test_packing_is_exact_for_families_that_separate_sequences_by_position(family: str) -> None:
    model = model_of(family)
    assert forward.packing_is_exact(model, 30) == (family not in UNPACKED)


@families
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_prefix_sharing_is_exact_for_families_that_follow_the_mask(
    family: str, attention: str
) -> None:
    assert forward.prefix_sharing_is_exact(model_of(family, attention), 30, 30) == (
        family not in UNSHARED
    )


@pytest.mark.parametrize(("longest", "shares"), [(5, True), (6, False)])
@pytest.mark.parametrize("family", ["Mistral", "Gemma3"])
def test_prefixes_are_shared_only_by_sequences_within_the_window(
    family: str, longest: int, shares: bool
) -> None:
    """The mask of shared rows replaces the model's window, so no sequence may exceed it."""
    assert (
        forward.prefix_sharing_is_exact(model_of(family, sliding_window=5), longest, 30) == shares
    )


@pytest.mark.parametrize(("row_tokens", "shares"), [(12, True), (14, False)])
def test_a_window_counted_in_the_row_must_span_the_row(row_tokens: int, shares: bool) -> None:
    """GPT-Neo counts its window in row indices, whatever the positions are."""
    assert (
        forward.prefix_sharing_is_exact(model_of("GPTNeo", window_size=12), 5, row_tokens) == shares
    )


@pytest.mark.parametrize(
    "name",
    [
        "sliding_window", "sliding_window_size", "window_size", "attention_window_size",
        "local_attention_window_len", "keep_window_size", "attention_chunk_size",
    ],
)  # fmt: skip
def test_a_window_is_recognized_by_every_name(name: str) -> None:
    model = model_of("Llama")
    setattr(model.config, name, 5)
    assert forward.prefix_sharing_is_exact(model, 5, 30) and not forward.prefix_sharing_is_exact(
        model, 6, 30
    )


def test_attention_without_a_mask_cannot_share_prefixes() -> None:
    model = model_of("Llama")
    model.config._attn_implementation = "flash_attention_2"
    assert not forward.prefix_sharing_is_exact(model, 30, 30)


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - UNSHARED))
def test_two_sequences_see_their_shared_prefix_but_not_each_other(family: str) -> None:
    """Tokens 0 and 1 are shared, 2 to 4 belong to the first sequence, 5 and 6 to the second."""
    model = model_of(family)
    read = {
        "position_ids": torch.tensor([[0, 1, 2, 3, 4, 2, 3]]),
        "visible_until": torch.tensor([[7, 7, 5, 5, 5, 7, 7]]),
    }
    ids = torch.tensor([[5, 6, 7, 8, 9, 10, 11]])
    with torch.no_grad():
        plain = forward.hidden_states(model, ids, **read)[0]
        for at, seen in {0: range(7), 1: range(1, 7), 2: (2, 3, 4), 5: (5, 6)}.items():
            other = torch.where(torch.arange(7) == at, ids + 40, ids)
            changed = forward.hidden_states(model, other, **read)[0]
            differs = [index for index in range(7) if not torch.equal(changed[index], plain[index])]
            assert differs == list(seen)


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - UNPACKED))
def test_packed_sequences_do_not_see_each_other(family: str) -> None:
    """Changing every token of the first sequence changes no hidden state of the second."""
    model, positions = model_of(family), torch.tensor([[0, 1, 2, 0, 1, 2, 3]])
    ids = torch.tensor([[5, 6, 7, 8, 9, 10, 11]])
    other = torch.where(torch.arange(7) < 3, ids + 40, ids)
    with torch.no_grad():
        one, two = (
            forward.hidden_states(model, each, position_ids=positions) for each in (ids, other)
        )
    assert torch.equal(one[0, 3:], two[0, 3:])
    assert not torch.equal(one[0, :3], two[0, :3])


@families
def test_every_family_here_is_supported(family: str) -> None:
    forward.check_supported(model_of(family), "it")


def test_a_model_that_does_not_expose_hidden_states_is_rejected() -> None:
    sizes = {"head_dim": 8, "intermediate_size_mlp": 24, "num_local_experts": 2}
    model = hf.Llama4ForCausalLM(hf.Llama4TextConfig(**SMALL, **sizes)).eval()
    with pytest.raises(
        ModelError, match=r"it: Llama4ForCausalLM does not expose its hidden states"
    ):
        forward.check_supported(model, "it")


def test_a_model_that_attends_to_later_tokens_is_rejected() -> None:
    model = model_of("Llama", attention="eager")
    model.config.is_causal = False
    with pytest.raises(
        ModelError, match=r"my/llama: LlamaForCausalLM attends to the tokens that it has"
    ):
        forward.check_supported(model, "my/llama")


@pytest.mark.parametrize(
    "change",
    [
        lambda logits: logits * 1.5,
        lambda logits: logits + torch.arange(96),
        lambda logits: 3 * torch.tanh(logits / 3),
    ],
)
def test_a_model_that_computes_its_logits_differently_is_rejected(
    change: Callable[[Tensor], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = hf.LlamaForCausalLM.forward

    def other(self: Any, *args: Any, **inputs: Any) -> Any:
        result = plain(self, *args, **inputs)
        result.logits = change(result.logits)
        return result

    model = model_of("Llama")
    monkeypatch.setattr(hf.LlamaForCausalLM, "forward", other)
    with pytest.raises(
        ModelError, match=r"my/model: LlamaForCausalLM computes its logits in an unknown way"
    ):
        forward.check_supported(model, "my/model")


def test_other_calls_of_the_model_are_unchanged_within_and_after_the_block() -> None:
    model, ids = model_of("Llama"), torch.tensor([[3, 4, 5]])
    before = model(input_ids=ids).logits
    with forward.forward_returns_loss(model):
        assert torch.equal(model(input_ids=ids).logits, before)
        assert "forward" in vars(model)
    assert "forward" not in vars(model)
    assert torch.equal(model(input_ids=ids).logits, before)


def test_without_labels_the_loss_is_zero() -> None:
    model, batch = model_of("Llama"), weighted(padded(examples(), 0))
    batch["labels"][:] = IGNORE
    with forward.forward_returns_loss(model):
        assert model(**batch).loss.item() == 0.0
