"""Greedy and beam search against the definition, one prompt at a time or in a batch."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.models import coder, double, prompt_of, ready, tiny

from ontarget.decoding.backends import translator_of
from ontarget.decoding.base import Hypothesis, Search, Translator, translate_all
from ontarget.decoding.hf.plausible import MOST
from ontarget.decoding.hf.translator import (
    HuggingFaceTranslator,
    begin_answers,
    generate,
    truncate_at,
)
from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import Prompt
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.records import Sample

LOADED = double(tiny(3))
PROMPTS = [prompt_of(*ids) for ids in ([5, 6, 7], [9], [4, 8, 15, 16, 23, 42, 108], [77, 78])]
PLAIN = PromptFormat(template=TEMPLATES["plain"])


def greedy_by_definition(loaded: LoadedModel, prompt: Prompt, most: int) -> str:
    ids = list(prompt.tokens)
    for _ in range(most):
        step = torch.tensor([ids])
        inputs = {"input_ids": step}
        if prompt.encoder:
            inputs = {"input_ids": torch.tensor([prompt.encoder]), "decoder_input_ids": step}
        with torch.no_grad():
            best = int(loaded.model(**inputs).logits[0, -1].argmax())
        if best in loaded.eos:
            break
        ids.append(best)
    return loaded.text(ids[len(prompt.tokens) :])


def in_order(batches: Iterator[dict[int, Hypothesis]]) -> list[str]:
    """The texts of all batches in the order of their prompts."""
    texts = {index: found.text for batch in batches for index, found in batch.items()}
    return [texts[index] for index in range(len(texts))]


def decode(*, beams: int = 1, max_new_tokens: int = 12, batch: int = 4) -> list[str]:
    search = Search(beams=beams, max_new_tokens=max_new_tokens, batch=batch)
    return in_order(generate(LOADED, PROMPTS, search))


def test_batched_greedy_search_is_the_definition() -> None:
    expected = [greedy_by_definition(LOADED, prompt, 12) for prompt in PROMPTS]
    for batch in (1, 2, 4):
        assert decode(batch=batch) == expected


def test_the_generation_settings_of_a_model_do_not_change_the_search() -> None:
    expected = {beams: decode(beams=beams) for beams in (1, 3)}
    config = LOADED.model.generation_config
    assert config is not None
    original = config.to_dict()
    config.update(
        repetition_penalty=5.0, no_repeat_ngram_size=1, length_penalty=-3.0, do_sample=True,
        bad_words_ids=[[token] for token in range(2, 150)], min_new_tokens=9,
        suppress_tokens=[160], encoder_no_repeat_ngram_size=1,
        exponential_decay_length_penalty=(1, 5.0), stop_strings=["a"], penalty_alpha=0.5,
        prompt_lookup_num_tokens=3, early_stopping=True,
    )  # fmt: skip
    try:
        for beams, texts in expected.items():
            assert decode(beams=beams) == texts
    finally:
        config.update(**original)


def test_beam_search_does_not_depend_on_the_batch() -> None:
    assert decode(beams=3, max_new_tokens=8, batch=4) == decode(beams=3, max_new_tokens=8, batch=1)


def test_long_prompts_come_first() -> None:
    batches = generate(LOADED, PROMPTS, Search(beams=1, max_new_tokens=1, batch=1))
    assert [list(batch) for batch in batches] == [[2], [0], [3], [1]]


def test_a_response_ends_before_a_stop_token() -> None:
    unstopped = LOADED.model.generate(
        torch.tensor([PROMPTS[0].tokens]),
        max_new_tokens=6,
        do_sample=False,
        pad_token_id=LOADED.pad,
    )[0, 3:].tolist()
    search = Search(beams=1, max_new_tokens=6, batch=4)
    texts = in_order(generate(LOADED, PROMPTS, search, stop=[unstopped[2]]))
    assert texts[0] == LOADED.text(truncate_at(unstopped, [unstopped[2]]))


def test_a_response_is_truncated_if_no_end_token_came_within_max_new_tokens() -> None:
    """By the tokens of the model's own search: `limit` of them, with or without the end token."""
    torch.manual_seed(0)
    loaded = ready(tiny().model, tiny().tokenizer)  # its responses have many different tokens
    unstopped = loaded.model.generate(
        torch.tensor([PROMPTS[0].tokens]),
        max_new_tokens=6,
        do_sample=False,
        pad_token_id=loaded.pad,
    )[0, 3:].tolist()
    first, end = max((unstopped.index(token), token) for token in set(unstopped))
    assert first > 1
    for limit in range(1, 7):
        search = Search(beams=1, max_new_tokens=limit, batch=1)
        (batch,) = generate(loaded, PROMPTS[:1], search, stop=[end])
        assert batch[0].truncated == (limit <= first), limit


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.1])
def test_a_beginning_has_the_greedy_tokens_and_those_that_were_nearly_as_likely(
    ratio: float,
) -> None:
    """By a forward pass without cache and padding for each place."""
    loaded = tiny()
    prompts = [prompt_of(5, 6, 7), prompt_of(8), prompt_of(9, 10)]
    for prompt, begun in zip(prompts, begin_answers(loaded, prompts, 3, (), ratio), strict=True):
        assert len(begun.tokens) == len(begun.plausible) == 3
        for at, (token, plausible) in enumerate(zip(begun.tokens, begun.plausible, strict=True)):
            ids = torch.tensor([[*prompt.tokens, *begun.tokens[:at]]])
            p = loaded.model(input_ids=ids).logits[0, -1].softmax(-1)
            assert token == p.argmax()
            likely = {t for t in range(len(p)) if p[t] >= ratio * p.max()} - {token}
            assert len(plausible) == min(len(likely), MOST - 1)
            assert set(plausible) <= likely


