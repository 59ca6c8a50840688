"""Step 5: every test sentence, translated by one system."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from ontarget import artifacts
from ontarget.decoding.backends import translator_of
from ontarget.decoding.base import Hypothesis, Search, Translator
from ontarget.decoding.resume import FILE, read_batches, translate_resumably
from ontarget.models import loading
from ontarget.models.templates import CUE, PromptFormat
from ontarget.recipe import remedies
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import TranslateSettings
from ontarget.records import Direction, Sample, Translation
from ontarget.systems import BASE_BY_CUE

CUE_FORMAT = PromptFormat(template=CUE, stop="\n")  # a labelled document of step 0


def run(context: StepContext[TranslateSettings]) -> dict[str, Any]:
    """Write `translations.jsonl` of one system."""
    settings = context.settings
    samples = artifacts.read_jsonl(context.inputs["1_prepare"] / "test.jsonl", Sample)
    if settings.zero_shot is not None:
        wanted = set(settings.zero_shot)
        samples = [s for s in samples if Direction(s.source_lang, s.target_lang) in wanted]
    translator, tried = translator_of_system(context)
    resumed, _ = read_batches(context.unfinished / FILE)
    context.tell("translating the first batch", len(resumed), len(samples))
    start = time.monotonic()
    found = translate_resumably(
        translator,
        samples,
        context.unfinished,
        lambda done, total: context.tell("segments", done, total),
    )
    seconds = time.monotonic() - start
    translations = pair(samples, found, context.system)
    artifacts.write_jsonl(context.out / "translations.jsonl", translations)
    return {
        "segments": len(samples),
        "empty": sum(not hypothesis.text for hypothesis in found),
        "cut_at_max_new_tokens": sum(hypothesis.truncated for hypothesis in found),
        "segments_per_second": round((len(samples) - len(resumed)) / seconds, 1),
        **({"tried": tried} if tried else {}),
    }


def translator_of_system(
    context: StepContext[TranslateSettings],
) -> tuple[Translator, list[dict[str, Any]]]:
    """The system's translator; of ways to stay on target also what each setting reached on dev."""
    settings = context.settings
    context.tell("loading the model", 0, 1)
    loaded = loading.load_model(context.start, settings.base.revision)
    loading.place_for_decoding(loaded.model, settings.translate.precision)
    search = Search(
        beams=settings.translate.beams,
        max_new_tokens=settings.translate.max_new_tokens,
        batch=settings.translate.batch,
    )
    if settings.ways is not None:
        return remedies.best_translator(context, loaded, search)
    by_cue = context.system == BASE_BY_CUE.name
    return translator_of(loaded, CUE_FORMAT if by_cue else settings.prompt_format, search), []


def pair(
    samples: Sequence[Sample], found: Sequence[Hypothesis], system: str
) -> Iterator[Translation]:
    """Each sample with its translation."""
    for sample, hypothesis in zip(samples, found, strict=True):
        yield Translation(
            key=sample.key,
            system=system,
            source_lang=sample.source_lang,
            target_lang=sample.target_lang,
            source=sample.source,
            reference=sample.target,
            hypothesis=hypothesis.text,
            truncated=hypothesis.truncated,
        )
