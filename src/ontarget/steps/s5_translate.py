"""Step 5: every test sentence, translated by one system."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from ontarget import artifacts
from ontarget.decoding.backends import translator_of
from ontarget.decoding.base import Hypothesis, Search
from ontarget.decoding.resume import FILE, read_batches, translate_resumably
from ontarget.models import loading
from ontarget.models.templates import CUE, PromptFormat
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
    context.tell("loading the model", 0, 1)
    loaded = loading.load_model(context.start, settings.base.revision)
    loading.move_to_accelerator(loaded.model)
    by_cue = context.system == BASE_BY_CUE.name
    search = Search(
        beams=settings.translate.beams,
        max_new_tokens=settings.translate.max_new_tokens,
        batch=settings.translate.batch,
    )
    translator = translator_of(loaded, CUE_FORMAT if by_cue else settings.prompt_format, search)
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
    }


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
