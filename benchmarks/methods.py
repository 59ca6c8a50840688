"""The methods of the head to head: what each makes of the same samples.

paper, wrong targets, deciding tokens, own answers   our loss, with four kinds of conflicts
falling own answers                                  alpha falls to 0 over the steps
likelihood                                           stage 1 goes on
METHOD/synthetic                                     likelihood, or one of ours, with as many
                                                     synthetic pairs of zero-shot directions
by target                                            likelihood, an adapter (or a copy of all
                                                     weights) for each target language
LOSS/KIND                                            a loss of `preference`, a kind of `contrasts`
grpo                                                 the verdict on sampled answers as reward
"""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import contrasts
import torch
from contrasts import Source

from ontarget.artifacts import ArrowRecords
from ontarget.data.conflicts import Experiment, draw_conflicts, draw_own_conflicts, instructions_of
from ontarget.data.sampling import choose
from ontarget.decoding.base import Search
from ontarget.models.loading import LoadedModel, load_model, move_to_accelerator
from ontarget.recipe import stage, training_data, yaml_file
from ontarget.recipe.corpus import read_corpus
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.sections.training import Unlikelihood
from ontarget.recipe.training_data import ConflictSamples
from ontarget.records import Parallel, Sample
from ontarget.training.batches.sequences import Example, TokenSequence
from ontarget.training.schedule import Schedule
from ontarget.training.train import train

STAGE1 = "stage 1"
BY_TARGET = "by target"
OURS: dict[str, dict[str, Any]] = {  # settings of the section `unlikelihood`
    "paper": {"tokens": "all", "draw": "any_other_instruction"},
    "wrong targets": {"tokens": "all", "draw": "wrong_target"},
    "deciding tokens": {"conflicts": "references", "tokens": "reach"},
    "own answers": {},
    "falling own answers": {"alpha_schedule": "falling"},
}
PREFERENCES = ("dpo", "kto", "cpo", "simpo", "orpo")
METHODS = (
    *OURS, "likelihood", BY_TARGET, "likelihood/synthetic", "paper/synthetic",
    "own answers/synthetic", "dpo/synthetic", "grpo",
    *(f"{loss}/{kind}" for kind in ("instruction", "own", "response") for loss in PREFERENCES),
)  # fmt: skip
DEV = "dev"
RATES = (1.0, 0.3, 0.1, 0.03)  # times the learning rate of the run's stage 2
RATES_OF_PREFERENCES = (0.1, 0.03, 0.3, 0.01)
WEIGHTS = {  # alpha of ours, beta of TRL's losses: the default first
    "paper": (0.05, 0.3, 1.0),
    "wrong targets": (0.05, 0.3, 1.0),
    "deciding tokens": (1.0, 0.3, 3.0),
    "own answers": (1.0, 0.3, 3.0),
    "falling own answers": (1.0, 0.3, 3.0),
    "dpo": (0.1, 0.03, 0.3),
    "kto": (0.1, 0.03, 0.3),
    "cpo": (0.1, 0.03, 0.3),
    "simpo": (2.0, 1.0, 4.0),
    "orpo": (0.1, 0.3, 1.0),
}


def loss_of(method: str) -> str:
    """Its first part: a loss with settings."""
    return method.partition("/")[0]


def is_ours(method: str) -> bool:
    """Whether it is trained by this package."""
    return loss_of(method) in (*OURS, "likelihood", BY_TARGET)


def rates_of(method: str) -> tuple[float, ...]:
    """The learning rates to try, as factors."""
    return RATES if is_ours(method) else RATES_OF_PREFERENCES


