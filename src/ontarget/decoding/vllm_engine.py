"""Translation with vLLM on a GPU: it batches and schedules all prompts by itself.

Written against its documented interface; no machine of the project's tests runs it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ontarget.decoding.base import Hypothesis, Search, require
from ontarget.decoding.hf.translator import check_length, hypothesis
from ontarget.decoding.servers.translator import check_greedy
from ontarget.errors import ModelError, error_text, visible
from ontarget.models.folder import check_folder
from ontarget.models.loading import LoadedModel, check_token_ids, load_outline
from ontarget.models.prompting import build_prompts, end_ids
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample

EXTRA = "ontarget[vllm]"
AT_ONCE = 1024  # prompts that the engine gets; an interrupted run repeats at most so many


@dataclass(frozen=True, slots=True)
class VllmTranslator:
    """A `Translator` that runs vLLM in this process."""

    engine: Any  # a vllm.LLM
    outline: LoadedModel  # tokenizer and settings; it has no weights
    prompt_format: PromptFormat
    search: Search

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        """Translations, `AT_ONCE` at a time.

        Raises:
            ModelError: the model cannot be prompted so, or a prompt is too long for it.
        """
        library = require("vllm", "vllm", EXTRA)
        check_greedy(self.search, "vLLM")
        prompts = build_prompts(self.outline, samples, self.prompt_format)
        check_length(self.outline, prompts, self.search)
        check_token_ids(self.outline, (token for prompt in prompts for token in prompt.tokens))
        ends = end_ids(self.outline, self.prompt_format)
        settings = library.SamplingParams(
            temperature=0, max_tokens=self.search.max_new_tokens, stop_token_ids=list(ends)
        )
        for start in range(0, len(prompts), AT_ONCE):
            chosen = prompts[start : start + AT_ONCE]
            results = self.engine.generate(
                [library.TokensPrompt(prompt_token_ids=list(p.tokens)) for p in chosen],
                settings,
                use_tqdm=False,
            )
            yield {
                start + number: hypothesis(self.outline, with_end(result.outputs[0], ends), ends)
                for number, result in enumerate(results)
            }


def with_end(output: Any, ends: Sequence[int]) -> list[int]:
    """The tokens of a response, with an end token if it ended by itself; some versions omit it."""
    tokens = list(output.token_ids)
    stopped = output.finish_reason == "stop" and not set(ends) & set(tokens)
    return [*tokens, ends[0]] if stopped else tokens


@contextmanager
def open_vllm(
    model: str, prompt_format: PromptFormat, search: Search, revision: str | None
) -> Iterator[VllmTranslator]:
    """A translator of a folder or hub id; adapters must be merged into it before.

    Raises:
        ModelError: vLLM is missing, or cannot load the model.
    """
    library = require("vllm", "vllm", EXTRA)
    check_folder(model)
    outline = load_outline(model, revision)
    if outline.has_encoder:
        raise ModelError(f"{model}: backend vllm takes decoder-only models only; use backend hf")
    try:
        engine = library.LLM(
            model=model,
            revision=revision,
            tokenizer_revision=revision,
            trust_remote_code=False,
            load_format="safetensors",
            generation_config="vllm",  # none of the model's own penalties and temperatures
        )
    except Exception as error:  # an engine on a GPU can fail to start in many ways
        raise ModelError(
            f"{model}: vLLM cannot load it ({type(error).__name__}: "
            f"{visible(error_text(error))[:200]}); use backend hf"
        ) from error
    yield VllmTranslator(engine, outline, prompt_format, search)
