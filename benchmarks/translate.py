"""Greedy translation of sentences of mixed lengths, against `model.generate` one by one.

    python benchmarks/translate.py MODEL TSV [SENTENCES]

MODEL is a folder, TSV a file of sentences with a column for each language. Sentences are translated
from its second language into its first one, in the template `plain`; 64 by default. In both ways an
answer ends at an end token, or at 80 tokens. The texts should be the same but for ties; how many
differ is printed.
"""

import sys
from pathlib import Path

import torch
from measure import machine, medians

from ontarget.data import readers
from ontarget.data.sampling import choose, samples_of
from ontarget.decoding.base import Search
from ontarget.decoding.hf.translator import HuggingFaceTranslator
from ontarget.models.loading import LoadedModel, load_model, move_to_accelerator
from ontarget.models.prompting import build_prompts, end_ids
from ontarget.models.templates import prompt_format_of
from ontarget.records import Direction, Sample

LONGEST = 80  # tokens of an answer
FORM = prompt_format_of("plain", chat=False)


def batched(loaded: LoadedModel, samples: list[Sample], batch: int) -> list[str]:
    """Translations as step 5 makes them."""
    search = Search(beams=1, max_new_tokens=LONGEST, batch=batch)
    found = {}
    for rows in HuggingFaceTranslator(loaded, FORM, search).translate(samples):
        found |= rows
    return [found[index].text for index in range(len(samples))]


def one_by_one(loaded: LoadedModel, samples: list[Sample]) -> list[str]:
    """Translations by the library, a sentence at a time."""
    ends = list(end_ids(loaded, FORM))
    texts = []
    for prompt in build_prompts(loaded, samples, FORM):
        ids = torch.tensor([prompt.tokens], device=loaded.model.device)
        (row,) = loaded.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False,
            max_new_tokens=LONGEST, eos_token_id=ends, pad_token_id=loaded.pad,
        )  # fmt: skip
        texts.append(loaded.text([t for t in row[ids.shape[1] :].tolist() if t not in ends]))
    return texts


def main() -> None:
    """Print the ratios."""
    model, path, count = sys.argv[1], Path(sys.argv[2]), int((*sys.argv[3:], 64)[0])
    pivot, other = readers.columns(path)[:2]
    rows = list(readers.read(path, (pivot, other)))
    samples = choose(samples_of(rows, [Direction(other, pivot)]), count, 0)
    loaded = load_model(model)
    move_to_accelerator(loaded.model)
    loaded.model.eval()
    texts: dict[str, list[str]] = {}
    works = {
        f"batches of {size}": lambda size=size: texts.update(
            {f"batches of {size}": batched(loaded, samples, size)}
        )
        for size in (16, 64)
    } | {"one by one": lambda: texts.update({"one by one": one_by_one(loaded, samples)})}
    seconds = medians(works, rounds=1)
    base = seconds["one by one"]
    words = sorted(len(sample.source.split()) for sample in samples)
    print(f"{len(samples)} sentences of {words[0]} to {words[-1]} words, {machine()}")
    for way, taken in seconds.items():
        differ = sum(a != b for a, b in zip(texts[way], texts["one by one"], strict=True))
        print(
            f"{way:14} {taken:6.1f} s, {len(samples) / taken:5.2f} sentences/s, "
            f"{base / taken:.1f}x one by one, {differ} texts differ"
        )


if __name__ == "__main__":
    main()
