"""Step 6: off-target ratio, BLEU and chrF of every system and direction."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ontarget import artifacts
from ontarget.identify import FastText, Identifier
from ontarget.offtarget import off_target
from ontarget.recipe import Recipe
from ontarget.records import Direction, Score, Translation
from ontarget.scores import quality
from ontarget.steps import inputs


def run(recipe: Recipe, out: Path, tell: inputs.Tell) -> dict[str, Any]:
    """Write `scores.jsonl` and `segments.jsonl`; `ability.jsonl` for a base made from scratch.

    A segment's line is its translation with the languages found in hypothesis and reference.
    """
    restricted = recipe.evaluate.identifier == "restricted"
    identify = FastText(recipe.languages if restricted else None)
    scores: list[Score] = []
    ability: list[Score] = []
    segments: list[dict[str, str]] = []
    systems = inputs.systems(recipe) + ([inputs.ABILITY] if recipe.base.scratch else [])
    for number, system in enumerate(systems):
        path = recipe.out / "5_translate" / system / "translations.jsonl"
        translations = artifacts.read_lines(path, Translation)
        for direction in dict.fromkeys(
            Direction(t.source_lang, t.target_lang) for t in translations
        ):
            tell(f"{system} {direction}", number, len(systems))
            group = [t for t in translations if (t.source_lang, t.target_lang) == direction]
            supervised = direction in recipe.supervised_directions
            measured, lines = score(group, supervised, identify)
            (ability if system == inputs.ABILITY else scores).append(measured)
            segments += lines
    artifacts.write_lines(out / "scores.jsonl", scores)
    artifacts.write_lines(out / "segments.jsonl", segments)
    artifacts.write_lines(out / "ability.jsonl", ability)
    return {"detector": identify.signature, "segments": len(segments)}


def score(
    translations: Sequence[Translation], supervised: bool, identify: Identifier
) -> tuple[Score, list[dict[str, str]]]:
    """One system in one direction, and its segments with the languages found."""
    first = translations[0]
    hypotheses = [each.hypothesis for each in translations]
    references = [each.reference for each in translations]
    found, floor = identify.languages_of(hypotheses), identify.languages_of(references)
    ratio = off_target(found, first.target_lang)
    measured = quality(hypotheses, references, first.target_lang)
    lines = [
        {**asdict(each), "found_lang": language, "reference_found_lang": of_reference}
        for each, language, of_reference in zip(translations, found, floor, strict=True)
    ]
    return (
        Score(
            system=first.system,
            source=first.source_lang,
            target=first.target_lang,
            supervised=supervised,
            segments=len(translations),
            bleu=round(measured.bleu, 3),
            chrf=round(measured.chrf, 3),
            off_target_percent=round(ratio.percent, 3),
            off_target_interval=(round(ratio.interval[0], 3), round(ratio.interval[1], 3)),
            reference_off_target_percent=round(off_target(floor, first.target_lang).percent, 3),
            detector=identify.signature,
            signatures=measured.signatures,
        ),
        lines,
    )
