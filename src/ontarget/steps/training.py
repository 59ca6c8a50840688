"""What steps 0, 3 and 4 share: a recipe's section as a schedule, samples as examples."""

import math
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ontarget import artifacts, processes
from ontarget.analysis import diagnose
from ontarget.decoding.base import Search
from ontarget.errors import CorpusError
from ontarget.models import adapters, loading, prompting
from ontarget.models.adapters import LowRankAdapter
from ontarget.models.loading import LoadedModel
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.sections import Adapter, Mle, Training, Unlikelihood
from ontarget.records import Direction, Sample
from ontarget.steps import inputs
from ontarget.training import checkpoints
from ontarget.training.monitoring import trackers
from ontarget.training.monitoring.callbacks import LogPoint, OnLog, ValidationPlan
from ontarget.training.packing import Example, TokenSequence, token_sequence
from ontarget.training.schedule import Schedule
from ontarget.training.train import TrainingResult


def schedule(
    section: Training,
    samples: int,
    seed: int,
    *,
    alpha: float = 0.0,
    validation: ValidationPlan | None = None,
) -> Schedule:
    """The section with its length in optimiser steps; an epoch's last may have fewer samples."""
    of_epoch = math.ceil(samples / section.batch)
    steps = section.steps or math.ceil((section.epochs or 1) * of_epoch)
    return Schedule(
        steps=steps,
        batch=section.batch,
        micro_batch=section.micro_batch,
        learning_rate=section.learning_rate,
        schedule=section.schedule,
        warmup=section.warmup,
        optimizer=section.optimizer,
        weight_decay=section.weight_decay,
        precision=section.precision,
        row_tokens=section.row_tokens or section.max_tokens,
        compiled=section.compile,
        checkpoint_every=section.checkpoint_every,
        alpha=alpha,
        seed=seed,
        adapter=low_rank(getattr(section, "adapter", None)),
        validation=validation,
    )


def low_rank(section: Adapter | None) -> LowRankAdapter | None:
    """The section as the adapter it describes."""
    if section is None:
        return None
    return LowRankAdapter(
        rank=section.rank,
        scale=section.alpha / section.rank,
        dropout=section.dropout,
        targets=section.targets,
        kind=section.kind,
    )


def picked(samples: Sequence[Sample], section: Training, seed: int) -> list[Sample]:
    """As many samples as the training will see; all of them where it sees each at least once."""
    return inputs.chosen(
        samples, section.steps * section.batch if section.steps else len(samples), seed
    )


def examples(
    loaded: LoadedModel,
    recipe: Recipe,
    samples: Sequence[Sample],
    conflicts: Sequence[Sample] | None,
    max_tokens: int,
) -> list[Example]:
    """Each sample with its conflict, if any; those that are too long are left out whole.

    Raises:
        CorpusError: nothing is left.
    """
    true = rows(loaded, recipe, samples, unlikely=False)
    if conflicts is None:
        paired = [Example(rows=(each,)) for each in true]
    else:
        wrong = rows(loaded, recipe, conflicts, unlikely=True)
        paired = [Example(rows=pair) for pair in zip(true, wrong, strict=True)]
    longest = min(max_tokens, loaded.positions or max_tokens)
    fitting = [example for example in paired if example.length <= longest]
    if not fitting:
        raise CorpusError(
            f"{recipe.out}: all {len(samples)} training samples are longer than {longest} "
            "tokens; raise max_tokens or take a model with more positions"
        )
    return fitting


def rows(
    loaded: LoadedModel, recipe: Recipe, samples: Sequence[Sample], *, unlikely: bool
) -> list[TokenSequence]:
    """Tokenised prompts and responses."""
    prompts = prompting.build_prompts(loaded, samples, recipe.asking)
    responses = prompting.build_responses(loaded, samples, recipe.asking)
    made = [
        token_sequence(sample.key, prompt, response, unlikely=unlikely)
        for sample, prompt, response in zip(samples, prompts, responses, strict=True)
    ]
    loading.check_token_ids(loaded, (t for each in made for t in (*each.encoder, *each.tokens)))
    return made


def loaded(recipe: Recipe, place: str, section: Mle | Unlikelihood) -> LoadedModel:
    """The model that a stage starts from, in 4 bits where its adapter wants that."""
    kind = section.adapter.kind if section.adapter else None
    if kind == "qlora":
        return loading.load_model(place, recipe.base.revision, section.precision)
    found = loading.load_model(place, recipe.base.revision)
    place_to_train(found)
    return found


