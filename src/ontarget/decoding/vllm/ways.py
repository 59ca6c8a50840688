"""Ways to stay on target inside vLLM: Anti-LM (arXiv 2311.08324) and the vocabulary mask.

The equations are those of `ontarget.decoding.ways.scores`. What changes the scores of a request is
a list of steps in its `extra_args`, which vLLM carries to its workers:

    ["keep", place]                  log p(y_1) of this request is kept in this place
    ["anti-lm", place, gamma]        less gamma^t times what is kept in this place
    ["vocabulary-mask", bits, nats]  tokens whose bit is set lose so many nats

log p(y_1 | x) is exact: a request of one token, whose prompt is the bare source, comes first, and
the worker keeps its scores. `prompt_logprobs` would give the k likeliest tokens only, or send all
of them through two processes. It costs one short prompt for each different source, and 4 bytes for
each token of the vocabulary and each source of a portion on the GPU (128 MiB with 131,072 tokens
and 256 sources), beside what vLLM reserves.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy
import torch
from torch import Tensor

from ontarget.decoding.ways.plan import Material, ScoreRule
from ontarget.decoding.ways.scores.anti_lm import against_continuation
from ontarget.decoding.ways.scores.vocabulary import penalising, tokens_in, tokens_with_letters
from ontarget.decoding.ways.settings import WAYS, AntiLm, Contrastive, VocabularyMask, Way
from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel
from ontarget.records import Sample

KEY = "ontarget"  # of the steps in `extra_args`
Step = list[Any]
RequestProcessor = Callable[[list[int], Tensor], Tensor]  # output tokens, logits ("token")


def check_ways(ways: Sequence[Way], material: Material | None) -> None:
    """Check that vLLM can decode so.

    Raises:
        ModelError: a way needs more than the scores of its own request, or has nothing to learn
            from.
    """
    names = {kind: name for name, (kind, _) in WAYS.items()}
    for way in ways:
        if isinstance(way, Contrastive):
            raise ModelError(
                "way contrastive needs two prompts at once, which vLLM cannot; use backend hf"
            )
        if not isinstance(way, AntiLm | VocabularyMask):
            raise ModelError(
                f"way {names[type(way)]}: backend vllm has anti-lm and vocabulary-mask only; use "
                "backend hf"
            )
        if isinstance(way, VocabularyMask) and material is None:
            raise ModelError(
                "way vocabulary-mask: has no material to learn from; give VllmOptions a Material "
                "with texts in each language"
            )


def packed_masks(
    outline: LoadedModel, material: Material, languages: Sequence[str]
) -> dict[str, str]:
    """For each language the tokens with letters that its text lacks, as `pack` writes them.

    Raises:
        ModelError: there is no text in a language.
    """
    material = replace(material, loaded=outline)
    letters = tokens_with_letters(outline)
    return {
        language: pack(letters & ~tokens_in(material, language))
        for language in sorted(set(languages))
    }


def steps_of(
    ways: Sequence[Way], sample: Sample, place: int | None, masks: Mapping[str, str]
) -> list[Step]:
    """The steps of a sample's request; the scores of its bare source are kept in `place`."""
    steps: list[Step] = []
    for way in ways:
        if isinstance(way, AntiLm):
            steps.append(["anti-lm", place, way.gamma])
        elif isinstance(way, VocabularyMask):
            steps.append(["vocabulary-mask", masks[sample.asked_lang], way.penalty])
    return steps


def pack(flags: Tensor) -> str:
    """Flags ("token") as text: one bit each, 22 kB for 131,072 tokens."""
    return base64.b64encode(numpy.packbits(flags.numpy()).tobytes()).decode("ascii")


def unpack(bits: str) -> Tensor:
    """The flags of `pack`, followed by up to seven that are not set."""
    read = numpy.frombuffer(base64.b64decode(bits), dtype=numpy.uint8)
    return torch.from_numpy(numpy.unpackbits(read)).bool()


class StepRules:
    """What steps do to scores, in one worker of vLLM; places are used again by later portions."""

    def __init__(self, device: torch.device) -> None:
        """`device` is where the worker's logits are."""
        self.kept: dict[int, Tensor] = {}  # log p(y_1 | x) ("token") by place
        self.flags_of = cache(lambda bits: unpack(bits).to(device)[None])

    def processor(self, extra_args: Mapping[str, Any] | None) -> RequestProcessor | None:
        """What changes the logits of a request; None without steps.

        Raises:
            ValueError: a step is unknown, or nothing is kept in its place.
        """
        steps = (extra_args or {}).get(KEY)
        if not steps:
            return None
        rules = [self.rule(step) for step in steps]

        def process(output_ids: list[int], logits: Tensor) -> Tensor:
            scores = logits.log_softmax(-1)[None]
            written = scores.new_empty(1, len(output_ids))  # vLLM may not know its latest tokens
            for rule in rules:
                scores = rule(scores, [0], written)
            return scores[0]

        return process

    def rule(self, step: Sequence[Any]) -> ScoreRule:
        """The rule of one step.

        Raises:
            ValueError: as for `processor`.
        """
        match step:
            case ["keep", place]:
                return self.keeping(place)
            case ["anti-lm", place, gamma] if place in self.kept:
                return against_continuation(self.kept[place][None], gamma)
            case ["vocabulary-mask", bits, penalty]:
                return penalising(self.flags_of(bits), penalty)
        raise ValueError(
            f"{KEY}: {str(step)[:60]} is no step, or nothing is kept in its place; leave "
            "extra_args to ontarget"
        )

    def keeping(self, place: int) -> ScoreRule:
        """A rule that keeps the scores of a request's first token, and changes none.

        A long prompt is read in portions; vLLM asks for a token after each, and drops all but the
        last.
        """

        def rule(scores: Tensor, places: Sequence[int], written: Tensor) -> Tensor:
            if not written.shape[1]:
                (self.kept[place],) = scores
            return scores

        return rule
