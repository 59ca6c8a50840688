"""The pairs of the head to head: a right response, and what is held against it, as tokens.

    kind         chosen                                   rejected
    instruction  the reference under its instruction      the same under the wrong instruction
    own          the reference under its instruction      the model's own answer to it, under the
                                                          wrong one
    response     the reference under its instruction      the same sentence in the language of the
                                                          wrong instruction, under the right one
    synthetic    under a zero-shot instruction, the       the model's own answer to that zero-shot
                 model's translation of the pivot's side  instruction

All kinds are of the same samples and the same wrong instructions. `synthetic` is EAX (arXiv
2509.19770) in small: supervised directions make the pairs of zero-shot ones.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch

from ontarget.data.conflicts import wrong_target
from ontarget.data.synthetic import SyntheticPair, draw_synthetic_pairs
from ontarget.decoding.base import Search, translate_all
from ontarget.decoding.hf.translator import HuggingFaceTranslator
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import build_responses, training_prompts
from ontarget.models.templates import PromptFormat
from ontarget.records import Direction, Parallel, Sample

Kind = Literal["instruction", "own", "response", "synthetic"]
Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Two prompts with their responses: the first pair is to become likelier than the second."""

    prompt: Tokens
    chosen: Tokens
    rejected_prompt: Tokens
    rejected: Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What contrasts are made from."""

    loaded: LoadedModel  # that will be trained
    form: PromptFormat
    search: Search
    languages: tuple[str, ...]  # the pivot first
    supervised: tuple[Direction, ...]
    samples: Sequence[Sample]
    rows: dict[str, Parallel]  # by key
    seed: int
    dtype: torch.dtype  # of answers

    @property
    def wrong(self) -> list[Sample]:
        """The samples under the wrong instruction of each."""
        return [wrong_target(sample, self.languages, self.seed) for sample in self.samples]

    @property
    def synthetic_pairs(self) -> list[SyntheticPair]:
        """Pairs of zero-shot directions from the samples, without their targets."""
        return list(draw_synthetic_pairs(self.samples, self.supervised, self.seed))

    def prompts(self, samples: Sequence[Sample]) -> list[Tokens]:
        """The prompts of these samples."""
        return [prompt.tokens for prompt in training_prompts(self.loaded, samples, self.form)]

    def responses(self, samples: Sequence[Sample]) -> list[Tokens]:
        """The responses of these samples, with EOS."""
        return [tuple(tokens) for tokens in build_responses(self.loaded, samples, self.form)]

    def answers(self, samples: Sequence[Sample]) -> list[Tokens]:
        """What the model answers to these samples, with EOS; greedy."""
        model = copy.deepcopy(self.loaded.model).to(self.dtype)  # type: ignore[arg-type]
        translator = HuggingFaceTranslator(
            replace(self.loaded, model=model), self.form, self.search
        )
        texts = translate_all(translator, samples)
        answered = [replace(s, target=text) for s, text in zip(samples, texts, strict=True)]
        return self.responses(answered)


def by_instruction(source: Source) -> Iterator[Contrast]:
    """The reference under both instructions."""
    prompts, references = source.prompts(source.samples), source.responses(source.samples)
    for prompt, reference, wrong in zip(
        prompts, references, source.prompts(source.wrong), strict=True
    ):
        yield Contrast(prompt=prompt, chosen=reference, rejected_prompt=wrong, rejected=reference)


def by_own_answer(source: Source) -> Iterator[Contrast]:
    """The model's own answer under the wrong instruction."""
    for contrast, answer in zip(
        by_instruction(source), source.answers(source.samples), strict=True
    ):
        yield replace(contrast, rejected=answer)


def by_response(source: Source) -> Iterator[Contrast]:
    """The same sentence in the wrong language; samples without one are left out."""
    for contrast, wrong in zip(by_instruction(source), source.wrong, strict=True):
        row = source.rows[wrong.key.rpartition("/")[0]]
        if text := row.texts.get(wrong.asked_lang):
            (other,) = source.responses([replace(wrong, target=text)])
            yield replace(contrast, rejected_prompt=contrast.prompt, rejected=other)


def by_synthetic_pair(source: Source) -> Iterator[Contrast]:
    """Of zero-shot directions: the translation of the other side against the direct answer."""
    pairs = source.synthetic_pairs
    asked = [pair.sample for pair in pairs]
    made = [source.answers([pair.request for pair in pairs]), source.answers(asked)]
    for prompt, chosen, rejected in zip(source.prompts(asked), *made, strict=True):
        yield Contrast(prompt=prompt, chosen=chosen, rejected_prompt=prompt, rejected=rejected)


KINDS: dict[Kind, Callable[[Source], Iterator[Contrast]]] = {
    "instruction": by_instruction,
    "own": by_own_answer,
    "response": by_response,
    "synthetic": by_synthetic_pair,
}
