"""Greedy decoding that drops finished answers from the batch as it goes.

In a batch of mixed lengths most answers end early, and a few never do. The library goes on
computing the ended ones until the last has ended. Here it generates a few tokens at a time, and
only the rows that go on stay in the batch and in the cache. The tokens are the same.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedModel,
)

AT_ONCE = 8  # tokens between two looks at which answers have ended
# From the rows of the batch that are still decoded, and the number of tokens before their answers.
ProcessorOf = Callable[[Sequence[int], int], LogitsProcessor]
SHRINKABLE = {"full_attention", "sliding_attention"}  # layers whose cache can lose rows


def can_drop_rows(model: PreTrainedModel) -> bool:
    """Whether the model's cache can lose rows: no encoder, no recurrent state."""
    layers = getattr(model.config.get_text_config(), "layer_types", None) or []
    return not model.config.is_encoder_decoder and set(layers) <= SHRINKABLE


def greedy_answers(
    model: PreTrainedModel,
    inputs: Mapping[str, Tensor],
    ends: Sequence[int],
    most: int,
    processor: ProcessorOf | None = None,
) -> list[list[int]]:
    """At most `most` new tokens of each row ("row time"), up to an end or beyond it.

    `model.generation_config` is used; its length is set here.
    """
    generate: Any = model.generate
    config: GenerationConfig = model.generation_config
    ids, mask, cache = inputs["input_ids"], inputs["attention_mask"], None
    answers: list[list[int]] = [[] for _ in ids]
    active, start = list(range(len(ids))), ids.shape[1]
    while active and most > 0:
        config.max_new_tokens = min(AT_ONCE, most)
        processors = [] if processor is None else [processor(active, start)]
        made = generate(
            input_ids=ids,
            attention_mask=mask,
            past_key_values=cache,
            logits_processor=LogitsProcessorList(processors),
            return_dict_in_generate=True,
        )
        new = made.sequences[:, ids.shape[1] :]
        for index, tokens in zip(active, new.tolist(), strict=True):
            answers[index] += tokens
        most -= new.shape[1]
        going_on = [at for at, index in enumerate(active) if not set(answers[index]) & set(ends)]
        kept = torch.tensor(going_on, dtype=torch.long, device=ids.device)
        active = [active[at] for at in going_on]
        ids = made.sequences[kept]
        mask = torch.cat([mask, torch.ones_like(new)], 1)[kept]
        cache = made.past_key_values
        if active:
            cache.batch_select_indices(kept)
    return answers
