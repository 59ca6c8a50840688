"""From the samples of a step to the examples of a training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

from ontarget.analysis.diagnosis.losses import sequence_log_odds
from ontarget.artifacts import ArrowRecords
from ontarget.data.instructions import count_translations
from ontarget.data.sampling import choose_places
from ontarget.decoding.hf.translator import begin_answers
from ontarget.errors import CorpusError
from ontarget.models import loading
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import (
    build_responses,
    check_special_tokens,
    end_ids,
    training_prompts,
)
from ontarget.models.templates import PromptFormat
from ontarget.recipe.sections.training import Training, Unlikelihood
from ontarget.recipe.step_context import StepContext, Tell
from ontarget.recipe.step_settings import UnlikelihoodSettings
from ontarget.records import Sample
from ontarget.training.batches.own_answers import OwnAnswers
from ontarget.training.batches.sequences import (
    Example,
    OwnConflict,
    TokenSequence,
    token_sequence,
)
from ontarget.training.losses import likelihood

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictSamples:
    """Conflict samples, as many for each true sample, and the section that says how to train them.

    Those of a sample stand together, in the order of the true samples. General instructions have no
    own conflicts.
    """

    samples: Sequence[Sample]
    section: Unlikelihood


def training_samples(
    context: StepContext[Any],
    section: Training,
    seed: int,
    *,
    general: bool = True,
    others: int = 0,
) -> tuple[list[Sample], list[int]]:
    """The samples that a training will see, in random order, and their places in the file.

    Without `general` no general instructions are among them. They are fewer by `others`, the
    samples from elsewhere that take their place.
    """
    samples = ArrowRecords(context.inputs["1_prepare"] / "train.arrow", Sample)
    known = len(samples) if general else count_translations(samples)
    count = min(section.steps * section.batch, known) if section.steps else known
    places = choose_places(islice(samples.column("key"), known), count - others, seed)
    return samples.take(places), places


def synthetic_pairs(context: StepContext[UnlikelihoodSettings]) -> list[Sample]:
    """The pairs that the model has made for stage 2, if the recipe asks for any."""
    if not context.settings.unlikelihood.synthetic:
        return []
    return list(ArrowRecords(context.inputs["3_synthesize"] / "synthetic.arrow", Sample))


def conflict_samples(
    context: StepContext[UnlikelihoodSettings], places: Sequence[int]
) -> ConflictSamples:
    """The conflicts of the samples at these places; general instructions may have none."""
    drawn = context.settings.drawn
    conflicts = ArrowRecords(context.inputs["2_conflict"] / "conflicts.arrow", Sample)
    having = [place for place in places if place * drawn < len(conflicts)]
    of_places = [place * drawn + number for place in having for number in range(drawn)]
    return ConflictSamples(samples=conflicts.take(of_places), section=context.settings.unlikelihood)


def make_examples(
    loaded: LoadedModel,
    prompt_format: PromptFormat,
    samples: Sequence[Sample],
    max_tokens: int,
    *,
    conflicts: ConflictSamples | None = None,
) -> list[Example]:
    """Each sample with its conflict samples, if any; examples that are too long are left out.

    Raises:
        CorpusError: none is left.
    """
    true = tokenize_samples(loaded, prompt_format, samples)
    if conflicts is None:
        examples = [Example(rows=(row,)) for row in true]
    elif conflicts.section.conflicts == "own":
        own = rotate(own_conflicts(loaded, prompt_format, conflicts))
        has_own = [at for at, sample in enumerate(samples) if not sample.is_general]
        own_at = dict(zip(has_own, own, strict=True))
        examples = [Example(rows=(row,), own=own_at.get(at)) for at, row in enumerate(true)]
    else:
        wrong = tokenize_conflicts(loaded, prompt_format, conflicts)
        each = len(wrong) // max(1, len(true))
        examples = [
            Example(rows=(row, *wrong[at * each : (at + 1) * each])) for at, row in enumerate(true)
        ]
    longest = min(max_tokens, loaded.positions or max_tokens)
    fitting = [example for example in examples if example.length <= longest]
    if not fitting:
        raise CorpusError(
            f"corpus.train: all {len(samples)} samples are longer than {longest} tokens; "
            "raise max_tokens or take a model with more positions"
        )
    return fitting


def hardest_rows(
    loaded: LoadedModel, examples: Sequence[Example], keep: int, tell: Tell
) -> list[list[int]]:
    """Of each example the true row, and the `keep` others whose response the model finds likeliest.

    As indices of rows, in their order.
    """
    candidates = [(at, row) for at, example in enumerate(examples) for row in example.rows[1:]]
    nats: dict[int, float] = {}
    for indices, log_odds in sequence_log_odds(loaded, [row for _, row in candidates]):
        sums = (likelihood(tokens).sum().item() for tokens in log_odds)
        nats |= dict(zip(indices, sums, strict=True))
        tell("scoring conflict samples", len(nats), len(candidates))
    kept, first = [], 0
    for example in examples:
        others = range(1, len(example.rows))
        likeliest = sorted(others, key=lambda row: nats[first + row - 1])[:keep]  # noqa: B023
        kept.append([0, *sorted(likeliest)])
        first += len(others)
    return kept


def tokenize_samples(
    loaded: LoadedModel, prompt_format: PromptFormat, samples: Sequence[Sample]
) -> list[TokenSequence]:
    """Prompts and responses, joined."""
    prompts = training_prompts(loaded, samples, prompt_format)
    responses = build_responses(loaded, samples, prompt_format)
    rows = [
        token_sequence(sample.key, prompt, response)
        for sample, prompt, response in zip(samples, prompts, responses, strict=True)
    ]
    loading.check_token_ids(loaded, (t for row in rows for t in (*row.encoder, *row.tokens)))
    return rows


def tokenize_conflicts(
    loaded: LoadedModel, prompt_format: PromptFormat, conflicts: ConflictSamples
) -> list[TokenSequence]:
    """Conflicts from references, whose responses are to become unlikely."""
    asked = [(f"a conflict of {one.key}", one.source) for one in conflicts.samples]
    check_special_tokens(loaded, asked)  # the key alone would name the sample, which has none
    by_reach = conflicts.section.tokens == "reach"
    return [
        replace(row, unlikely=True, by_reach=by_reach)
        for row in tokenize_samples(loaded, prompt_format, conflicts.samples)
    ]


def own_conflicts(
    loaded: LoadedModel, prompt_format: PromptFormat, conflicts: ConflictSamples
) -> list[OwnConflict]:
    """The prompts of own conflicts."""
    samples, tokens = conflicts.samples, conflicts.section.own_tokens
    answered = [replace(sample, asked_lang=sample.target_lang) for sample in samples]
    return [
        OwnConflict(key=sample.key, source=sample.source, answered=one, asked=other, tokens=tokens)
        for sample, one, other in zip(
            samples,
            training_prompts(loaded, answered, prompt_format),
            training_prompts(loaded, samples, prompt_format),
            strict=True,
        )
    ]


def rotate(conflicts: Sequence[Item]) -> list[Item]:
    """The conflicts half a turn on, so that each accompanies another sample than its own.

    In the same optimizer step likelihood would raise the very words that unlikelihood lowers, and a
    model that does not read the instruction yet cannot do both (docs/results/real-models.md).
    """
    half = len(conflicts) // 2
    return [*conflicts[half:], *conflicts[:half]]


def own_answers(
    loaded: LoadedModel, prompt_format: PromptFormat, plausibility: float
) -> OwnAnswers:
    """How the model that is being trained answers."""
    stop = end_ids(loaded, prompt_format)
    return OwnAnswers(
        begin=lambda prompts, tokens: begin_answers(loaded, prompts, tokens, stop, plausibility),
        decode=lambda tokens: str(loaded.tokenizer.decode(list(tokens), skip_special_tokens=True)),
    )
