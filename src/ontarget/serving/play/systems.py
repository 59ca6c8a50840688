"""The models of a run in this process, and their answers to one request."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import FloatTensor, LongTensor, Tensor
from transformers import LogitsProcessor

from ontarget.decoding.base import Search
from ontarget.decoding.hf.translator import answer_rows, check_length, truncate_at
from ontarget.models.loading import LoadedModel, check_token_ids
from ontarget.models.prompting import build_prompts, end_ids, language_codes
from ontarget.models.templates import PromptFormat, fill_template, json_parts
from ontarget.records import Sample
from ontarget.serving.play.first_tokens import (
    FirstTokens,
    answering_languages,
    count_first_tokens,
)

PARAMETER_BYTES = 4  # float32


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedAnswer:
    """One system's answer to a request."""

    text: str
    cut: bool  # it has no end: the limit of new tokens came first
    languages: dict[str, float]  # probability that an answer begins in it, 0-1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedSystem:
    """One model of a run, loaded."""

    name: str
    title: str
    loaded: LoadedModel
    prompt_format: PromptFormat
    max_new_tokens: int
    first_tokens: FirstTokens

    @property
    def gibibytes(self) -> float:
        """Memory of the weights; tied ones count once."""
        count = sum(weight.numel() for weight in self.loaded.model.parameters())
        return count * PARAMETER_BYTES / 2**30

    @property
    def reads_words(self) -> bool:
        """Whether the request is one text, which can be edited; else it is the sentence alone."""
        return not language_codes(self.loaded) and json_parts(self.prompt_format.template) is None

    def request(self, sample: Sample) -> str:
        """The text that asks for a translation."""
        return fill_template(sample, self.prompt_format) if self.reads_words else sample.source

    def answer(self, sample: Sample, request: str, stopped: threading.Event) -> PlayedAnswer:
        """The greedy answer to `request`; it ends early once `stopped` is set.

        `sample` names the languages, for models that read them as codes.

        Raises:
            ModelError: the request is too long, or contains a special token.
        """
        form = as_written(self.prompt_format) if self.reads_words else self.prompt_format
        asked = replace(sample, key="the request", source=request)
        prompts = build_prompts(self.loaded, [asked], form)
        search = Search(beams=1, max_new_tokens=self.max_new_tokens, batch=1)
        check_length(self.loaded, prompts, search)
        check_token_ids(self.loaded, (*prompts[0].encoder, *prompts[0].tokens))
        ends = end_ids(self.loaded, self.prompt_format)
        first: list[Tensor] = []

        def watching(_: Sequence[int], start: int) -> LogitsProcessor:
            return _FirstScores(first, stopped, ends[0])

        (row,) = answer_rows(self.loaded, prompts, search, ends, watching)
        return PlayedAnswer(
            text=self.loaded.text(truncate_at(row, ends)),
            cut=not set(row) & set(ends),
            languages=answering_languages(first[0].softmax(-1), self.first_tokens),
        )


@dataclass
class _FirstScores(LogitsProcessor):  # type: ignore[misc,unused-ignore]
    """Keeps the scores of the first token, and ends an answer that nobody waits for."""

    first: list[Tensor]
    stopped: threading.Event
    end: int

    def __call__(self, input_ids: LongTensor, scores: FloatTensor) -> FloatTensor:
        """The scores of the only row ("1 token")."""
        if not self.first:
            self.first.append(scores[0].float().cpu())
        if not self.stopped.is_set():
            return scores
        only_end = torch.full_like(scores, -torch.inf)
        only_end[:, self.end] = 0.0
        return only_end  # type: ignore[return-value]


def as_written(prompt_format: PromptFormat) -> PromptFormat:
    """The format whose template is the request itself; chat, system message and ends stay."""
    return replace(prompt_format, template="{input}", by_target=(), wordings=())


def played_system(  # noqa: PLR0913 - all that a system is made of
    name: str,
    title: str,
    loaded: LoadedModel,
    prompt_format: PromptFormat,
    max_new_tokens: int,
    references: Sequence[Sample],
) -> PlayedSystem:
    """A loaded model with the first tokens of `references`."""
    return PlayedSystem(
        name=name, title=title, loaded=loaded, prompt_format=prompt_format,
        max_new_tokens=max_new_tokens,
        first_tokens=count_first_tokens(loaded, references, prompt_format),
    )  # fmt: skip
