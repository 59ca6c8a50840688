"""Ways to stay on target in vLLM: against their equations, in an engine that stands in for it."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from support.models import ready, tiny
from support.vllm_stand_in import StandIn, install
from torch import Tensor

from ontarget.decoding.base import Search, translate_all
from ontarget.decoding.vllm import engine, processor
from ontarget.decoding.vllm.engine import VllmOptions, open_vllm
from ontarget.decoding.vllm.processor import PROCESSOR, RUNNER
from ontarget.decoding.vllm.ways import KEY, StepRules, pack, unpack
from ontarget.decoding.ways.plan import Material
from ontarget.decoding.ways.settings import (
    AntiLm,
    Contrastive,
    FewShot,
    Steering,
    VocabularyMask,
    Way,
)
from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel, load_model, load_outline, save_model
from ontarget.models.prompting import build_prompts
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.records import Sample

PLAIN = PromptFormat(template=TEMPLATES["plain"])
TEXTS = {"it": ["ciao mondo", "il gatto dorme"], "nl": ["hallo wereld", "de kat slaapt"]}
NEW = 10
SEARCH = Search(beams=1, max_new_tokens=NEW, batch=4)
SAMPLES = [
    Sample(
        key=f"s{number}", source_lang="en", asked_lang=asked, target_lang=asked, source=source,
        target="",
    )
    for number, (source, asked) in enumerate(
        [("hello", "it"), ("the cat and the dog", "nl"), ("one two", "it"), ("hello", "nl"),
         ("x", "it"), ("the cat", "it"), ("a dog", "nl")]
    )
]  # fmt: skip


@pytest.fixture(autouse=True)
def class_of_this_test() -> Iterator[None]:
    """No test sees the class that another has made."""
    processor.make_class.cache_clear()
    yield
    processor.make_class.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    save_model(ready(tiny(1).model, tiny(1).tokenizer), tmp_path / "model")
    return tmp_path / "model"


def translated(folder: Path, monkeypatch: pytest.MonkeyPatch, *ways: Way) -> list[str]:
    """By the stand-in; the material has no weights, which vLLM alone loads."""
    install(monkeypatch, StandIn(load_model(str(folder))))
    outline = load_outline(str(folder))
    material = Material(loaded=outline, languages=("en", "it", "nl"), texts=TEXTS)
    options = VllmOptions(ways=ways, material=material)
    with open_vllm(str(folder), PLAIN, SEARCH, options) as translator:
        return translate_all(translator, SAMPLES)


def next_log_probabilities(loaded: LoadedModel, tokens: Sequence[int]) -> Tensor:
    with torch.no_grad():
        logits: Tensor = loaded.model(torch.tensor([list(tokens)])).logits[0, -1]
    return logits.double().log_softmax(-1)


def greedily(
    loaded: LoadedModel, score: Callable[[Sample, list[int], Tensor], Tensor]
) -> list[str]:
    """Answers whose next token has the highest score, from its log-probabilities."""
    texts = []
    for sample in SAMPLES:
        prompt, answer = build_prompts(loaded, [sample], PLAIN)[0].tokens, list[int]()
        while len(answer) < NEW:
            now = next_log_probabilities(loaded, [*prompt, *answer])
            token = int(score(sample, answer, now).argmax())
            if token in loaded.eos:
                break
            answer.append(token)
        texts.append(loaded.text(answer))
    return texts


def lost_tokens(loaded: LoadedModel, language: str) -> Tensor:
    """1 for tokens with letters that are not in the language's text, else 0."""
    known = {
        token
        for text in TEXTS[language]
        for variant in (text, f" {text}")
        for token in loaded.token_ids(variant, add_special_tokens=False)
    }
    words = [loaded.tokenizer.decode([token]) for token in range(len(loaded.tokenizer))]
    lost = torch.tensor(
        [
            float(token not in known and any(character.isalpha() for character in word))
            for token, word in enumerate(words)
        ]
    )
    lost[list(loaded.eos)] = 0
    return lost


def continuation(loaded: LoadedModel, sample: Sample) -> Tensor:
    return next_log_probabilities(loaded, loaded.prompts([sample.source])[0])


@pytest.mark.parametrize("at_once", [2, 256])
def test_anti_lm_is_less_the_continuation_of_the_source_which_fades(
    at_once: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "KEPT_AT_ONCE", at_once)
    loaded = load_model(str(folder))
    expected = greedily(
        loaded,
        lambda sample, answer, now: now - 0.9 ** (len(answer) + 1) * continuation(loaded, sample),
    )
    found = translated(folder, monkeypatch, AntiLm(gamma=0.9))
    assert found == expected
    assert found != translated(folder, monkeypatch)


