"""The whole export: original, format, verification, publication."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ontarget import artifacts
from ontarget.decoding.base import Search, translate_all
from ontarget.decoding.hf.translator import HuggingFaceTranslator
from ontarget.errors import ArtifactError, ModelError
from ontarget.models import adapters, loading
from ontarget.models.prompting import end_ids
from ontarget.records import Sample
from ontarget.translation.choice import ModelChoice, choose_model, is_run
from ontarget.translation.export.formats import ExportFormat, open_format, write_format
from ontarget.translation.export.verifying import (
    NEW_TOKENS,
    count_equal,
    dev_segments,
    phrasebook_segments,
)

STAGED = ".staged"  # folder beside the files of the exported model, until they are verified
BATCH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What is exported, and how."""

    model: str  # RUN, RUN#SYSTEM, a model folder or a hub id
    adapter: Path | None
    template: str | None
    languages: tuple[str, ...]  # of the phrasebook, to verify what is no run
    form: ExportFormat
    out: Path


def export_model(request: ExportRequest, tell: Callable[[str], None]) -> tuple[int, int]:
    """Write the exported model; how many of how many segments it translates as the original.

    Raises:
        OnTargetError: the model, the format and the place do not fit, or too many segments differ;
            then nothing is left behind.
    """
    out = request.out
    if out.exists():
        raise ArtifactError(f"{out}: exists already; name a folder that does not")
    choice = choose_model(request.model, request.template, NEW_TOKENS)
    if choice.model.startswith(("http://", "https://")) or choice.model.endswith(".gguf"):
        raise ModelError(f"{choice.model}: has no weights to export; give a run or a model folder")
    samples = segments_of(request)
    with (
        artifacts.lock_output(out) as lock,
        artifacts.publish_folder(out, still_locked=lock.check) as partial,
    ):
        staged = partial / STAGED
        tell("translating with the original")
        expected = stage_original(request, choice, samples, staged)
        tell(f"writing {request.form.name}")
        write_format(staged, partial, request.form)
        tell("translating with the exported model")
        search = Search(beams=1, max_new_tokens=choice.max_new_tokens, batch=BATCH)
        opening = open_format(staged, partial, request.form, choice.prompt_format, search)
        with opening as translator:
            found = translate_all(translator, samples)
        equal = count_equal(expected, found, is_float=request.form.is_float)
        artifacts.remove_tree(staged)
    return equal, len(samples)


def segments_of(request: ExportRequest) -> list[Sample]:
    """The segments to verify with: of the run's dev set, else of the phrasebook."""
    run = Path(request.model.partition("#")[0])
    return dev_segments(run) if is_run(run) else phrasebook_segments(request.languages)


def stage_original(
    request: ExportRequest, choice: ModelChoice, samples: Sequence[Sample], staged: Path
) -> list[str]:
    """The original's translations; it is written into `staged` and not kept in memory."""
    loaded = adapters.load_merged(choice.model, request.adapter)
    search = Search(beams=1, max_new_tokens=choice.max_new_tokens, batch=BATCH)
    texts = translate_all(HuggingFaceTranslator(loaded, choice.prompt_format, search), samples)
    if request.form.name == "safetensors":
        loaded.model.to(getattr(torch, request.form.quantization))
    loading.save_model(loaded, staged)
    loading.write_generation_config(staged, end_ids(loaded, choice.prompt_format))
    return texts
