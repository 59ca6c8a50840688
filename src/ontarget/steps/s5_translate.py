"""Step 5: every test sentence translated by one system."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ontarget import artifacts, documents, models
from ontarget.decoding.hf import generate
from ontarget.languages import english_name
from ontarget.recipe import Recipe
from ontarget.records import Direction, Sample, Translation
from ontarget.steps import inputs


def run(recipe: Recipe, out: Path, tell: inputs.Tell, *, system: str) -> dict[str, Any]:
    """Write `translations.jsonl` of one system."""
    samples = artifacts.read_lines(recipe.out / "1_prepare" / "test.jsonl", Sample)
    tell("loading the model", 0, 1)
    loaded = models.load(inputs.model_of(recipe, system), recipe.base.revision)
    if system == inputs.ABILITY:
        zero_shot = set(recipe.zero_shot_directions)
        samples = [s for s in samples if Direction(s.source_lang, s.target_lang) in zero_shot]
    texts = translated(recipe, loaded, samples, tell, by_cue=system == inputs.ABILITY)
    artifacts.write_lines(
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
    return {"segments": len(samples), "empty": sum(not text for text in texts)}


def translated(
    recipe: Recipe, loaded: models.Loaded, samples: Sequence[Sample], tell: inputs.Tell, *, by_cue: bool
) -> list[str]:
    """One hypothesis a sample; `by_cue` asks in the form of step 0's documents, up to a line's end."""
    if by_cue:
        asked = [
            documents.cue(s.source, s.source_lang, s.target_lang, english_name) for s in samples
        ]
    else:
        asked = inputs.instructions(samples, recipe)
    line_end = loaded.prompts(["\n"])[0] if by_cue else []
    loaded.model.eval()
    texts = [""] * len(samples)
    done = 0
    for part in generate(
        loaded.model,
        loaded.prompts(asked),
        eos=(*loaded.eos, *line_end),
        pad=loaded.pad,
        beams=recipe.translate.beams,
        max_new_tokens=recipe.translate.max_new_tokens,
        batch=recipe.translate.batch,
    ):
        for index, tokens in part.items():
            texts[index] = loaded.text(tokens)
        done += len(part)
        tell("segments", done, len(samples))
    return texts