def place_to_train(loaded: LoadedModel) -> None:
    """Put the model on the accelerator, unless an engine that shards will do so part by part."""
    if not processes.is_sharded():
        loading.move_to_accelerator(loaded.model)


def keep(recipe: Recipe, loaded: LoadedModel, trained: TrainingResult, out: Path) -> None:
    """Write `model/`, `curve.jsonl`; `adapter/` and `validation.jsonl`, where there is one.

    The model is whole in any case: what an adapter learned is merged into it, or into its weights
    before they were cut to 4 bits. Of several processes the leading one writes.
    """
    if not processes.is_main_process():
        return
    if trained.adapter is not None:
        adapters.save_adapter(trained.adapter, out / "adapter")
        if getattr(loaded.model, "is_quantized", False):
            loaded = loading.load_model(str(loaded.model.name_or_path), recipe.base.revision)
            adapters.merge_adapter(adapters.load_adapter(loaded.model, out / "adapter"))
        else:
            adapters.merge_adapter(trained.adapter)
    loading.save_model(loaded, out / "model")
    loading.write_generation_config(out / "model", prompting.end_ids(loaded, recipe.asking))
    artifacts.write_jsonl(out / "curve.jsonl", trained.curve)
    if trained.validated:
        artifacts.write_jsonl(out / "validation.jsonl", trained.validated)


def validation(
    recipe: Recipe, section: Mle | Unlikelihood, loaded: LoadedModel
) -> ValidationPlan | None:
    """How a stage is told where it stands: by zero-shot directions, where there are any."""
    setting = section.validation
    if setting is None:
        return None
    dev = artifacts.read_jsonl(recipe.out / "1_prepare" / "dev.jsonl", Sample)
    watched = set(recipe.zero_shot_directions or recipe.supervised_directions)
    drawn = [s for s in dev if Direction(s.source_lang, s.target_lang) in watched]
    drawn = inputs.chosen(drawn, len(drawn), recipe.seed)
    samples = inputs.per_direction(drawn, setting.segments)
    return ValidationPlan(
        every=setting.every,
        measure=lambda step: diagnose.validate(loaded, samples, examined(recipe), step),
        stop=setting.stop,
    )


def examined(recipe: Recipe) -> diagnose.DiagnosisSettings:
    """The recipe as measurements on dev sentences need it."""
    return diagnose.DiagnosisSettings(
        languages=recipe.languages,
        supervised=recipe.supervised_directions,
        asking=recipe.asking,
        detection=recipe.detection,
        seed=recipe.seed,
        search=Search(
            beams=1,
            max_new_tokens=recipe.translate.max_new_tokens,
            batch=recipe.translate.batch * recipe.translate.beams,
        ),
    )


def reported(trained: TrainingResult, samples: int, examples: int) -> dict[str, int]:
    """What a stage says of itself: samples, those left out for their length, steps."""
    found = {"samples": examples, "too_long": samples - examples, "steps": trained.steps}
    return found | ({"kept_step": trained.kept} if trained.validated else {})


@contextmanager
def progress(recipe: Recipe, step: str, section: Training, tell: inputs.Tell) -> Iterator[OnLog]:
    """Training progress on the terminal and, from the first process, where the recipe reports to.

    Event files lie outside the step's folder, which is not there before it is whole. Those of a
    training that is not resumed take the place of older ones.
    """
    shown, folder = line(tell), recipe.out / "logs" / step
    if not processes.is_main_process():
        yield shown
        return
    if not checkpoints.all_checkpoints(inputs.unfinished(recipe, step)):
        shutil.rmtree(folder, ignore_errors=True)
    tracked = trackers.TrackedRun(
        name=f"{recipe.name}/{step}", folder=folder, settings=section.model_dump(mode="json")
    )
    with trackers.tracking(recipe.report_to, tracked) as track:

        def tell_all(point: LogPoint) -> None:
            shown(point)
            track(point)

        yield tell_all


SHOWN = {
    "likelihood": "MLE {:.3f}",
    "unlikelihood": "UL {:.3f}",
    "off_target_percent": "dev OTR {:.1f} %",
    "tokens_per_second": "{:,.0f} tokens/s",
}


def line(tell: inputs.Tell) -> OnLog:
    """Training progress as one line: both losses in nats a token, and what dev says."""
    known: dict[str, float] = {}

    def show(point: LogPoint) -> None:
        known.update(point)
        seen = {name: found for name, found in known.items() if found or name != "unlikelihood"}
        said = [text.format(seen[name]) for name, text in SHOWN.items() if name in seen]
        tell("  ".join(said), int(point["step"]), int(point["steps"]))

    return show
