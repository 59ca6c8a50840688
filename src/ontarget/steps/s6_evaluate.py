"""Step 6: off-target ratio, BLEU and chrF of every system and direction."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ontarget import artifacts
from ontarget.offtarget.metric import OffTarget
from ontarget.offtarget.ratio import Tally
from ontarget.offtarget.verdicts import Verdict
from ontarget.recipe.recipe import Recipe
from ontarget.records import Direction, JudgedTranslation, Score, Translation
from ontarget.scoring import sacrebleu
from ontarget.scoring.sacrebleu import quality
from ontarget.stats import wilson
from ontarget.steps import inputs


def run(recipe: Recipe, out: Path, tell: inputs.Tell) -> dict[str, Any]:
    """Write `scores.jsonl` and `segments.jsonl`; `ability.jsonl` for a base made from scratch.

    A segment's line is its translation with what was found in hypothesis and reference.
    """
    scores: list[Score] = []
    ability: list[Score] = []
    segments: list[JudgedTranslation] = []
    names = inputs.systems(recipe) + ([inputs.ABILITY] if recipe.base.scratch else [])
    for number, system in enumerate(names):
        path = recipe.out / "5_translate" / system / "translations.jsonl"
        translations = artifacts.read_jsonl(path, Translation)
        for direction in dict.fromkeys(
            Direction(t.source_lang, t.target_lang) for t in translations
        ):
            tell(f"{system} {direction}", number, len(names))
            group = [t for t in translations if (t.source_lang, t.target_lang) == direction]
            metric = recipe.detection.metric(direction)
            answers, tally = judged(group, metric)
            supervised = direction in recipe.supervised_directions
            measured = score(answers, tally, supervised, metric)
            (ability if system == inputs.ABILITY else scores).append(measured)
            segments += answers
    artifacts.write_jsonl(out / "scores.jsonl", scores)
    artifacts.write_jsonl(out / "segments.jsonl", segments)
    artifacts.write_jsonl(out / "ability.jsonl", ability)
    return {"segments": len(segments)}


def judged(
    translations: Sequence[Translation], metric: OffTarget
) -> tuple[list[JudgedTranslation], Tally]:
    """One system's translations in one direction with what was found in them, and the counts."""
    hypotheses = [each.hypothesis for each in translations]
    references = [each.reference for each in translations]
    sources = [each.source for each in translations]
    of_hypotheses = metric.judge(hypotheses, sources, ((each,) for each in references))
    found = [each.judged for each in of_hypotheses]
    floor = [each.judged for each in metric.judge(references)]
    chrf = sacrebleu.metrics(metric.asked.target_lang)["chrf"]
    qualities = sacrebleu.segment_scores(chrf, hypotheses, references)
    answers = [
        JudgedTranslation(
            **asdict(translation),
            verdict=its.verdict,
            found_lang=its.language,
            reference_verdict=reference.verdict,
            reference_found_lang=reference.language,
            chrf=round(of_segment, 2),
        )
        for translation, its, reference, of_segment in zip(
            translations, found, floor, qualities, strict=True
        )
    ]
    return answers, Tally(Counter(zip(found, floor, strict=True)))


def score(
    answers: Sequence[JudgedTranslation], tally: Tally, supervised: bool, metric: OffTarget
) -> Score:
    """One system in one direction."""
    first = answers[0]
    hypotheses = [each.hypothesis for each in answers]
    measured = quality(hypotheses, [each.reference for each in answers], first.target_lang)
    floor = tally.floor()
    bounds = wilson(tally.count, tally.judged) if tally.judged else None
    return Score(
        system=first.system,
        source=first.source_lang,
        target=first.target_lang,
        supervised=supervised,
        segments=len(answers),
        bleu=round(measured.bleu, 3),
        chrf=round(measured.chrf, 3),
        off_target_percent=rounded(100 * tally.count / tally.judged) if tally.judged else None,
        off_target_interval=bounds and (rounded(bounds[0]), rounded(bounds[1])),
        reference_off_target_percent=None if floor is None else rounded(floor),
        verdicts={each.value: tally.verdicts[each] for each in Verdict},
        languages=dict(tally.languages.most_common()),
        detector=metric.signature,
        signatures=measured.signatures,
    )


def rounded(percent: float) -> float:
    """To a thousandth."""
    return round(percent, 3)
