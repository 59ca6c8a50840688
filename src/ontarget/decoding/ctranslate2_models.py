"""Translation with CTranslate2: a model is converted once into a cache folder.

Prompts are the tokens that the model reads in Hugging Face. Greedy search in float32 gives the same
tokens; beam search stops at other times, so its texts may differ.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ontarget.decoding.base import Hypothesis, Search, require
from ontarget.decoding.conversion import EXTRA, convert_once, local_folder, read_vocabulary, short
from ontarget.decoding.hf.batching import batches
from ontarget.decoding.hf.translator import check_length, hypothesis
from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel, check_token_ids, load_outline
from ontarget.models.prompting import Prompt, build_prompts, end_ids
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample

QUANTIZATIONS = (
    "float32", "float16", "bfloat16", "int8", "int8_float32", "int8_float16", "int8_bfloat16",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CTranslate2Translator:
    """A `Translator` that runs a converted model in this process."""

    engine: Any  # a ctranslate2.Generator, or a ctranslate2.Translator for an encoder-decoder
    outline: LoadedModel  # tokenizer and settings; it has no weights
    vocabulary: tuple[str, ...]  # of the converted model, by id
    start: str | None  # the token that the engine puts in front of a decoder's prefix
    prompt_format: PromptFormat
    search: Search

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        """Translations batch by batch, by the index of their sample.

        Raises:
            ModelError: the model cannot be prompted so, or a prompt is too long for it.
        """
        prompts = build_prompts(self.outline, samples, self.prompt_format)
        check_length(self.outline, prompts, self.search)
        check_token_ids(self.outline, (t for p in prompts for t in (*p.encoder, *p.tokens)))
        ends = end_ids(self.outline, self.prompt_format)
        for indices in batches(prompts, self.search):
            chosen = [prompts[index] for index in indices]
            rows = self.decode(chosen, ends) if self.start is None else self.respond(chosen, ends)
            yield {
                index: hypothesis(self.outline, row, ends)
                for index, row in zip(indices, rows, strict=True)
            }

    def decode(self, prompts: Sequence[Prompt], ends: Sequence[int]) -> list[list[int]]:
        """The response tokens of a decoder-only model, with the end token."""
        results = self.engine.generate_batch(
            [[self.vocabulary[token] for token in prompt.tokens] for prompt in prompts],
            beam_size=self.search.beams,
            max_length=self.search.max_new_tokens,
            end_token=list(ends),
            return_end_token=True,
            include_prompt_in_result=False,
        )
        return [result.sequences_ids[0] for result in results]

    def respond(self, prompts: Sequence[Prompt], ends: Sequence[int]) -> list[list[int]]:
        """The response tokens of an encoder-decoder, with the end token."""
        name = self.vocabulary
        if any(name[prompt.tokens[0]] != self.start for prompt in prompts):
            raise ModelError(
                f"{self.outline.name}: its decoder starts with {name[prompts[0].tokens[0]]!r}, "
                f"that of its conversion to CTranslate2 with {self.start!r}; use backend hf"
            )
        results = self.engine.translate_batch(
            [[name[token] for token in prompt.encoder] for prompt in prompts],
            target_prefix=[[name[token] for token in prompt.tokens[1:]] for prompt in prompts],
            beam_size=self.search.beams,
            max_input_length=0,
            max_decoding_length=len(prompts[0].tokens) - 1 + self.search.max_new_tokens,
            min_decoding_length=0,
            end_token=list(ends),
            return_end_token=True,
        )
        ids = {token: number for number, token in enumerate(name)}
        return [
            [ids[token] for token in result.hypotheses[0][len(prompt.tokens) - 1 :]]
            for prompt, result in zip(prompts, results, strict=True)
        ]


@contextmanager
def open_ctranslate2(
    model: str,
    prompt_format: PromptFormat,
    search: Search,
    revision: str | None,
    quantization: str,
) -> Iterator[CTranslate2Translator]:
    """A translator of a folder or hub id, converted first unless the cache has it.

    Raises:
        ModelError: CTranslate2 is missing, or cannot convert or load the model.
    """
    library = require("ctranslate2", "ctranslate2", EXTRA)
    library.set_log_level(logging.ERROR)
    if quantization not in QUANTIZATIONS:
        raise ModelError(
            f"backend ctranslate2: {quantization!r} is no quantization; use one of "
            f"{', '.join(QUANTIZATIONS)}"
        )
    folder = local_folder(model, revision)
    outline = load_outline(str(folder))
    converted = convert_once(folder, quantization, outline)
    vocabulary = read_vocabulary(converted, outline)
    engine = load_engine(library, converted, outline, quantization)
    start = decoder_start(converted, outline)
    try:
        yield CTranslate2Translator(engine, outline, vocabulary, start, prompt_format, search)
    finally:
        engine.unload_model()


def decoder_start(converted: Path, outline: LoadedModel) -> str | None:
    """The first token of the converted model's decoder; None for a decoder-only model."""
    if not outline.has_encoder:
        return None
    settings = json.loads((converted / "config.json").read_text(encoding="utf-8"))
    return str(settings.get("decoder_start_token"))


def load_engine(library: Any, converted: Path, outline: LoadedModel, quantization: str) -> Any:
    """The converted model, on CUDA if there is one.

    Raises:
        ModelError: it cannot be loaded, or not in this precision here.
    """
    kind = library.Translator if outline.has_encoder else library.Generator
    device = "cuda" if library.get_cuda_device_count() else "cpu"
    try:
        return kind(
            str(converted),
            device=device,
            compute_type=quantization,
            intra_threads=torch.get_num_threads(),
        )
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"{converted}: CTranslate2 cannot load it as {quantization} on {device} "
            f"({short(error)}); use quantization float32, or remove the folder to convert again"
        ) from error