def test_without_prompts_there_are_no_batches() -> None:
    assert list(generate(LOADED, [], Search(beams=1, max_new_tokens=4, batch=2))) == []


@settings(max_examples=30)
@given(st.lists(st.integers(0, 5)), st.sets(st.integers(0, 5)))
def test_truncation_keeps_the_tokens_before_the_first_end(
    tokens: list[int], ends: set[int]
) -> None:
    kept = truncate_at(tokens, sorted(ends))
    assert kept == tokens[: len(kept)]
    assert not ends & set(kept)
    assert len(kept) == len(tokens) or tokens[len(kept)] in ends


def test_more_tokens_than_the_model_has_positions_are_an_error() -> None:
    positions = LOADED.positions
    assert positions == 1024
    longest = max(len(prompt.tokens) for prompt in PROMPTS)
    with pytest.raises(ModelError, match="make 1025 tokens, the model has 1024 positions; lower"):
        decode(max_new_tokens=positions - longest + 1)


def test_an_encoder_decoder_is_decoded_by_definition() -> None:
    loaded = coder("M2M-100")
    prompts = [
        Prompt(tokens=(2, 33), encoder=(5, 6, 7)),
        Prompt(tokens=(2, 34), encoder=(5,)),
        Prompt(tokens=(2, 34), encoder=(9, 8, 7, 6, 5)),
    ]
    texts = in_order(generate(loaded, prompts, Search(beams=1, max_new_tokens=8, batch=3)))
    assert texts == [greedy_by_definition(loaded, prompt, 8) for prompt in prompts]
    assert len(set(texts)) > 1


def test_encoder_and_decoder_are_limited_separately() -> None:
    loaded = coder("M2M-100")
    search = Search(beams=1, max_new_tokens=63, batch=1)
    with pytest.raises(ModelError, match="make 65 tokens, the model has 64 positions"):
        list(generate(loaded, [Prompt(tokens=(2, 40), encoder=(5,))], search))
    with pytest.raises(ModelError, match="make 70 tokens, the model has 64 positions"):
        list(generate(loaded, [Prompt(tokens=(2,), encoder=(5,) * 70)], search))


def samples() -> list[Sample]:
    return [
        Sample(
            key=str(number), source_lang="en", asked_lang="it", target_lang="it",
            source="hello " * (1 + number % 3), target="ciao",
        )
        for number in range(5)
    ]  # fmt: skip


def test_a_hugging_face_model_is_a_translator() -> None:
    search = Search(beams=1, max_new_tokens=3, batch=2)
    translator = translator_of(LOADED, PLAIN, search)
    assert isinstance(translator, HuggingFaceTranslator) and isinstance(translator, Translator)
    filled = [f"Translate into Italian: {sample.source}\n" for sample in samples()]
    prompts = [prompt_of(*tokens) for tokens in LOADED.prompts(filled)]
    expected = [greedy_by_definition(LOADED, prompt, 3) for prompt in prompts]
    assert translate_all(translator, samples()) == expected


def test_the_stop_text_of_a_prompt_format_ends_a_response() -> None:
    torch.manual_seed(0)
    loaded = ready(tiny().model, tiny().tokenizer)  # its responses have many different tokens
    (tokens,) = loaded.prompts([f"Translate into Italian: {samples()[0].source}\n"])
    response = loaded.model.generate(
        torch.tensor([tokens]), max_new_tokens=16, do_sample=False, pad_token_id=loaded.pad
    )[0, len(tokens) :].tolist()
    text_of = {token: loaded.tokenizer.decode([token]) for token in response[2:]}
    stop = next(token for token, text in text_of.items() if loaded.prompts([text]) == [[token]])
    search = Search(beams=1, max_new_tokens=16, batch=2)
    stopping = PromptFormat(template=TEMPLATES["plain"], stop=text_of[stop])
    text, *_ = translate_all(HuggingFaceTranslator(loaded, stopping, search), samples())
    assert text == loaded.text(truncate_at(response, [stop])) != loaded.text(response)
    assert text
