"""A module with vLLM's documented names and batch; its engine is a model in Hugging Face.

It follows "Custom Logits Processors" of vLLM's documentation: a persistent batch, whose changes are
removed, added and moved requests, and a wrapper of processors of single requests. Long prompts are
read in two portions, and requests are taken out of the batch and put back (preemption).
"""

import importlib
import inspect
import sys
from dataclasses import dataclass, field
from enum import Enum, auto
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from peft import PeftModel
from torch import Tensor

from ontarget.models.loading import LoadedModel

ROWS, PREEMPTED_EVERY, PORTION = 3, 5, 6


class MoveDirectionality(Enum):
    UNIDIRECTIONAL = auto()
    SWAP = auto()


class BatchUpdate(NamedTuple):
    batch_size: int
    removed: list[int]
    added: list[tuple[int, Any, list[int], list[int]]]
    moved: list[tuple[int, int, MoveDirectionality]]


class LogitsProcessor:
    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        raise NotImplementedError


class AdapterLogitsProcessor(LogitsProcessor):
    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        self.requests: dict[int, Any] = {}

    def new_req_logits_processor(self, params: Any) -> Any:
        raise NotImplementedError

    def update_state(self, update: BatchUpdate) -> None:
        for index in update.removed:
            self.requests.pop(index, None)
        for index, params, prompt, output in update.added:
            self.requests.pop(index, None)
            if made := self.new_req_logits_processor(params):
                needs = len(inspect.signature(made).parameters) == 3
                self.requests[index] = (made, (prompt, output) if needs else (output,))
        for source, target, direction in update.moved:
            moved, replaced = self.requests.pop(source, None), self.requests.pop(target, None)
            if moved is not None:
                self.requests[target] = moved
            if direction is MoveDirectionality.SWAP and replaced is not None:
                self.requests[source] = replaced

    def apply(self, logits: Tensor) -> Tensor:
        for index, (made, tokens) in self.requests.items():
            logits[index] = made(*tokens, logits[index])
        return logits


@dataclass
class Request:
    """A request in the engine."""

    prompt: list[int]
    params: Any
    output: list[int] = field(default_factory=list)
    read: int = 0  # tokens of the prompt that were read
    finished: str = ""


