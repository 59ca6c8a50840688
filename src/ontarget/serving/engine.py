"""Requests to tokens, batches to answers, with a model of this process.

Tokens are those of `HuggingFaceTranslator`: prompts are built by the same functions, and decoding
is greedy. A processor of scores looks at each answer as it grows, and makes it end where its client
has left, where it is long enough, or where enough was seen of it.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import FloatTensor, LongTensor
from transformers import LogitsProcessor

from ontarget.decoding.base import Search
from ontarget.decoding.hf.greedy import AT_ONCE
from ontarget.decoding.hf.translator import answer_rows, check_length, truncate_at
from ontarget.errors import ModelError
from ontarget.models.chats import Turn, render_chat
from ontarget.models.loading import LoadedModel, check_token_ids
from ontarget.models.prompting import (
    Prompt,
    build_prompts,
    check_special_tokens,
    encoder_prompt,
    end_ids,
    tokenize,
)
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample
from ontarget.serving.batching import Job, finish

PLAIN = PromptFormat(template="{target} {input}")  # a text as it is, ended by EOS alone
CHAT = PromptFormat(template="{target} {input}", chat=True)


@dataclass(frozen=True, slots=True)
class ModelEngine:
    """A model, how translations are requested from it, and the most new tokens of an answer.

    Its methods may be called from any thread; `run` only from the one that owns the model.
    """

    loaded: LoadedModel
    prompt_format: PromptFormat
    most: int
    lock: threading.Lock = field(default_factory=threading.Lock)  # of the tokenizer

    def translation_job(self, sample: Sample) -> Job:
        """The job of a translation.

        Raises:
            ModelError: the model cannot be prompted so, or the source is too long.
        """
        with self.lock:
            (prompt,) = build_prompts(self.loaded, [sample], self.prompt_format)
            return self.job(prompt, end_ids(self.loaded, self.prompt_format), None)

    def text_job(self, text: str, most: int | None) -> Job:
        """The job of a text to continue.

        Raises:
            ModelError: it contains a special token, or is too long.
        """
        with self.lock:
            check_special_tokens(self.loaded, [("prompt", text)])
            (tokens,) = self.loaded.prompts([text])
            if not tokens:
                raise ModelError("prompt: has no token; give a text to continue")
            prompt = Prompt(tokens=tuple(tokens))
            if self.loaded.has_encoder:
                prompt = encoder_prompt(self.loaded, self.loaded.token_ids(text))
            return self.job(prompt, end_ids(self.loaded, PLAIN), most)

    def chat_job(self, turns: Sequence[Turn], most: int | None) -> Job:
        """The job of a chat.

        Raises:
            ModelError: there is no chat template, or it refuses the turns, or they are too long.
        """
        with self.lock:
            said = [(f"messages[{number}]", text) for number, text in enumerate(texts_of(turns))]
            check_special_tokens(self.loaded, said)
            if self.loaded.has_encoder:
                raise ModelError("an encoder-decoder has no chat; use /translate")
            if not has_chat_template(self.loaded):
                raise ModelError(
                    "this model has no chat template; POST a prompt to /v1/completions, or texts "
                    "to /translate"
                )
            text = render_chat(self.loaded, CHAT, turns, open_turn=True)
            prompt = Prompt(tokens=tuple(tokenize(self.loaded, [text])[0]))
            return self.job(prompt, end_ids(self.loaded, CHAT), most)

    def job(self, prompt: Prompt, ends: tuple[int, ...], most: int | None) -> Job:
        """A job that fits the model; without `most`, as many new tokens as it has room for.

        Raises:
            ModelError: the prompt is too long, or a token is unknown to the model.
        """
        room = (self.loaded.positions or 2**31) - len(prompt.tokens)
        count = max(1, min(self.most, room)) if most is None else most
        search = Search(beams=1, max_new_tokens=count, batch=1)
        check_length(self.loaded, [prompt], search)
        check_token_ids(self.loaded, (*prompt.encoder, *prompt.tokens))
        return Job(prompt=prompt, ends=ends, most=count)

    def text(self, job: Job, tokens: Sequence[int]) -> str:
        """The text of an answer, before its end."""
        with self.lock:
            kept = truncate_at(tokens, job.ends)
            return str(self.loaded.tokenizer.decode(kept, skip_special_tokens=True))

    def is_cut(self, job: Job, tokens: Sequence[int]) -> bool:
        """Whether an answer has no end, since it was long enough."""
        return not set(tokens) & set(job.ends)

    def run(self, jobs: list[Job]) -> None:
        """Decode one batch of jobs that end alike."""
        search = Search(beams=1, max_new_tokens=max(job.most for job in jobs), batch=len(jobs))
        prompts, ends = [job.prompt for job in jobs], jobs[0].ends
        rows = answer_rows(self.loaded, prompts, search, ends, partial(_Watching, jobs=jobs))
        for job, row in zip(jobs, rows, strict=True):
            finish(job, row[: job.most])


class _Watching(LogitsProcessor):  # type: ignore[misc,unused-ignore]
    """Shows jobs their answers as they grow, and ends those that are to end."""

    def __init__(self, active: Sequence[int], start: int, *, jobs: Sequence[Job]) -> None:
        """`active` are the rows of the batch that are still decoded, from token `start` on."""
        self.jobs = [jobs[row] for row in active]
        self.start = start

    def __call__(self, input_ids: LongTensor, scores: FloatTensor) -> FloatTensor:
        """The scores of all rows ("row token"); a row that is to end has one likely token."""
        written = input_ids[:, self.start :]
        ended = [place for place, job in enumerate(self.jobs) if is_enough(job, written[place])]
        if not ended:
            return scores
        changed = scores.clone()
        changed[ended] = -torch.inf
        changed[ended, self.jobs[0].ends[0]] = 0.0
        return changed  # type: ignore[return-value]


def is_enough(job: Job, written: torch.Tensor) -> bool:
    """Whether an answer is to end after these tokens."""
    count = len(written)
    if job.found.cancelled() or count >= job.most:
        return True
    if job.watch is None or not count or count % AT_ONCE:
        return False
    return not job.watch(written.tolist())


def has_chat_template(loaded: LoadedModel) -> bool:
    """Whether the tokenizer has a template for chats; the error of its lack is for recipes."""
    try:
        return bool(loaded.tokenizer.get_chat_template())
    except ValueError:
        return False


def texts_of(turns: Sequence[Turn]) -> list[str]:
    """What each turn says, as one text."""
    return [
        content if isinstance(content, str) else " ".join(v for p in content for v in p.values())
        for _, content in turns
    ]