def weights_of(method: str) -> tuple[float, ...]:
    """The weights to try, the default first; (0,) for a method without one."""
    return WEIGHTS.get(loss_of(method), (0.0,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training and its test."""

    method: str
    rate: float  # times the learning rate of the run's stage 2
    weight: float  # alpha or beta
    seed: int
    split: str
    run: Path
    out: Path
    steps: int | None
    precision: str | None
    text: Path | None
    segments: int  # dev sentences in each direction
    into: str = ""  # the target language of what it trains and translates; "": all

    @property
    def tuning(self) -> Path:
        """The folder of the method with these settings."""
        return self.out / self.method.replace("/", "+") / f"{self.rate:.3g}x{self.weight:.3g}"

    @property
    def folder(self) -> Path:
        """Where its result is."""
        return self.tuning / f"{self.split}-{self.seed}"

    @property
    def training(self) -> Path:
        """Where its trained model is, whatever it is tested on."""
        return self.tuning / f"trained-{self.seed}" / self.into

    @property
    def result(self) -> dict[str, Any]:
        """What was measured."""
        return dict(json.loads((self.folder / "result.json").read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a training of a job is made from."""

    job: Job
    recipe: Recipe
    loaded: LoadedModel
    samples: list[Sample]  # one for each place in a step
    section: Unlikelihood

    @classmethod
    def of(cls, job: Job) -> "Case":
        """The model of stage 1, and samples drawn by the job's seed."""
        recipe = yaml_file.load_recipe(job.run / "recipe.yaml")
        assert recipe.unlikelihood is not None
        names = (
            "steps", "batch", "micro_batch", "learning_rate", "schedule", "max_tokens",
            "row_tokens", "adapter", "precision", "optimizer",
        )  # fmt: skip
        own = recipe.unlikelihood.model_dump(include=set(names))
        own |= {k: v for k in ("steps", "precision") if (v := getattr(job, k)) is not None}
        if (loss := loss_of(job.method)) in OURS:
            own |= OURS[loss] | {"alpha": job.weight}
        own["learning_rate"] *= job.rate
        if job.into:  # as many steps in all as the other methods
            own["steps"] = max(1, own["steps"] // len(recipe.languages))
        section = Unlikelihood.model_validate(own)
        stored = ArrowRecords(job.run / "1_prepare" / "train.arrow", Sample)
        known = [sample for sample in stored if job.into in ("", sample.target_lang)]
        samples = choose(known, (section.steps or 1) * section.batch, job.seed)
        loaded = load_model(str(job.run / "3_mle" / "model"))
        move_to_accelerator(loaded.model)
        return cls(job=job, recipe=recipe, loaded=loaded, samples=samples, section=section)

    @property
    def schedule(self) -> Schedule:
        """How it is trained."""
        alpha = self.section.alpha if loss_of(self.job.method) in OURS else 0.0
        return stage.schedule_of(self.section, len(self.samples), self.job.seed, alpha=alpha)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights that answer and are tested; trained are weights in float32."""
        return torch.bfloat16 if self.section.precision == "bfloat16" else torch.float32

    @property
    def source(self) -> Source:
        """What contrasts are made from."""
        recipe = self.recipe
        wanted = {sample.key.rpartition("/")[0] for sample in self.samples}
        rows: dict[str, Parallel] = {}
        if self.job.method.endswith("/response"):
            corpus = read_corpus(recipe.corpus, recipe.languages, recipe.seed)
            rows = {row.key: row for row in corpus.train if row.key in wanted}
        return Source(
            loaded=self.loaded, form=recipe.prompt_format, search=search_of(recipe),
            languages=recipe.languages, supervised=recipe.supervised_directions,
            samples=self.samples, rows=rows, seed=self.job.seed, dtype=self.dtype,
        )  # fmt: skip

    def conflicts(self) -> list[Sample]:
        """The conflict samples of one of our methods."""
        recipe, seed = self.recipe, self.job.seed
        if self.section.conflicts == "own":
            directions = recipe.supervised_directions
            return list(draw_own_conflicts(self.samples, recipe.languages, seed, directions))
        sides = [[s.source_lang for s in self.samples], [s.asked_lang for s in self.samples]]
        experiment = Experiment(languages=recipe.languages, instructions=instructions_of(*sides))
        return list(draw_conflicts(self.samples, self.section.draw, experiment, seed))


def search_of(recipe: Recipe) -> Search:
    """Greedy, with the lengths of the run."""
    settings = recipe.translate
    return Search(beams=1, max_new_tokens=settings.max_new_tokens, batch=settings.batch or 32)


def train_ours(case: Case, folder: Path) -> Any:
    """With our Trainer."""
    form, most, conflicts = case.recipe.prompt_format, case.section.max_tokens, None
    if loss_of(case.job.method) in OURS:
        conflicts = ConflictSamples(samples=case.conflicts(), section=case.section)
    examples = training_data.make_examples(
        case.loaded, form, case.samples, most, conflicts=conflicts
    )
    if case.job.method.endswith("/synthetic"):
        examples += synthetic(case)
    answers = training_data.own_answers(case.loaded, form, case.section.plausibility)
    result = train(case.loaded, examples, case.schedule, folder, answers=answers)
    return result.adapter or case.loaded.model


def synthetic(case: Case) -> list[Example]:
    """The synthetic pairs as examples."""
    source = case.source
    pairs = source.synthetic_pairs
    prompts = source.prompts([pair.sample for pair in pairs])
    targets = source.answers([pair.request for pair in pairs])
    rows = [
        TokenSequence(key="", tokens=(*prompt, *target), prompt_tokens=len(prompt))
        for prompt, target in zip(prompts, targets, strict=True)
    ]
    return [Example(rows=(row,)) for row in rows]


def train_theirs(case: Case, folder: Path) -> Any:
    """With a trainer of TRL."""
    import preference

    training = preference.Training(loaded=case.loaded, schedule=case.schedule, folder=folder)
    if case.job.method == "grpo":
        return train_by_reward(case, training)
    loss, _, kind = case.job.method.partition("/")
    pairs = list(contrasts.KINDS[kind](case.source))  # type: ignore[index]
    return preference.LOSSES[loss](training, pairs, case.job.weight)


def train_by_reward(case: Case, training: Any) -> Any:
    """GRPO on prompts of zero-shot directions."""
    import preference

    asked = [pair.sample for pair in case.source.synthetic_pairs]
    decode = partial(case.loaded.tokenizer.decode, skip_special_tokens=True)  # GRPO adds BOS
    texts = [str(decode(tokens)) for tokens in case.source.prompts(asked)]
    return preference.grpo(training, texts, asked, search_of(case.recipe).max_new_tokens)


def tuned(case: Case, folder: Path) -> Any:
    """The trained model."""
    return (train_ours if is_ours(case.job.method) else train_theirs)(case, folder)
