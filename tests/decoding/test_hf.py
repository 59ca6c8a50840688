"""Greedy and beam search against the definition, alone or in a batch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.models import coder, double, prompt_of, tiny

from ontarget.decoding.base import Search
from ontarget.decoding.hf import generate, truncate_at
from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import Prompt

LOADED = double(tiny(3))
PROMPTS = [prompt_of(*ids) for ids in ([5, 6, 7], [9], [4, 8, 15, 16, 23, 42, 108], [77, 78])]


def greedy_by_definition(loaded: LoadedModel, prompt: list[int], most: int) -> str:
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(most):
            best = int(loaded.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
            if best in loaded.eos:
                break
            ids.append(best)
    return loaded.text(ids[len(prompt) :])


def all_of(search: Search, **options: list[int]) -> list[str]:
    texts: dict[int, str] = {}
    for part in generate(LOADED, PROMPTS, search, **options):
        texts |= part
    return [texts[index] for index in range(len(PROMPTS))]


def test_batched_greedy_search_is_the_definition() -> None:
    reference = [greedy_by_definition(LOADED, list(prompt.tokens), 12) for prompt in PROMPTS]
    for batch in (1, 2, 4):
        assert all_of(Search(beams=1, max_new_tokens=12, batch=batch)) == reference


def test_a_models_own_generation_settings_do_not_change_the_search() -> None:
    plain = {beams: all_of(Search(beams=beams, max_new_tokens=12, batch=4)) for beams in (1, 3)}
    settings_of_model = LOADED.model.generation_config
    assert settings_of_model is not None
    before = settings_of_model.to_dict()
    settings_of_model.update(
        repetition_penalty=5.0, no_repeat_ngram_size=1, length_penalty=-3.0, do_sample=True,
        bad_words_ids=[[each] for each in range(2, 150)], min_new_tokens=9, suppress_tokens=[160],
        encoder_no_repeat_ngram_size=1, exponential_decay_length_penalty=(1, 5.0),
        stop_strings=["a"], penalty_alpha=0.5, prompt_lookup_num_tokens=3, early_stopping=True,
    )  # fmt: skip
    try:
        for beams, texts in plain.items():
            assert all_of(Search(beams=beams, max_new_tokens=12, batch=4)) == texts
    finally:
        settings_of_model.update(**before)


def test_beams_do_not_depend_on_the_batch() -> None:
    alone = all_of(Search(beams=3, max_new_tokens=8, batch=1))
    assert all_of(Search(beams=3, max_new_tokens=8, batch=4)) == alone


def test_long_prompts_come_first() -> None:
    order = [
        list(part) for part in generate(LOADED, PROMPTS, Search(beams=1, max_new_tokens=1, batch=1))
    ]
    assert order == [[2], [0], [3], [1]]


def test_a_response_stops_before_a_stop_token() -> None:
    free = LOADED.model.generate(
        torch.tensor([PROMPTS[0].tokens]),
        max_new_tokens=6,
        do_sample=False,
        pad_token_id=LOADED.pad,
    )[0, 3:].tolist()
    texts = all_of(Search(beams=1, max_new_tokens=6, batch=4), stop=[free[2]])
    assert texts[0] == LOADED.text(truncate_at(free, [free[2]]))


def test_no_prompt_no_answer() -> None:
    assert list(generate(LOADED, [], Search(beams=1, max_new_tokens=4, batch=2))) == []


@settings(max_examples=30)
@given(st.lists(st.integers(0, 5)), st.sets(st.integers(0, 5)))
def test_until_keeps_what_stands_before_the_first_end(tokens: list[int], ends: set[int]) -> None:
    kept = truncate_at(tokens, sorted(ends))
    assert kept == tokens[: len(kept)]
    assert not ends & set(kept)
    assert len(kept) == len(tokens) or tokens[len(kept)] in ends


def test_more_tokens_than_positions_are_refused() -> None:
    positions = LOADED.positions
    assert positions == 1024
    longest = max(len(prompt.tokens) for prompt in PROMPTS)
    search = Search(beams=1, max_new_tokens=positions - longest + 1, batch=2)
    with pytest.raises(ModelError, match="make 1025 tokens, the model has 1024 positions; lower"):
        all_of(search)


def test_an_encoder_decoder_answers_as_by_definition() -> None:
    loaded = coder("M2M-100")
    prompts = [
        Prompt(tokens=(2, 33), encoder=(5, 6, 7)),
        Prompt(tokens=(2, 34), encoder=(5,)),
        Prompt(tokens=(2, 34), encoder=(9, 8, 7, 6, 5)),
    ]
    found: dict[int, str] = {}
    for part in generate(loaded, prompts, Search(beams=1, max_new_tokens=8, batch=3)):
        found |= part
    for index, prompt in enumerate(prompts):
        ids = list(prompt.tokens)
        for _ in range(8):
            with torch.no_grad():
                logits = loaded.model(
                    input_ids=torch.tensor([prompt.encoder]), decoder_input_ids=torch.tensor([ids])
                ).logits[0, -1]
            if int(logits.argmax()) in loaded.eos:
                break
            ids.append(int(logits.argmax()))
        assert found[index] == loaded.text(ids[2:]), index
    assert len(set(found.values())) > 1


def test_each_side_of_an_encoder_decoder_has_its_positions() -> None:
    loaded = coder("M2M-100")
    search = Search(beams=1, max_new_tokens=63, batch=1)
    with pytest.raises(ModelError, match="make 65 tokens, the model has 64 positions"):
        list(generate(loaded, [Prompt(tokens=(2, 40), encoder=(5,))], search))
    with pytest.raises(ModelError, match="make 70 tokens, the model has 64 positions"):
        list(generate(loaded, [Prompt(tokens=(2,), encoder=(5,) * 70)], search))
