"""Step 6: off-target ratio, BLEU and chrF of every system and direction."""

from dataclasses import replace
from typing import Any

from ontarget import artifacts
from ontarget.analysis.evaluate import evaluate_translations
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import EvaluateSettings
from ontarget.records import Direction, JudgedTranslation, Score, Translation
from ontarget.systems import system_of


def run(context: StepContext[EvaluateSettings]) -> dict[str, Any]:
    """Write `scores.jsonl` and `segments.jsonl`; `ability.jsonl` for a base made from scratch.

    A line of `segments.jsonl` is a translation with the verdicts on it and on its reference.
    """
    settings = context.settings
    scores: list[Score] = []
    ability: list[Score] = []
    segments: list[JudgedTranslation] = []
    for number, (folder, path) in enumerate(context.inputs.items()):
        system = system_of(folder.rpartition("/")[2])
        translations = artifacts.read_jsonl(path / "translations.jsonl", Translation)
        groups: dict[Direction, list[Translation]] = {}
        for translation in translations:
            direction = Direction(translation.source_lang, translation.target_lang)
            groups.setdefault(direction, []).append(translation)
        for direction, group in groups.items():
            context.tell(f"{system.name} {direction}", number, len(context.inputs))
            metric = settings.detection.metric(direction)
            judged, score = evaluate_translations(
                metric, group, supervised=direction in settings.supervised
            )
            score = replace(score, truncated=sum(line.truncated for line in group))
            (scores if system.compared else ability).append(score)
            segments += judged
    artifacts.write_jsonl(context.out / "scores.jsonl", scores)
    artifacts.write_jsonl(context.out / "segments.jsonl", segments)
    artifacts.write_jsonl(context.out / "ability.jsonl", ability)
    return {"segments": len(segments)}
