"""Exactly the settings that each step reads, one record a step, made from a recipe.

A step is given its record and nothing else of the recipe, so a setting that it does not declare
here cannot be read. The record is also what decides whether a finished step is out of date.
"""

from dataclasses import dataclass

from ontarget.data.conflicts import Conflicts, Draw
from ontarget.decoding.ways.settings import Way
from ontarget.models.templates import PromptFormat
from ontarget.offtarget.detection import Detection
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.sections.corpus import Corpus
from ontarget.recipe.sections.decoding import Translate
from ontarget.recipe.sections.training import Base, Mle, Scratch, Training, Unlikelihood
from ontarget.records import Direction
from ontarget.systems import system_of

Directions = tuple[Direction, ...]


@dataclass(frozen=True, kw_only=True)
class BaseSettings:
    """Step 0."""

    languages: tuple[str, ...]
    seed: int
    scratch: Scratch
    prompt_format: PromptFormat  # the tokenizer is trained on its text too

    @classmethod
    def of(cls, recipe: Recipe) -> "BaseSettings":
        """From a recipe with base.scratch."""
        assert recipe.base.scratch is not None
        return cls(
            languages=recipe.languages,
            seed=recipe.seed,
            scratch=recipe.base.scratch,
            prompt_format=recipe.prompt_format,
        )


@dataclass(frozen=True, kw_only=True)
class PrepareSettings:
    """Step 1."""

    languages: tuple[str, ...]
    seed: int
    corpus: Corpus
    supervised: Directions
    zero_shot: Directions
    trains: bool  # whether any step trains on the samples
    base: Base | None  # whose special tokens rows are dropped for; None: no row is
    scratch: bool  # whether step 0 trains on the rows

    @classmethod
    def of(cls, recipe: Recipe) -> "PrepareSettings":
        """From a recipe."""
        return cls(
            languages=recipe.languages,
            seed=recipe.seed,
            corpus=recipe.corpus,
            supervised=recipe.supervised_directions,
            zero_shot=recipe.zero_shot_directions,
            trains=bool(recipe.trainings),
            base=recipe.base if recipe.corpus.special_tokens == "drop" else None,
            scratch=recipe.base.scratch is not None,
        )


@dataclass(frozen=True, kw_only=True)
class ConflictSettings:
    """Step 2."""

    languages: tuple[str, ...]
    seed: int
    conflicts: Conflicts
    draw: Draw
    per_sample: int  # conflicts that are drawn of each sample
    confusions: str | None  # the scores of the run that a draw follows
    general: bool  # whether stage 2 is trained on general instructions

    @classmethod
    def of(cls, recipe: Recipe) -> "ConflictSettings":
        """From a recipe with stage 2."""
        section = recipe.unlikelihood
        assert section is not None
        return cls(
            languages=recipe.languages,
            seed=recipe.seed,
            conflicts=section.conflicts,
            draw=section.draw,
            per_sample=section.drawn_per_sample(len(recipe.languages)),
            confusions=None if section.scores is None else str(section.scores),
            general=recipe.corpus.general_in_stage2,
        )


@dataclass(frozen=True, kw_only=True)
class DevSettings:
    """What measurements on dev sentences depend on: validation and the diagnosis before stage 2."""

    languages: tuple[str, ...]
    supervised: Directions
    zero_shot: Directions
    detection: Detection

    @classmethod
    def of(cls, recipe: Recipe) -> "DevSettings":
        """From a recipe."""
        return cls(
            languages=recipe.languages,
            supervised=recipe.supervised_directions,
            zero_shot=recipe.zero_shot_directions,
            detection=recipe.detection,
        )


@dataclass(frozen=True, kw_only=True)
class MleSettings:
    """Step 3."""

    seed: int
    base: Base
    prompt_format: PromptFormat
    mle: Mle
    dev: DevSettings | None  # None without validation

    @classmethod
    def of(cls, recipe: Recipe) -> "MleSettings":
        """From a recipe with stage 1."""
        assert recipe.mle is not None
        return cls(
            seed=recipe.seed,
            base=recipe.base,
            prompt_format=recipe.prompt_format,
            mle=recipe.mle,
            dev=DevSettings.of(recipe) if recipe.mle.validation else None,
        )


