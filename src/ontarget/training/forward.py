"""From token ids to the fused loss, for every supported family of models.

Families differ in what they do between the last hidden state and the logits: scale, bias, soft
cap. `output_head` reads these from the model, and `check_supported` compares the result with the
model's own logits, so a family that does something else is rejected instead of being trained on
another loss.
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

PROBE = 5  # tokens per probe sequence
WINDOWS = (  # names in config.json for the number of tokens that a layer attends to
    "sliding_window", "sliding_window_size", "window_size", "attention_window_size",
    "local_attention_window_len", "keep_window_size", "attention_chunk_size",
)  # fmt: skip
TOLERANCE = 1e-3  # allowed rounding error, in standard deviations
HALF_PRECISION_FACTOR = 30.0  # times TOLERANCE in bfloat16 and float16

Rows = Int[Tensor, "row time"]


def output_head(model: PreTrainedModel, hidden: Float[Tensor, "token dim"]) -> Head:
    """The model's output head, with an adapter's low-rank part for these hidden states.

    Raises:
        ModelError: the head has several adapters, or one that is not a plain LoRA.
    """
    output: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    bias: Any = getattr(output, "bias", None)
    if bias is None:  # BART and its descendants keep it in the model
        bias = getattr(model, "final_logits_bias", [None])[0]
    return Head(
        weight=output.weight,
        adapter=head_adapter(output, hidden),
        bias=bias,
        scale=logit_scale(model.config.get_text_config()),
        softcap=getattr(model.config.get_text_config(), "final_logit_softcapping", None),
    )


def logit_scale(config: Any) -> float:
    """The factor by which the model multiplies its logits."""
    if getattr(config, "scale_decoder_outputs", False):  # T5
        return float(config.d_model**-0.5)
    if getattr(config, "logits_scaling", None):  # Granite divides
        return float(1 / config.logits_scaling)
    return getattr(config, "logit_scale", None) or 1.0


def head_adapter(output: Any, hidden: Tensor) -> tuple[Tensor, Tensor] | None:
    """(low, up) of a LoRA on the head, which adds low @ up.T to the logits; None without one."""
    names = getattr(output, "active_adapters", ())
    if not names or output.merged:
        return None
    if len(names) > 1 or any(output.lora_variant.values()):
        raise ModelError(
            "the output head has several adapters or a DoRA, which the fused loss does not "
            "support; leave the head out of adapter.targets, or use lora"
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
    """The hidden states that enter the output head; of the decoder in an encoder-decoder.

    `use_cache=False` matters: with a cache, packed sequences attend to each other.
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
    """Mask "row 1 time time" of packed rows: i attends to j if j <= i < visible_until[j].

    Boolean for SDPA; for eager attention the numbers that are added to the scores.
    """
    at = torch.arange(visible_until.shape[1], device=visible_until.device)
    visible = (at[:, None] >= at) & (at[:, None] < visible_until[:, None, None, :])
    if model.config.get_text_config()._attn_implementation == "sdpa":  # noqa: SLF001
        return visible
    lowest = torch.finfo(model.dtype).min
    return torch.zeros_like(visible, dtype=model.dtype).masked_fill_(~visible, lowest)


def model_loss(  # noqa: PLR0913 - as of `fused_loss`
    model: PreTrainedModel,
    labels: Rows,
    unlikely: Bool[Tensor, "row time"],
    continues: Bool[Tensor, "row time"],
    weights: Float[Tensor, "row time"],
    alternatives: Int[Tensor, "row time set"] | None = None,
    **inputs: Tensor,
) -> LossAndLogOdds:
    """The fused loss of a batch; log-odds are 1-D and omit the first token of each row.

    Hidden states at time t predict the label at time t + 1. That shift is made here and nowhere
    else.
    """
    hidden = hidden_states(model, **inputs)[:, :-1]
    hidden = hidden.reshape(-1, hidden.shape[-1])
    targets = [tensor[:, 1:].reshape(-1) for tensor in (labels, unlikely, weights, continues)]
    return fused_loss(
        hidden,
        output_head(model, hidden),
        *targets[:3],
        continues=targets[3],
        alternatives=None if alternatives is None else alternatives[:, 1:].flatten(0, 1),
    )


@contextmanager
def forward_returns_loss(model: PreTrainedModel) -> Iterator[None]:
    """Within the block, `model(..., weights=...)` returns `model_loss`; other calls are as usual.

    Distributed engines gather weights and reduce gradients around the model's forward, so the loss
    must be computed inside it.
    """
    plain: Callable[..., Any] = model.forward

    @wraps(plain)
    def forward(*args: Any, **inputs: Any) -> Any:
        if inputs.get("weights") is None:
            return plain(*args, **inputs)
        # peft passes every argument that it knows of, most of them as None.
        return model_loss(model, **{k: value for k, value in inputs.items() if value is not None})

    model.forward = forward
    try:
        yield
    finally:
        model.__dict__.pop("forward", None)  # an engine may have wrapped it meanwhile


