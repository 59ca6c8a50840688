"""The backends that run a model here, against `model.generate` one by one.

    python benchmarks/backends.py MODEL TEXT LANGUAGE LANGUAGE [SENTENCES]

MODEL is a folder, TEXT a file with a sentence a line in the first language, which is translated
into the second; 64 sentences spread over the file by default. All ways get the same prompts (the
template `plain`) and the same ends, decode greedily, and stop at 80 tokens. Conversion and loading
are not measured. Equal are texts that are those of one by one, character by character.
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from measure import machine, medians
from transformers import GenerationConfig, pipeline

from ontarget.decoding.backends import BackendOptions, open_translator, translator_of
from ontarget.decoding.base import Search, Translator, translate_all
from ontarget.models.loading import LoadedModel, load_model, move_to_accelerator
from ontarget.models.prompting import build_prompts, end_ids
from ontarget.models.templates import prompt_format_of
from ontarget.records import Sample
from ontarget.translation import choice

LONGEST = 80  # tokens of an answer
BATCH = 32
FORM = prompt_format_of("plain", chat=False)


def read_samples(path: Path, source: str, target: str, count: int) -> list[Sample]:
    """Sentences at even distances of a file."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    step = max(1, len(lines) // count)
    return [
        Sample(
            key=str(number), source_lang=source, asked_lang=target, target_lang=target,
            source=line, target="",
        )
        for number, line in enumerate(lines[::step][:count])
    ]  # fmt: skip


def settings(loaded: LoadedModel) -> dict[str, Any]:
    """The library's settings of greedy search with our ends."""
    return {
        "do_sample": False, "max_new_tokens": LONGEST, "pad_token_id": loaded.pad,
        "eos_token_id": list(end_ids(loaded, FORM)),
    }  # fmt: skip


def one_by_one(loaded: LoadedModel, samples: list[Sample]) -> list[str]:
    """Translations by the library, a sentence at a time."""
    texts = []
    for prompt in build_prompts(loaded, samples, FORM):
        ids = torch.tensor([prompt.tokens], device=loaded.model.device)
        with torch.no_grad():
            (row,) = loaded.model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), **settings(loaded)
            )
        texts.append(loaded.text(row[ids.shape[1] :].tolist()))
    return texts


def by_pipeline(loaded: LoadedModel, samples: list[Sample]) -> list[str]:
    """Translations by the library's pipeline, in batches in the order of the samples."""
    loaded.tokenizer.padding_side = "left"
    loaded.tokenizer.pad_token_id = loaded.pad
    generator = pipeline(
        "text-generation", model=loaded.model, tokenizer=loaded.tokenizer,
        device=loaded.model.device,
    )  # fmt: skip
    texts = [loaded.tokenizer.decode(p.tokens) for p in build_prompts(loaded, samples, FORM)]
    made = generator(
        texts, batch_size=BATCH, return_full_text=False, add_special_tokens=False,
        generation_config=GenerationConfig(**settings(loaded)),
    )  # fmt: skip
    return [" ".join(rows[0]["generated_text"].split()) for rows in made]


def main() -> None:
    """Print the ratios."""
    model, path, source, target = sys.argv[1:5]
    samples = read_samples(Path(path), source, target, int((*sys.argv[5:], 64)[0]))
    search = Search(beams=1, max_new_tokens=LONGEST, batch=BATCH)
    budget = replace(search, batch=choice.BATCH, batch_tokens=choice.BATCH_TOKENS)
    loaded = load_model(model)
    move_to_accelerator(loaded.model)
    loaded.model.eval()
    texts: dict[str, list[str]] = {}

    def keep(name: str, work: Callable[[], list[str]]) -> Callable[[], None]:
        return lambda: texts.update({name: work()})

    def translating(translator: Translator) -> Callable[[], list[str]]:
        return lambda: translate_all(translator, samples)

    with ExitStack() as opened:
        ways = {
            "one by one": lambda: one_by_one(loaded, samples),
            f"pipeline, batch {BATCH}": lambda: by_pipeline(loaded, samples),
            f"hf, batch {BATCH}": translating(translator_of(loaded, FORM, search)),
            "hf, token budget": translating(translator_of(loaded, FORM, budget)),
        }
        for precision in ("float32", "int8"):
            options = BackendOptions(quantization=precision)
            translator = open_translator(
                model, FORM, budget, backend="ctranslate2", options=options
            )
            ways[f"ctranslate2, {precision}"] = translating(opened.enter_context(translator))
        seconds = medians({name: keep(name, work) for name, work in ways.items()}, rounds=1)
    base = seconds["one by one"]
    words = sorted(len(sample.source.split()) for sample in samples)
    print(f"{len(samples)} sentences of {words[0]} to {words[-1]} words, {machine()}")
    for way, taken in seconds.items():
        equal = sum(a == b for a, b in zip(texts[way], texts["one by one"], strict=True))
        print(
            f"{way:20} {taken:7.2f} s {len(samples) / taken:7.2f} segments/s "
            f"{base / taken:5.2f}x one by one, {equal} of {len(samples)} texts equal"
        )


if __name__ == "__main__":
    main()
