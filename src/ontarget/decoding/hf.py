"""Translation with a Hugging Face model: greedy or beam search, batched by length."""

from collections.abc import Iterator, Sequence

import torch
from transformers import GenerationConfig, PreTrainedModel

from ontarget.batches import left_padded


def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    eos: Sequence[int],
    pad: int,
    beams: int,
    max_new_tokens: int,
    batch: int,
) -> Iterator[dict[int, list[int]]]:
    """The response tokens of each prompt, batch by batch, as {index of the prompt: tokens}.

    Prompts of like length share a batch, longest first, so that memory is asked for at once.
    The response ends before EOS or at `max_new_tokens`.
    """
    config = GenerationConfig(
        num_beams=beams,
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=list(eos),
        pad_token_id=pad,
    )
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]), reverse=True)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        inputs = left_padded([prompts[index] for index in chosen], pad)
        inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
        with torch.inference_mode():
            rows = model.generate(**inputs, generation_config=config).tolist()
        width = inputs["input_ids"].shape[1]
        yield {
            index: until(row[width:], eos) for index, row in zip(chosen, rows, strict=True)
        }


def until(tokens: Sequence[int], eos: Sequence[int]) -> list[int]:
    """`tokens` up to the first of `eos`."""
    end = next((place for place, token in enumerate(tokens) if token in eos), len(tokens))
    return list(tokens[:end])
