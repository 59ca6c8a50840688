"""Translation with a Hugging Face model: greedy or beam search, batched by length."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedModel,
)

from ontarget.decoding.base import Hypothesis, Search
from ontarget.decoding.hf.batching import batches
from ontarget.decoding.hf.few_rows import FewRowsProducts
from ontarget.decoding.hf.greedy import ProcessorOf, can_drop_rows, greedy_answers
from ontarget.decoding.hf.plausible import PlausibleTokens
from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel, check_token_ids
from ontarget.models.padding import generation_inputs
from ontarget.models.prompting import Beginning, Prompt, build_prompts, end_ids
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample


@dataclass(frozen=True, slots=True)
class HuggingFaceTranslator:
    """A `Translator` that runs a model in this process, on the model's device."""

    loaded: LoadedModel
    prompt_format: PromptFormat
    search: Search

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        """Translations batch by batch, by the index of their sample.

        Raises:
            ModelError: the model cannot be prompted so, or a prompt is too long for it.
        """
        prompts = build_prompts(self.loaded, samples, self.prompt_format)
        stop = end_ids(self.loaded, self.prompt_format)
        yield from generate(self.loaded, prompts, self.search, stop=stop)


def generate(
    loaded: LoadedModel, prompts: Sequence[Prompt], search: Search, *, stop: Sequence[int] = ()
) -> Iterator[dict[int, Hypothesis]]:
    """The responses to prompts, batch by batch, by the index of their prompt.

    Prompts of similar length share a batch, longest first (`batching`). A response ends before an
    EOS, before a token of `stop`, or at `max_new_tokens`.

    Raises:
        ModelError: a prompt and its response may be longer than the model's positions, or than
            `batch_tokens`.
    """
    check_length(loaded, prompts, search)
    check_token_ids(loaded, (t for prompt in prompts for t in (*prompt.encoder, *prompt.tokens)))
    ends = (*loaded.eos, *stop)
    for indices in batches(prompts, search):
        rows = answer_rows(loaded, [prompts[index] for index in indices], search, ends)
        yield {
            index: hypothesis(loaded, row, ends) for index, row in zip(indices, rows, strict=True)
        }


def answer_rows(
    loaded: LoadedModel,
    prompts: Sequence[Prompt],
    search: Search,
    ends: Sequence[int],
    processor: ProcessorOf | None = None,
) -> list[list[int]]:
    """The new tokens of one batch of prompts, up to one of `ends` or beyond it.

    `processor` changes the scores of the rows that are still decoded.
    """
    config = GenerationConfig(  # type: ignore[no-untyped-call]
        num_beams=search.beams,
        do_sample=False,
        length_penalty=1.0,
        max_new_tokens=search.max_new_tokens,
        eos_token_id=list(ends),
        pad_token_id=loaded.pad,
        decoder_start_token_id=prompts[0].tokens[0] if loaded.has_encoder else None,
    )
    loaded.model.eval()  # type: ignore[no-untyped-call]
    inputs = generation_inputs(prompts, loaded.pad)
    inputs = {name: tensor.to(loaded.model.device) for name, tensor in inputs.items()}
    # Not inference_mode: weights that ZeRO-3 gathers in it could not be trained afterwards.
    with torch.no_grad(), FewRowsProducts(), use_generation_config(loaded.model, config):
        if search.beams == 1 and can_drop_rows(loaded.model):
            return greedy_answers(loaded.model, inputs, ends, search.max_new_tokens, processor)
        start = inputs.get("decoder_input_ids", inputs["input_ids"]).shape[1]
        made = [] if processor is None else [processor(range(len(prompts)), start)]
        return new_tokens(loaded.model, inputs, *made)


def new_tokens(
    model: PreTrainedModel, inputs: Mapping[str, Tensor], *processors: LogitsProcessor
) -> list[list[int]]:
    """What the model generates after each row of its inputs, by its generation settings."""
    generate: Any = model.generate
    rows: Tensor = generate(**inputs, logits_processor=LogitsProcessorList(processors))
    width = inputs.get("decoder_input_ids", inputs["input_ids"]).shape[1]
    return rows[:, width:].tolist()


def begin_answers(
    loaded: LoadedModel,
    prompts: Sequence[Prompt],
    tokens: int,
    stop: Sequence[int],
    plausibility: float,
) -> list[Beginning]:
    """The first tokens of greedy answers, up to and with the one that ends an answer.

    Plausible are tokens of at least `plausibility` times the probability of the likeliest. Every
    process makes the same number of forward passes, which engines that shard weights need.
    """
    config = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False, max_new_tokens=tokens, pad_token_id=loaded.pad,
        decoder_start_token_id=prompts[0].tokens[0] if loaded.has_encoder else None,
    )  # fmt: skip
    loaded.model.eval()  # type: ignore[no-untyped-call]
    inputs = generation_inputs(prompts, loaded.pad)
    inputs = {name: tensor.to(loaded.model.device) for name, tensor in inputs.items()}
    noted = PlausibleTokens(plausibility)
    with torch.no_grad(), FewRowsProducts(), use_generation_config(loaded.model, config):
        rows = new_tokens(loaded.model, inputs, noted)
    begun = [tuple(row[: len(truncate_at(row, stop)) + 1]) for row in rows]
    return [
        Beginning(tokens=row, plausible=places[: len(row)])
        for row, places in zip(begun, zip(*noted.places, strict=True), strict=True)
    ]


@contextmanager
def use_generation_config(model: PreTrainedModel, config: GenerationConfig) -> Iterator[None]:
    """Generate with these settings only; the library would mix in the model's own."""
    original = model.generation_config
    model.generation_config = config
    try:
        yield
    finally:
        model.generation_config = original


def check_length(loaded: LoadedModel, prompts: Sequence[Prompt], search: Search) -> None:
    """Raise ModelError where a prompt and its response may not fit the model."""
    longest = max((len(prompt.tokens) for prompt in prompts), default=0)
    needed = max(longest + search.max_new_tokens, *(len(prompt.encoder) for prompt in prompts), 0)
    if loaded.positions is not None and needed > loaded.positions:
        raise ModelError(
            f"the longest prompt and max_new_tokens {search.max_new_tokens} make {needed} tokens, "
            f"the model has {loaded.positions} positions; lower max_new_tokens or leave long "
            "sentences out"
        )


def hypothesis(loaded: LoadedModel, tokens: Sequence[int], ends: Sequence[int]) -> Hypothesis:
    """The text before the first of `ends`; without any of them, generation was cut."""
    text = loaded.text(truncate_at(tokens, ends))
    return Hypothesis(text, truncated=not set(ends) & set(tokens))


def truncate_at(tokens: Sequence[int], ends: Sequence[int]) -> list[int]:
    """`tokens` before the first of `ends`."""
    end = next((index for index, token in enumerate(tokens) if token in ends), len(tokens))
    return list(tokens[:end])
