"""Decoding as a plan says: beside other prompts, with rules over scores, in a changed model.

The prompts that a sample is contrasted with are rows of the same batch, next to its own. All rows
of a sample get the same scores, so the library chooses the same tokens for them, greedily or in
beams, and each row's cache is that of its own prompt.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from torch import FloatTensor, LongTensor
from transformers import LogitsProcessor

from ontarget.decoding.base import Hypothesis, Search
from ontarget.decoding.hf.batching import batches, prompt_size
from ontarget.decoding.hf.translator import answer_rows, check_length, hypothesis, truncate_at
from ontarget.decoding.ways.plan import Material, Plan, ScoreRule
from ontarget.decoding.ways.scores.contrastive import contrast
from ontarget.decoding.ways.settings import Way, apply_ways
from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import Prompt, build_prompts, end_ids, few_shot_prompts
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample


@dataclass(frozen=True, slots=True)
class PlannedTranslator:
    """A `Translator` with ways to stay on target, in this process."""

    loaded: LoadedModel
    prompt_format: PromptFormat
    search: Search
    ways: tuple[Way, ...]
    material: Material

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        """Translations batch by batch, by the index of their sample.

        Raises:
            OnTargetError: the model cannot be prompted or changed so, or a prompt is too long.
        """
        plan = Plan(samples=tuple(samples), prompt_format=self.prompt_format)
        plan = apply_ways(self.ways, plan, self.material)
        asked = [sample.asked_lang for sample in samples]
        for language in dict.fromkeys(asked) if plan.changes else [None]:
            chosen = [at for at, code in enumerate(asked) if language in (None, code)]
            with ExitStack() as stack:
                for change in plan.changes:
                    stack.enter_context(change(str(language)))
                for batch in self.decode(part_of(plan, chosen)):
                    yield {chosen[index]: found for index, found in batch.items()}

    def decode(self, plan: Plan) -> Iterator[dict[int, Hypothesis]]:
        """The answers of a plan, batch by batch, by the index of their sample."""
        loaded, search = self.loaded, self.search
        groups = prompt_groups(loaded, plan)
        begins = beginnings(loaded, plan)
        ends = (*loaded.eos, *end_ids(loaded, plan.prompt_format))
        check_length(loaded, [prompt for group in groups for prompt in group], search)
        longest = [max(group, key=prompt_size) for group in groups]
        width = 1 + len(plan.contrasts)
        fewer = replace(search, batch=max(1, search.batch // width))
        for indices in batches(longest, fewer):
            rules = [make([plan.samples[at] for at in indices]) for make in plan.rules]
            weights = [one.weight for one in plan.contrasts]
            rows = answer_rows(
                loaded,
                [prompt for at in indices for prompt in groups[at]],
                search,
                ends,
                partial(PlannedScores, rules=rules, weights=weights),
            )
            yield {
                at: answer(loaded, begins[at], rows[number * width], ends, plan.cut)
                for number, at in enumerate(indices)
            }


class PlannedScores(LogitsProcessor):
    """Contrasts the rows of each sample, and applies rules to what is left."""

    def __init__(
        self, active: Sequence[int], start: int, *, rules: list[ScoreRule], weights: list[float]
    ) -> None:
        """`active` are the rows of the batch that are still decoded, from token `start` on."""
        self.group = 1 + len(weights)
        self.places = [row // self.group for row in active[:: self.group]]
        self.start, self.rules, self.weights = start, rules, weights

    def __call__(self, input_ids: LongTensor, scores: FloatTensor) -> FloatTensor:
        """The scores of all rows ("row token"); those of one sample are equal."""
        samples = len(self.places)
        beams = len(scores) // (samples * self.group)
        shape = (samples, self.group, beams)
        grouped = scores.float().log_softmax(-1).view(*shape, -1)
        left = grouped[:, 0].flatten(0, 1)
        if self.weights:
            left = contrast(grouped.transpose(1, 2).flatten(0, 1), self.weights)
        written = input_ids.view(*shape, -1)[:, 0, :, self.start :].flatten(0, 1)
        places = [place for place in self.places for _ in range(beams)]
        for rule in self.rules:
            left = rule(left, places, written)
        spread = left.view(samples, 1, beams, -1).expand(*shape, -1)
        return spread.reshape(scores.shape).to(scores.dtype)  # type: ignore[return-value]


def part_of(plan: Plan, chosen: Sequence[int]) -> Plan:
    """The plan for some of its samples."""
    return replace(
        plan,
        samples=tuple(plan.samples[at] for at in chosen),
        demonstrations=tuple(plan.demonstrations[at] for at in chosen if plan.demonstrations),
        begins=tuple(plan.begins[at] for at in chosen if plan.begins),
        contrasts=tuple(
            replace(one, samples=tuple(one.samples[at] for at in chosen)) for one in plan.contrasts
        ),
    )


def prompt_groups(loaded: LoadedModel, plan: Plan) -> list[tuple[Prompt, ...]]:
    """For each sample its prompt and those that it is contrasted with."""
    sets = [plan.samples, *(one.samples for one in plan.contrasts)]
    columns = [plan_prompts(loaded, plan, samples) for samples in sets]
    return list(zip(*columns, strict=True))


def plan_prompts(loaded: LoadedModel, plan: Plan, samples: Sequence[Sample]) -> list[Prompt]:
    """The prompts of samples as a plan says, with the beginnings of their answers."""
    if plan.demonstrations:
        prompts = few_shot_prompts(loaded, samples, plan.demonstrations, plan.prompt_format)
    else:
        prompts = build_prompts(loaded, samples, plan.prompt_format)
    return [
        replace(prompt, tokens=(*prompt.tokens, *begin))
        for prompt, begin in zip(prompts, beginnings(loaded, plan), strict=True)
    ]


def beginnings(loaded: LoadedModel, plan: Plan) -> list[tuple[int, ...]]:
    """The tokens that the answer to each sample begins with.

    Raises:
        ModelError: an encoder-decoder's answers cannot begin with a text here.
    """
    if not plan.begins:
        return [()] * len(plan.samples)
    if loaded.has_encoder:
        raise ModelError(f"{loaded.name}: cannot be given the beginning of an answer")
    rows = loaded.token_ids(list(plan.begins), add_special_tokens=False)
    return [tuple(row) for row in rows]


def answer(
    loaded: LoadedModel, begin: Sequence[int], tokens: Sequence[int], ends: Sequence[int], cut: bool
) -> Hypothesis:
    """The text of an answer with its beginning, or without."""
    found = hypothesis(loaded, tokens, ends)
    if cut or not begin:
        return found
    return replace(found, text=loaded.text([*begin, *truncate_at(tokens, ends)]))
