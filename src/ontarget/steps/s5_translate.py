"""Step 5: every test sentence translated by one system."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ontarget import artifacts
from ontarget.base_model import documents
from ontarget.decoding.base import Search
from ontarget.decoding.hf import generate
from ontarget.languages.names import english_name
from ontarget.models import loading, prompting
from ontarget.models.prompting import Prompt
from ontarget.recipe.recipe import Recipe
from ontarget.records import Direction, Sample, Translation
from ontarget.steps import inputs


def run(recipe: Recipe, out: Path, tell: inputs.Tell, *, system: str) -> dict[str, Any]:
    """Write `translations.jsonl` of one system."""
    samples = artifacts.read_jsonl(recipe.out / "1_prepare" / "test.jsonl", Sample)
    tell("loading the model", 0, 1)
    loaded = loading.load_model(inputs.model_of(recipe, system), recipe.base.revision)
    loading.move_to_accelerator(loaded.model)
    start = time.monotonic()
    if system == inputs.ABILITY:
        zero_shot = set(recipe.zero_shot_directions)
        samples = [s for s in samples if Direction(s.source_lang, s.target_lang) in zero_shot]
        texts = by_cue(recipe, loaded, samples, tell)
    else:
        prompts = prompting.build_prompts(loaded, samples, recipe.asking)
        stop = prompting.end_ids(loaded, recipe.asking)
        texts = translated(recipe, loaded, prompts, tell, stop=stop)
    artifacts.write_jsonl(
        out / "translations.jsonl",
        (
            Translation(
                key=sample.key,
                system=system,
                source_lang=sample.source_lang,
                target_lang=sample.target_lang,
                source=sample.source,
                reference=sample.target,
                hypothesis=text,
            )
            for sample, text in zip(samples, texts, strict=True)
        ),
    )
    return {
        "segments": len(samples),
        "empty": sum(not text for text in texts),
        "segments_per_second": round(len(samples) / (time.monotonic() - start), 1),
    }


def by_cue(
    recipe: Recipe, loaded: loading.LoadedModel, samples: Sequence[Sample], tell: inputs.Tell
) -> list[str]:
    """Hypotheses of a model asked in the form of step 0's documents, each up to a line's end."""
    asked = [documents.cue(s.source, s.source_lang, s.target_lang, english_name) for s in samples]
    line_end = loaded.prompts(["\n"])[0]
    prompts = [Prompt(tokens=tuple(row)) for row in loaded.prompts(asked)]
    return translated(recipe, loaded, prompts, tell, stop=line_end)


def translated(
    recipe: Recipe,
    loaded: loading.LoadedModel,
    prompts: Sequence[Prompt],
    tell: inputs.Tell,
    *,
    stop: Sequence[int],
) -> list[str]:
    """One hypothesis a prompt, in the order of the prompts."""
    setting = recipe.translate
    search = Search(beams=setting.beams, max_new_tokens=setting.max_new_tokens, batch=setting.batch)
    texts: dict[int, str] = {}
    for part in generate(loaded, prompts, search, stop=stop):
        texts |= part
        tell("segments", len(texts), len(prompts))
    return [texts[index] for index in range(len(prompts))]