@dataclass(frozen=True, kw_only=True)
class UnlikelihoodSettings:
    """Step 4, stage 2."""

    seed: int
    base: Base
    prompt_format: PromptFormat
    unlikelihood: Unlikelihood
    drawn: int  # conflicts of each sample in step 2's file
    general: bool  # whether it is trained on general instructions
    dev: DevSettings | None  # None without validation and diagnosis

    @classmethod
    def of(cls, recipe: Recipe) -> "UnlikelihoodSettings":
        """From a recipe with stage 2."""
        section = recipe.unlikelihood
        assert section is not None
        return cls(
            seed=recipe.seed,
            base=recipe.base,
            prompt_format=recipe.prompt_format,
            unlikelihood=section,
            drawn=section.drawn_per_sample(len(recipe.languages)),
            general=recipe.corpus.general_in_stage2,
            dev=DevSettings.of(recipe) if section.validation or section.preflight else None,
        )


@dataclass(frozen=True, kw_only=True)
class SynthesizeSettings:
    """Step 3's pairs for stage 2."""

    seed: int
    base: Base
    prompt_format: PromptFormat
    supervised: Directions
    detection: Detection
    precision: str  # of the weights that translate
    general: bool  # whether stage 2 is trained on general instructions
    share: float  # of synthetic pairs among the samples that stage 2 is trained on
    samples: int | None  # that it takes at most; None: every training sample

    @classmethod
    def of(cls, recipe: Recipe) -> "SynthesizeSettings":
        """From a recipe with synthetic pairs."""
        section = recipe.unlikelihood
        assert section is not None
        return cls(
            seed=recipe.seed,
            base=recipe.base,
            prompt_format=recipe.prompt_format,
            supervised=recipe.supervised_directions,
            detection=recipe.detection,
            precision=section.precision,
            general=recipe.corpus.general_in_stage2,
            share=section.synthetic,
            samples=section.steps * section.batch if section.steps else None,
        )

    def pairs_for(self, available: int) -> int:
        """How many pairs take the place of true samples, of which one at least is left."""
        trained = min(self.samples or available, available)
        return min(round(self.share * trained), trained - 1)


@dataclass(frozen=True, kw_only=True)
class ControlSettings:
    """Step 4's control: stage 2's training without what only concerns unlikelihood."""

    seed: int
    base: Base
    prompt_format: PromptFormat
    training: Mle
    sequences: int  # that stage 2 trains on of each sample
    general: bool  # whether stage 2 is trained on general instructions

    @classmethod
    def of(cls, recipe: Recipe) -> "ControlSettings":
        """From a recipe with a control."""
        stage2 = recipe.unlikelihood
        assert stage2 is not None
        shared = {name: getattr(stage2, name) for name in (*Training.model_fields, "adapter")}
        return cls(
            seed=recipe.seed,
            base=recipe.base,
            prompt_format=recipe.prompt_format,
            training=Mle(**shared),
            sequences=stage2.sequences_per_sample,
            general=recipe.corpus.general_in_stage2,
        )


@dataclass(frozen=True, kw_only=True)
class WaySettings:
    """Step 5 of a system with ways to stay on target."""

    choices: tuple[tuple[Way, ...], ...]  # what is tried on dev; one: nothing is
    tune: int  # dev segments of each direction
    languages: tuple[str, ...]
    detection: Detection


@dataclass(frozen=True, kw_only=True)
class TranslateSettings:
    """Step 5, one system."""

    base: Base
    prompt_format: PromptFormat
    translate: Translate  # without remedies
    zero_shot: Directions | None  # None: all directions of the test set
    ways: WaySettings | None

    @classmethod
    def of(cls, recipe: Recipe, name: str) -> "TranslateSettings":
        """From a recipe, for one of its systems."""
        system = system_of(name)
        ways = None
        if system.ways:
            ways = WaySettings(
                choices=recipe.translate.ways_to_try(system.ways),
                tune=recipe.translate.tune,
                languages=recipe.languages,
                detection=recipe.detection,
            )
        shared = {"systems": (), "remedies": (), "ways": {}, "tune": Translate().tune}
        return cls(
            base=recipe.base,
            prompt_format=recipe.prompt_format,
            translate=recipe.translate.model_copy(update=shared),
            zero_shot=None if system.compared else recipe.zero_shot_directions,
            ways=ways,
        )


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """Step 6."""

    supervised: Directions
    detection: Detection

    @classmethod
    def of(cls, recipe: Recipe) -> "EvaluateSettings":
        """From a recipe."""
        return cls(supervised=recipe.supervised_directions, detection=recipe.detection)


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Step 7, which shows the whole recipe but where it lies and who watches it."""

    recipe: Recipe

    @classmethod
    def of(cls, recipe: Recipe) -> "ReportSettings":
        """From a recipe."""
        return cls(recipe=recipe.model_copy(update={"out": "", "report_to": ()}))
