"""From a language model's hidden states to its loss, without its logits.

Model families differ in what they do between the last hidden state and the logits: scale, bias,
soft cap. `head_of` reads that from the model; `refuse_unknown` compares with the model's own
logits, so that a family which does something else is refused and not trained on another loss.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import chain
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import PreTrainedModel

from ontarget.errors import ModelError
from ontarget.training.fused import Head, LossAndLogOdds, fused_loss

PROBE = 5  # tokens of the short texts that a model is tried on
WINDOWS = (  # what families call the tokens that a layer sees at once
    "sliding_window", "sliding_window_size", "window_size", "attention_window_size",
    "local_attention_window_len", "keep_window_size", "attention_chunk_size",
)  # fmt: skip
TOLERANCE = 1e-3  # difference, in spreads of the compared values, that rounding explains

Rows = Int[Tensor, "row time"]


def output_head(model: PreTrainedModel, hidden: Float[Tensor, "token dim"]) -> Head:
    """The model's head, what it does to the products, and its adapter's part for these states.

    Raises:
        ModelError: the head has an adapter of a kind whose part is not a product of two.
    """
    output: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    bias: Any = getattr(output, "bias", None)
    if bias is None:  # BART's descendants have it beside the head
        bias = getattr(model, "final_logits_bias", [None])[0]
    return Head(
        weight=output.weight,
        adapter=head_adapter(output, hidden),
        bias=bias,
        scale=logit_scale(model.config.get_text_config()),
        softcap=getattr(model.config.get_text_config(), "final_logit_softcapping", None),
    )


def logit_scale(config: Any) -> float:
    """What the products are multiplied by."""
    if getattr(config, "scale_decoder_outputs", False):  # T5
        return float(config.d_model**-0.5)
    if getattr(config, "logits_scaling", None):  # Granite divides
        return float(1 / config.logits_scaling)
    return getattr(config, "logit_scale", None) or 1.0


def head_adapter(output: Any, hidden: Tensor) -> tuple[Tensor, Tensor] | None:
    """(low, up) of a LoRA on the head: its part of the logits is low @ up.T."""
    names = getattr(output, "active_adapters", ())
    if not names or output.merged:
        return None
    if len(names) > 1 or any(output.lora_variant.values()):
        raise ModelError(
            "the head has several adapters or a DoRA, of which the fused loss knows nothing; "
            "leave the head out of adapter.targets, or use lora"
        )
    (name,) = names
    low = output.lora_A[name](output.lora_dropout[name](hidden)) * output.scaling[name]
    return low, output.lora_B[name].weight


def hidden_states(
    model: PreTrainedModel,
    input_ids: Int[Tensor, "row source"],
    decoder_input_ids: Rows | None = None,
    visible_until: Rows | None = None,
    **inputs: Tensor,
) -> Float[Tensor, "row time dim"]:
    """The last hidden states, of the decoder if there are two, of which the head makes logits.

    The cache stays off: with it, packed sequences would attend to each other.
    """
    if visible_until is not None:
        inputs["attention_mask"] = attention_mask(model, visible_until)
    if decoder_input_ids is None:
        body: Any = model.base_model
        return body(input_ids=input_ids, use_cache=False, **inputs).last_hidden_state  # type: ignore[no-any-return]
    encoder, decoder = model.get_encoder(), model.get_decoder()  # type: ignore[no-untyped-call]
    return decoder(  # type: ignore[no-any-return]
        input_ids=decoder_input_ids,
        encoder_hidden_states=encoder(input_ids=input_ids, **inputs).last_hidden_state,
        encoder_attention_mask=inputs.get("attention_mask"),
        use_cache=False,
    ).last_hidden_state


def attention_mask(model: PreTrainedModel, visible_until: Rows) -> Tensor:
    """What each token sees ("row 1 time time"): those before it that are visible until after it.

    True and False, or what is added to the scores of eager attention.
    """
    at = torch.arange(visible_until.shape[1], device=visible_until.device)
    seen = (at[:, None] >= at) & (at[:, None] < visible_until[:, None, None, :])
    if model.config.get_text_config()._attn_implementation == "sdpa":  # noqa: SLF001
        return seen
    lowest = torch.finfo(model.dtype).min
    return torch.zeros_like(seen, dtype=model.dtype).masked_fill_(~seen, lowest)


def model_loss(
    model: PreTrainedModel,
    labels: Rows,
    unlikely: Bool[Tensor, "row time"],
    weights: Float[Tensor, "row time"],
    **inputs: Tensor,
) -> LossAndLogOdds:
    """The fused loss of a batch; a label stands where its token does.

    Hidden states at time t predict the label at time t + 1. That shift is made here.
    """
    hidden = hidden_states(model, **inputs)[:, :-1]
    hidden = hidden.reshape(-1, hidden.shape[-1])
    return fused_loss(
        hidden,
        output_head(model, hidden),
        *(each[:, 1:].reshape(-1) for each in (labels, unlikely, weights)),
    )


@contextmanager
def forward_returns_loss(model: PreTrainedModel) -> Iterator[None]:
    """Meanwhile `model(..., weights=...)` is `loss_of`; every other call is as before.

    The loss is computed inside the model's own forward, since distributed engines gather weights
    and reduce gradients around it.
    """
    plain: Callable[..., Any] = model.forward

    @wraps(plain)
    def forward(*args: Any, **inputs: Any) -> Any:
        if inputs.get("weights") is None:
            return plain(*args, **inputs)
        # peft hands on every argument that it knows of, most of them None
        return model_loss(
            model, **{name: each for name, each in inputs.items() if each is not None}
        )

    model.forward = forward
    try:
        yield
    finally:
        model.__dict__.pop("forward", None)  # an engine may have put its own around it


def check_supported(model: PreTrainedModel, name: str) -> None:
    """Raise ModelError where `head_of` does not give the logits that the model gives.

    And where hidden states depend on what comes after them: labels would be read, not predicted.
    """
    if model.base_model is model and not model.config.is_encoder_decoder:  # Llama 4, text alone
        raise ModelError(
            f"{name}: a {type(model).__name__} does not show its hidden states, of which the loss "
            "is made; take a model of another family"
        )
    ids = probe_ids(model)
    inputs = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
    with torch.inference_mode():
        expected = model(input_ids=ids, use_cache=False, **inputs).logits[0]
        hidden = hidden_states(model, ids, **inputs)[0]
        labels = torch.zeros(len(hidden), dtype=torch.long, device=ids.device)
        found = fused_loss(
            hidden,
            output_head(model, hidden),
            labels,
            labels.bool(),
            torch.ones_like(labels, dtype=hidden.dtype),
        ).odds
        others = expected[:, 1:].float().logsumexp(1)
        cut = {name: each[:, :-1] for name, each in inputs.items()}
        before = hidden_states(model, ids if cut else ids[:, :-1], **cut)[0]
    known = nearly_equal(found, expected[:, 0].float() - others)
    if not known and expected.isfinite().all():  # the loss will say where they are no numbers
        raise ModelError(
            f"{name}: a {type(model).__name__} makes its logits in a way that is not known here, "
            "so its loss would be another; take a model of another family, or report this one"
        )
    if not nearly_equal(hidden[:-1], before) and hidden.isfinite().all():
        raise ModelError(
            f"{name}: a {type(model).__name__} sees the tokens that it has to predict; take a "
            "model that reads from left to right"
        )


@torch.inference_mode()
def packing_is_exact(model: PreTrainedModel, row_tokens: int) -> bool:
    """Whether sequences of a row, told apart by their positions, are blind to each other.

    From one end of a row to the other: some families compare places in it with positions.
    """
    if model.config.is_encoder_decoder:  # nothing tells a decoder's sequence which source is its
        return False
    ids = probe_ids(model)
    times = max(2, row_tokens // PROBE)
    row = torch.cat([ids.repeat(1, times - 1), ids.flip(1)], 1)
    positions = torch.arange(PROBE, device=ids.device).repeat(times).unsqueeze(0)
    try:
        packed = hidden_states(model, row, position_ids=positions)[0, -PROBE:]
    except Exception:  # it takes no positions: each family fails in its own way
        return False
    return nearly_equal(packed, hidden_states(model, ids.flip(1))[0])


@torch.inference_mode()
def prefix_sharing_is_exact(model: PreTrainedModel, longest: int, row_tokens: int) -> bool:
    """Whether sequences of up to `longest` tokens can share the tokens that they begin with.

    Attention must do as `visible_until` says from one end of a row to the other, and no layer's
    window may end within a sequence: a mask of ours takes the place of the window.
    """
    config: Any = model.config.get_text_config()
    if model.config.is_encoder_decoder or smallest_window(config) < longest:
        return False
    if config._attn_implementation not in ("sdpa", "eager"):  # noqa: SLF001 - others take no mask
        return False
    a, b, c, d, e = probe_ids(model)[0].tolist()
    pairs = [(c, d)] * max(1, (row_tokens - 4) // 2) + [(e, c)]  # each after the same a, b
    ends = [4 + 2 * index for index in range(len(pairs))]
    tree = {
        "input_ids": [a, b, *chain(*pairs)],
        "position_ids": [0, 1, *[2, 3] * len(pairs)],
        "visible_until": [ends[-1]] * 2 + [end for end in ends for _ in range(2)],
    }
    try:
        found = hidden_states(
            model, **{name: torch.tensor([row], device=model.device) for name, row in tree.items()}
        )[0]
    except Exception:  # it takes no positions, or no such mask: each family fails in its own way
        return False
    return all(
        nearly_equal(
            part, hidden_states(model, torch.tensor([[a, b, *pair]], device=model.device))[0, 2:]
        )
        for part, pair in ((found[2:4], pairs[0]), (found[-2:], pairs[-1]))
    )


def smallest_window(config: Any) -> float:
    """The fewest tokens that a layer sees at once, if any is bound to so many."""
    return float(min(getattr(config, name, None) or math.inf for name in WINDOWS))


def probe_ids(model: PreTrainedModel) -> Rows:
    """A row of a few different tokens."""
    model.eval()  # type: ignore[no-untyped-call]
    vocabulary = int(model.get_input_embeddings().num_embeddings)  # type: ignore[arg-type]
    ids = torch.arange(1, PROBE + 1) * max(1, vocabulary // (PROBE + 2)) % vocabulary
    return ids.unsqueeze(0).to(model.device)


def nearly_equal(one: Tensor, other: Tensor) -> bool:
    """Whether two results differ by rounding only."""
    spread = other.float().std().clamp(min=1e-6)
    worst = (one.float() - other.float()).abs().max()
    widened = 1.0 if one.dtype in (torch.float32, torch.float64) else 30.0
    return bool(worst <= TOLERANCE * widened * spread)