def check_supported(model: PreTrainedModel, name: str) -> None:
    """Raise ModelError where `output_head` does not reproduce the model's own logits.

    Also where hidden states depend on later tokens, because the labels would leak.
    """
    kind = type(model).__name__
    if model.base_model is model and not model.config.is_encoder_decoder:  # Llama 4, text only
        raise ModelError(
            f"{name}: {kind} does not expose its hidden states, from which the loss is computed; "
            "use a model of another family"
        )
    ids = probe_ids(model)
    inputs = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
    with torch.inference_mode():
        logits = model(input_ids=ids, use_cache=False, **inputs).logits[0]
        hidden = hidden_states(model, ids, **inputs)[0]
        shorter = {key: tensor[:, :-1] for key, tensor in inputs.items()}
        prefix = hidden_states(model, ids if shorter else ids[:, :-1], **shorter)[0]
        log_odds = first_class_log_odds(model, hidden)
    expected = logits[:, 0].float() - logits[:, 1:].float().logsumexp(1)
    # NaN never equals NaN; training reports non-finite values by itself.
    if not nearly_equal(log_odds, expected) and logits.isfinite().all():
        raise ModelError(
            f"{name}: {kind} computes its logits in an unknown way, so the loss would be wrong; "
            "use a model of another family, or report this one"
        )
    if not nearly_equal(hidden[:-1], prefix) and hidden.isfinite().all():
        raise ModelError(
            f"{name}: {kind} attends to the tokens that it has to predict; use a model that reads "
            "from left to right"
        )


def first_class_log_odds(
    model: PreTrainedModel, hidden: Float[Tensor, "token dim"]
) -> Float[Tensor, " token"]:
    """The fused loss's log-odds of class 0 at each token."""
    labels = torch.zeros(len(hidden), dtype=torch.long, device=hidden.device)
    weights = torch.ones_like(labels, dtype=hidden.dtype)
    head = output_head(model, hidden)
    return fused_loss(hidden, head, labels, labels.bool(), weights).log_odds


@torch.inference_mode()
def packing_is_exact(model: PreTrainedModel, row_tokens: int) -> bool:
    """Whether sequences in a packed row, separated by positions alone, do not see each other.

    Tried over a row of `row_tokens`, since some families measure distances in the row itself.
    """
    if model.config.is_encoder_decoder:  # nothing pairs a packed decoder sequence with its source
        return False
    ids = probe_ids(model)
    times = max(2, row_tokens // PROBE)
    row = torch.cat([ids.repeat(1, times - 1), ids.flip(1)], 1)
    positions = torch.arange(PROBE, device=ids.device).repeat(times).unsqueeze(0)
    try:
        last = hidden_states(model, row, position_ids=positions)[0, -PROBE:]
    except Exception:  # the model takes no positions: each family fails in its own way
        return False
    return nearly_equal(last, hidden_states(model, ids.flip(1))[0])


@torch.inference_mode()
def prefix_sharing_is_exact(model: PreTrainedModel, longest: int, row_tokens: int) -> bool:
    """Whether sequences of up to `longest` tokens can share their prefixes in a row.

    Attention must follow `visible_until` over a row of `row_tokens`. No layer's window may be
    shorter than a sequence, because the mask replaces the window.
    """
    config: Any = model.config.get_text_config()
    if model.config.is_encoder_decoder or smallest_window(config) < longest:
        return False
    if config._attn_implementation not in ("sdpa", "eager"):  # noqa: SLF001 - others take no mask
        return False
    a, b, c, d, e = probe_ids(model)[0].tolist()
    pairs = [(c, d)] * max(1, (row_tokens - 4) // 2) + [(e, c)]  # each continues the prefix a, b
    ends = [4 + 2 * index for index in range(len(pairs))]
    row = {
        "input_ids": [a, b, *chain(*pairs)],
        "position_ids": [0, 1, *[2, 3] * len(pairs)],
        "visible_until": [ends[-1]] * 2 + [end for end in ends for _ in range(2)],
    }
    inputs = {name: torch.tensor([column], device=model.device) for name, column in row.items()}
    try:
        shared = hidden_states(model, **inputs)[0]
    except Exception:  # no positions, or no such mask: each family fails in its own way
        return False
    return all(
        nearly_equal(
            part, hidden_states(model, torch.tensor([[a, b, *pair]], device=model.device))[0, 2:]
        )
        for part, pair in ((shared[2:4], pairs[0]), (shared[-2:], pairs[-1]))
    )


def smallest_window(config: Any) -> float:
    """The smallest attention window in the configuration, in tokens; infinite without one."""
    return float(min(getattr(config, name, None) or math.inf for name in WINDOWS))


def probe_ids(model: PreTrainedModel) -> Rows:
    """One row of `PROBE` different tokens; sets the model to evaluation mode."""
    model.eval()  # type: ignore[no-untyped-call]
    vocabulary = int(model.get_input_embeddings().num_embeddings)  # type: ignore[arg-type]
    ids = torch.arange(1, PROBE + 1) * max(1, vocabulary // (PROBE + 2)) % vocabulary
    return ids.unsqueeze(0).to(model.device)


def nearly_equal(one: Tensor, other: Tensor) -> bool:
    """Whether two results differ by no more than rounding; False for NaN."""
    spread = other.float().std().clamp(min=1e-6)
    worst = (one.float() - other.float()).abs().max()
    exact = one.dtype in (torch.float32, torch.float64)
    return bool(worst <= TOLERANCE * (1.0 if exact else HALF_PRECISION_FACTOR) * spread)
