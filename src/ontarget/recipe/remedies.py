"""Ways to stay on target in step 5: what they learn from, and their settings, tried on dev."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from hashlib import sha256
from itertools import islice
from typing import Any

from ontarget import artifacts
from ontarget.analysis.validation import direction_of, validate
from ontarget.artifacts import ArrowRecords
from ontarget.decoding.base import Search, Translator
from ontarget.decoding.hf.planned import PlannedTranslator
from ontarget.decoding.ways.plan import Material
from ontarget.decoding.ways.settings import Way
from ontarget.models.loading import LoadedModel
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import TranslateSettings
from ontarget.records import Sample
from ontarget.training.monitoring.model_selection import value_of

TEXTS = 2000  # of each language that ways learn from
READ = 100_000  # training samples that are looked at for them


def best_translator(
    context: StepContext[TranslateSettings], loaded: LoadedModel, search: Search
) -> tuple[Translator, list[dict[str, Any]]]:
    """The translator whose settings are best on dev, and what each of them reached there.

    Settings are compared by chrF times the share on target. Demonstrations and prefixes are other
    dev segments than those that settings are tried on.
    """
    settings = context.settings.ways
    assert settings is not None
    dev = artifacts.read_jsonl(context.inputs["1_prepare"] / "dev.jsonl", Sample)
    tuned = first_of_each(dev, settings.tune) if len(settings.choices) > 1 else []
    left = set(dev) - set(tuned)
    material = Material(
        loaded=loaded,
        languages=settings.languages,
        examples=[sample for sample in dev if sample in left],
        texts=texts_by_language([*training_samples(context), *dev]),
    )

    def translator(ways: tuple[Way, ...]) -> Translator:
        return PlannedTranslator(loaded, context.settings.prompt_format, search, ways, material)

    if not tuned:
        return translator(settings.choices[0]), []
    results = []
    for number, ways in enumerate(settings.choices):
        context.tell("trying settings on dev", number, len(settings.choices))
        results.append(validate(translator(ways), tuned, settings.detection, number))
    best = max(results, key=value_of)
    tried = [
        {
            "ways": [asdict(way) for way in ways],
            "off_target_percent": result.off_target_percent,
            "chrf": result.chrf,
            "chosen": result is best,
        }
        for ways, result in zip(settings.choices, results, strict=True)
    ]
    return translator(settings.choices[best.step]), tried


def first_of_each(samples: Sequence[Sample], count: int) -> list[Sample]:
    """`count` samples of each direction, chosen by their keys."""
    seen: Counter[object] = Counter()
    chosen = []
    for sample in sorted(samples, key=lambda one: sha256(one.key.encode()).digest()):
        seen[direction_of(sample)] += 1
        if seen[direction_of(sample)] <= count:
            chosen.append(sample)
    return chosen


def training_samples(context: StepContext[TranslateSettings]) -> list[Sample]:
    """The first training samples; [] where nothing is trained."""
    path = context.inputs["1_prepare"] / "train.arrow"
    return list(islice(ArrowRecords(path, Sample), READ)) if path.exists() else []


def texts_by_language(samples: Iterable[Sample]) -> dict[str, list[str]]:
    """The first texts of each language, on either side; no general instructions."""
    texts: dict[str, dict[str, None]] = {}
    for sample in samples:
        if sample.is_general:
            continue
        for language, text in (
            (sample.source_lang, sample.source),
            (sample.target_lang, sample.target),
        ):
            known = texts.setdefault(language, {})
            if len(known) < TEXTS:
                known[text] = None
    return {language: list(known) for language, known in texts.items()}