class StandIn(ModuleType):
    """`vllm`, and the engine that its `LLM` makes."""

    def __init__(self, loaded: LoadedModel, keeps_end: bool = True) -> None:
        super().__init__("vllm")
        self.loaded, self.keeps_end = loaded, keeps_end
        self.calls: list[dict[str, Any]] = []
        self.LLM, self.SamplingParams, self.TokensPrompt = self.make, SimpleNamespace, dict
        self.processors: list[Any] = []
        self.network: Any = loaded.model
        self.steps = 0

    def make(self, *, logits_processors: tuple[str, ...] = (), **settings: Any) -> "StandIn":
        self.calls.append(settings | {"logits_processors": list(logits_processors)})
        for name in logits_processors:
            module, _, attribute = name.partition(":")
            kind = getattr(importlib.import_module(module), attribute)
            assert issubclass(kind, LogitsProcessor)
            self.processors.append(kind(None, torch.device("cpu"), False))
            assert self.processors[-1].is_argmax_invariant() is False
        return self

    def generate(
        self, prompts: list[Any], params: list[Any], use_tqdm: bool, lora_request: Any
    ) -> list[Any]:
        assert len(prompts) == len(params)
        self.calls.append(
            vars(params[0])
            | {"prompts": len(prompts), "use_tqdm": use_tqdm, "lora_request": lora_request}
        )
        self.network = self.loaded.model
        if lora_request is not None:
            self.network = PeftModel.from_pretrained(self.network, lora_request.lora_path)
        requests = [
            Request(prompt["prompt_token_ids"], own)
            for prompt, own in zip(prompts, params, strict=True)
        ]
        self.run(requests)
        if lora_request is not None:
            self.loaded = LoadedModel(self.network.unload(), self.loaded.tokenizer)
        return [self.result(request) for request in requests]

    def result(self, request: Request) -> Any:
        cut = request.finished == "stop" and not self.keeps_end
        tokens = request.output[:-1] if cut else request.output
        output = SimpleNamespace(token_ids=tokens, finish_reason=request.finished)
        return SimpleNamespace(outputs=[output])

    def run(self, requests: list[Request]) -> None:
        """All requests to their end, `ROWS` in the batch at most."""
        waiting, batch = list(requests), list[Request]()
        while waiting or batch:
            self.steps += 1
            gone = [row for row, request in enumerate(batch) if request.finished]
            if self.steps % PREEMPTED_EVERY == 0 and len(batch) > 1 and not gone:
                waiting.insert(1, batch[0])
                batch[0].read, gone = 0, [0]
            update, batch = renewed(batch, gone, waiting)
            if not batch:
                for processor in self.processors:
                    processor.update_state(update)
                return
            self.step(batch, update)

    @torch.no_grad()
    def step(self, batch: list[Request], update: BatchUpdate) -> None:
        """One token for each request of the batch, dropped where its prompt is not read yet."""
        for request in batch:
            first = not request.read and len(request.prompt) > PORTION
            request.read = PORTION if first else len(request.prompt)
        rows = [
            self.network(torch.tensor([(r.prompt + r.output)[: r.read + len(r.output)]])).logits
            if r.read == len(r.prompt)
            else self.network(torch.tensor([r.prompt[: r.read]])).logits
            for r in batch
        ]
        logits = torch.stack([row[0, -1].float() for row in rows])
        for processor in self.processors:
            processor.update_state(update)
            logits = processor.apply(logits)
        for request, token in zip(batch, logits.argmax(-1).tolist(), strict=True):
            if request.read == len(request.prompt):
                request.output.append(token)
                if token in vars(request.params).get("stop_token_ids", [self.loaded.eos[0]]):
                    request.finished = "stop"
                elif len(request.output) == request.params.max_tokens:
                    request.finished = "length"


def renewed(
    batch: list[Request], gone: list[int], waiting: list[Request]
) -> tuple[BatchUpdate, list[Request]]:
    """The batch with waiting requests in place of those that are gone, and what changed."""
    rows: dict[int, Request] = dict(enumerate(batch))
    added, moved = [], []
    free = [*gone, *range(len(batch), ROWS)]
    while waiting and free:
        index, request = free.pop(0), waiting.pop(0)
        rows[index] = request
        added.append((index, request.params, request.prompt, request.output))
    removed = [index for index in free if index < len(batch)]
    for index in removed:
        del rows[index]
    for index in removed:
        if rows and max(rows) > index:
            moved.append((max(rows), index, MoveDirectionality.UNIDIRECTIONAL))
            rows[index] = rows.pop(max(rows))
    if len(rows) > 1:  # the order of a batch may change at any time
        last = len(rows) - 1
        moved.append((0, last, MoveDirectionality.SWAP))
        rows[0], rows[last] = rows[last], rows[0]
    update = BatchUpdate(len(rows), removed, added, moved)
    return update, [rows[index] for index in range(len(rows))]


def install(monkeypatch: pytest.MonkeyPatch, module: StandIn) -> StandIn:
    """Let `import vllm` and its documented parts find the stand-in."""
    parts = {
        "vllm": module,
        "vllm.v1.sample.logits_processor": sys.modules[__name__],
        "vllm.lora.request": SimpleNamespace(LoRARequest=lora_request),
    }
    for name, part in parts.items():
        monkeypatch.setitem(sys.modules, name, part)
    return module


def lora_request(lora_name: str, lora_int_id: int, lora_path: str) -> Any:
    assert lora_name and lora_int_id > 0
    return SimpleNamespace(lora_name=lora_name, lora_int_id=lora_int_id, lora_path=lora_path)