def test_tokens_that_text_of_the_language_lacks_lose_the_penalty(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_model(str(folder))
    expected = greedily(
        loaded, lambda sample, _, now: now - 9.0 * lost_tokens(loaded, sample.asked_lang)
    )
    found = translated(folder, monkeypatch, VocabularyMask(penalty=9.0))
    assert found == expected
    assert found != translated(folder, monkeypatch)


def test_both_ways_add_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_model(str(folder))
    expected = greedily(
        loaded,
        lambda sample, answer, now: (
            now
            - 2.0 * lost_tokens(loaded, sample.asked_lang)
            - 0.8 ** (len(answer) + 1) * continuation(loaded, sample)
        ),
    )
    ways = AntiLm(gamma=0.8), VocabularyMask(penalty=2.0)
    assert translated(folder, monkeypatch, *ways) == expected


def test_each_different_source_costs_one_request_of_one_token(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = install(monkeypatch, StandIn(load_model(str(folder))))
    with open_vllm(str(folder), PLAIN, SEARCH, VllmOptions(ways=(AntiLm(),))) as translator:
        translate_all(translator, SAMPLES)
    started, kept, answers = module.calls
    assert started["logits_processors"] == [PROCESSOR]
    assert (kept["prompts"], kept["max_tokens"]) == (6, 1)
    assert (answers["prompts"], answers["max_tokens"]) == (7, NEW)


def test_an_empty_source_is_continued_after_the_end_of_a_text(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[Any] = []
    module = install(monkeypatch, StandIn(load_model(str(folder))))
    original = module.generate

    def noted(prompts: Any, *rest: Any, **settings: Any) -> Any:
        rows.append([prompt["prompt_token_ids"] for prompt in prompts])
        return original(prompts, *rest, **settings)

    empty = Sample(
        key="e", source_lang="en", asked_lang="it", target_lang="it", source="", target=""
    )
    with open_vllm(str(folder), PLAIN, SEARCH, VllmOptions(ways=(AntiLm(),))) as translator:
        monkeypatch.setattr(module, "generate", noted)
        translate_all(translator, [empty])
    loaded = load_model(str(folder))
    assert rows[0] == [loaded.prompts([""])[0] or [loaded.eos[0]]]


def test_steps_by_hand() -> None:
    """Probabilities 1/2, 1/4, 1/4 after the source, and 1/4, 1/4, 1/2 after the prompt."""
    rules = StepRules(torch.device("cpu"))
    keep = rules.processor({KEY: [["keep", 7]]})
    assert keep is not None
    for early in ([9.0, 9.0, 0.0], [2.0, 1.0, 1.0]):  # the last one before a token counts
        keep([], torch.tensor(early).log())
    keep([1], torch.tensor([1.0, 9.0, 9.0]).log())
    bits = pack(torch.tensor([False, False, True]))
    process = rules.processor({KEY: [["anti-lm", 7, 0.5], ["vocabulary-mask", bits, 3.0]]})
    assert process is not None
    found = process([4, 4], torch.tensor([1.0, 1.0, 2.0]).log())
    half, quarter = torch.tensor([0.5, 0.25]).log()
    expected = torch.stack(
        [quarter - 0.125 * half, quarter - 0.125 * quarter, half - 0.125 * quarter - 3.0]
    )
    assert torch.allclose(found, expected)


def test_requests_without_steps_are_left_alone_and_unknown_steps_refused() -> None:
    rules = StepRules(torch.device("cpu"))
    assert rules.processor(None) is None
    assert rules.processor({"other": 3}) is None
    for step in (["anti-lm", 0, 0.3], ["sing"], []):
        with pytest.raises(ValueError, match="is no step, or nothing is kept in its place; leave"):
            rules.processor({KEY: [step]})


@pytest.mark.parametrize("size", [1, 7, 8, 9, 300])
def test_flags_are_read_as_they_were_written(size: int) -> None:
    flags = torch.rand(size, generator=torch.Generator().manual_seed(size)) < 0.5
    found = unpack(pack(flags))
    assert found[:size].equal(flags)
    assert not found[size:].any() and len(found) < size + 8


@pytest.mark.parametrize(
    ("way", "message"),
    [
        (
            Contrastive(),
            "way contrastive needs two prompts at once, which vLLM cannot; use backend hf",
        ),
        (
            FewShot(),
            "way few-shot: backend vllm has anti-lm and vocabulary-mask only; use backend hf",
        ),
        (
            Steering(),
            "way steering: backend vllm has anti-lm and vocabulary-mask only; use backend hf",
        ),
        (
            VocabularyMask(),
            "way vocabulary-mask: has no material to learn from; give VllmOptions a Material with "
            "texts in each language",
        ),
    ],
)
def test_other_ways_are_refused_before_anything_is_loaded(way: Way, message: str) -> None:
    with (
        pytest.raises(ModelError) as raised,
        open_vllm("no/model", PLAIN, SEARCH, VllmOptions(ways=(AntiLm(), way))),
    ):
        pass
    assert str(raised.value) == message


def test_a_vllm_without_such_processors_is_to_be_upgraded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, StandIn(load_model(str(folder))))
    monkeypatch.setitem(sys.modules, "vllm.v1.sample.logits_processor", None)
    with (
        pytest.raises(ModelError, match=r'pip install "vllm>=0\.10\.2"$'),
        open_vllm(str(folder), PLAIN, SEARCH, VllmOptions(ways=(AntiLm(),))),
    ):
        pass


@pytest.mark.parametrize("before", [None, "1"])
def test_the_first_runner_is_used_as_long_as_there_are_ways(
    before: str | None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, StandIn(load_model(str(folder))))
    monkeypatch.delenv(RUNNER, raising=False)
    if before is not None:
        monkeypatch.setenv(RUNNER, before)
    with open_vllm(str(folder), PLAIN, SEARCH, VllmOptions(ways=(AntiLm(),))):
        assert os.environ[RUNNER] == "0"
    assert os.environ.get(RUNNER) == before
    with open_vllm(str(folder), PLAIN, SEARCH):
        assert os.environ.get(RUNNER) == before


def test_the_module_of_the_class_has_no_other_name_that_is_made() -> None:
    module: ModuleType = processor
    with pytest.raises(AttributeError, match="has no attribute Other"):
        module.Other  # noqa: B018
