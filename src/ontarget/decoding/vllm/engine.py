"""Translation with vLLM on a GPU: it batches and schedules all prompts by itself.

Written against its documented interface; no machine of the project's tests runs it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ontarget.decoding.base import Hypothesis, Search, require
from ontarget.decoding.hf.translator import check_length, hypothesis
from ontarget.decoding.servers.translator import check_greedy
from ontarget.decoding.vllm.lora import lora_request, lora_settings, with_tokenizer
from ontarget.decoding.vllm.processor import PROCESSOR, first_runner, make_class
from ontarget.decoding.vllm.ways import KEY, Step, check_ways, packed_masks, steps_of
from ontarget.decoding.ways.plan import Material
from ontarget.decoding.ways.settings import AntiLm, VocabularyMask, Way
from ontarget.errors import ModelError, error_text, visible
from ontarget.models.folder import check_folder
from ontarget.models.loading import LoadedModel, check_token_ids, load_outline
from ontarget.models.prompting import build_prompts, end_ids
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample

EXTRA = "ontarget[vllm]"
AT_ONCE = 1024  # prompts that the engine gets; an interrupted run repeats at most so many
KEPT_AT_ONCE = 256  # as above with Anti-LM, which keeps the scores of their sources


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmOptions:
    """How vLLM decodes."""

    revision: str | None = None  # of a hub id
    adapter: Path | None = None  # folder of a LoRA
    ways: tuple[Way, ...] = ()  # AntiLm and VocabularyMask
    material: Material | None = None  # for VocabularyMask, of which `texts` are read


@dataclass(frozen=True, slots=True)
class VllmTranslator:
    """A `Translator` that runs vLLM in this process."""

    engine: Any  # a vllm.LLM
    outline: LoadedModel  # tokenizer and settings; it has no weights
    prompt_format: PromptFormat
    search: Search
    options: VllmOptions = field(default_factory=VllmOptions)

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        """Translations, `AT_ONCE` at a time.

        Raises:
            ModelError: the model cannot be prompted so, or a prompt is too long for it.
        """
        ways = self.options.ways
        check_greedy(self.search, "vLLM")
        prompts = build_prompts(self.outline, samples, self.prompt_format)
        check_length(self.outline, prompts, self.search)
        check_token_ids(self.outline, (token for prompt in prompts for token in prompt.tokens))
        ends = end_ids(self.outline, self.prompt_format)
        masks = self.masks([sample.asked_lang for sample in samples])
        keeps = any(isinstance(way, AntiLm) for way in ways)
        at_once = KEPT_AT_ONCE if keeps else AT_ONCE
        for start in range(0, len(prompts), at_once):
            chosen = samples[start : start + at_once]
            places = self.keep_scores(chosen) if keeps else {}
            results = self.generate(
                [prompt.tokens for prompt in prompts[start : start + at_once]],
                [steps_of(ways, one, places.get(one.source), masks) for one in chosen],
                max_tokens=self.search.max_new_tokens,
                stop_token_ids=list(ends),
            )
            yield {
                start + number: hypothesis(self.outline, with_end(result.outputs[0], ends), ends)
                for number, result in enumerate(results)
            }

    def masks(self, languages: Sequence[str]) -> dict[str, str]:
        """The vocabulary mask of each language, if there is such a way."""
        material = self.options.material
        masked = any(isinstance(way, VocabularyMask) for way in self.options.ways)
        return packed_masks(self.outline, material, languages) if material and masked else {}

    def keep_scores(self, samples: Sequence[Sample]) -> dict[str, int]:
        """The place in which the engine keeps log p(y_1 | x) of each bare source from now on."""
        sources = list(dict.fromkeys(sample.source for sample in samples))
        rows = self.outline.prompts(sources)
        self.generate(
            [row or self.outline.eos[:1] for row in rows],
            [[["keep", place]] for place in range(len(rows))],
            max_tokens=1,
        )
        return {source: place for place, source in enumerate(sources)}

    def generate(
        self, rows: Sequence[Sequence[int]], steps: Sequence[list[Step]], **settings: Any
    ) -> Any:
        """The engine's answers to prompts, each with its steps; it returns when all are finished.

        Raises:
            ModelError: vLLM fails, for instance to load the adapter.
        """
        library = require("vllm", "vllm", EXTRA)
        adapter = self.options.adapter
        request = None if adapter is None else lora_request(adapter)
        with vllm_errors(self.outline.name, "decode with it"):
            return self.engine.generate(
                [library.TokensPrompt(prompt_token_ids=list(row)) for row in rows],
                [
                    library.SamplingParams(
                        temperature=0, extra_args={KEY: own} if own else None, **settings
                    )
                    for own in steps
                ],
                use_tqdm=False,
                lora_request=request,
            )


def with_end(output: Any, ends: Sequence[int]) -> list[int]:
    """The tokens of a response, with an end token if it ended by itself; some versions omit it."""
    tokens = list(output.token_ids)
    stopped = output.finish_reason == "stop" and not set(ends) & set(tokens)
    return [*tokens, ends[0]] if stopped else tokens


@contextmanager
def open_vllm(
    model: str, prompt_format: PromptFormat, search: Search, options: VllmOptions | None = None
) -> Iterator[VllmTranslator]:
    """A translator of a folder or hub id.

    Raises:
        ModelError: vLLM is missing, cannot load the model or its adapter, or cannot decode so.
    """
    options = options or VllmOptions()
    check_ways(options.ways, options.material)
    require("vllm", "vllm", EXTRA)
    check_folder(model)
    outline = load_outline(model, options.revision)
    if outline.has_encoder:
        raise ModelError(f"{model}: backend vllm takes decoder-only models only; use backend hf")
    if options.adapter is not None:
        outline = with_tokenizer(outline, options.adapter)
    # vLLM reads the environment until its last request, not only at its start.
    with first_runner() if options.ways else nullcontext():
        engine = start_engine(model, options)
        yield VllmTranslator(engine, outline, prompt_format, search, options)


def start_engine(model: str, options: VllmOptions) -> Any:
    """A `vllm.LLM` of a model, with room for the adapter and the class that follows steps."""
    settings: dict[str, Any] = {}
    if options.adapter is not None:
        settings |= lora_settings(model, options.adapter)
    if options.ways:
        make_class()  # a missing or old vLLM is an error here, in the reader's words
        settings["logits_processors"] = [PROCESSOR]
    library = require("vllm", "vllm", EXTRA)
    with vllm_errors(model, "load it"):
        return library.LLM(
            model=model,
            revision=options.revision,
            tokenizer_revision=options.revision,
            trust_remote_code=False,
            load_format="safetensors",
            generation_config="vllm",  # none of the model's own penalties and temperatures
            **settings,
        )


@contextmanager
def vllm_errors(model: str, action: str) -> Iterator[None]:
    """Any failure of vLLM as a ModelError; an engine on a GPU can fail in many ways."""
    try:
        yield
    except Exception as error:
        raise ModelError(
            f"{model}: vLLM cannot {action} ({type(error).__name__}: "
            f"{visible(error_text(error))[:200]}); use backend hf"
        ) from error
