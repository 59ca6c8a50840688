"""Prompts as tokens: instructions, chats and language codes, each as in the model's training."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers as hf
from support.models import CHATML, CODER_SIZES, chatty, coded, coder, ready, tiny

from ontarget.decoding.base import Search
from ontarget.decoding.hf.translator import generate
from ontarget.errors import ModelError
from ontarget.models import folder
from ontarget.models.loading import LoadedModel, load_model, save_model
from ontarget.models.prompting import (
    Prompt,
    build_prompts,
    build_responses,
    end_ids,
    few_shot_prompts,
)
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.records import Sample

PLAIN = PromptFormat(template=TEMPLATES["plain"])
CHAT = PromptFormat(template=TEMPLATES["plain"], chat=True)


def sample(asked_lang: str = "nl", source_lang: str = "it") -> Sample:
    return Sample(
        key="k", source_lang=source_lang, asked_lang=asked_lang, target_lang="en",
        source="ciao mondo", target="hello world",
    )  # fmt: skip


def text_of(loaded: LoadedModel, prompt: Prompt) -> str:
    return str(loaded.tokenizer.decode(list(prompt.tokens), skip_special_tokens=False))


def test_a_chat_prompt_is_in_the_chat_template_with_one_bos() -> None:
    loaded = chatty()
    (prompt,) = build_prompts(loaded, [sample()], CHAT)
    assert text_of(loaded, prompt) == (
        "<s><|im_start|>user\nTranslate into Dutch: ciao mondo\n<|im_end|>\n"
        "<|im_start|>assistant\n<think></think>"
    )
    assert prompt.tokens.count(loaded.tokenizer.bos_token_id) == 1


def test_a_chat_response_ends_like_the_turns_of_the_template() -> None:
    loaded = chatty()
    end = loaded.tokenizer.convert_tokens_to_ids("<|im_end|>")
    (response,) = build_responses(loaded, [sample()], CHAT)
    assert response[-1] == end == end_ids(loaded, CHAT)[0]
    assert loaded.tokenizer.decode(response[:-1]) == "hello world"
    assert loaded.tokenizer.eos_token_id in end_ids(loaded, CHAT)
    (plain,) = build_responses(loaded, [sample()], PLAIN)
    assert plain == [*response[:-1], loaded.tokenizer.eos_token_id]


def test_a_chat_prompt_without_a_chat_template_is_an_error() -> None:
    with pytest.raises(ModelError, match="its tokenizer has no chat template; leave chat out"):
        build_prompts(chatty(None), [sample()], CHAT)


@pytest.mark.parametrize("template", [CHATML, None])
def test_a_folder_without_a_chat_template_is_an_error_before_anything_is_loaded(
    template: str | None, tmp_path: Path
) -> None:
    save_model(chatty(template), tmp_path)
    if template is None:
        with pytest.raises(ModelError, match="its tokenizer has no chat template; leave chat out"):
            folder.check_chat_template(str(tmp_path))
    else:
        folder.check_chat_template(str(tmp_path))
    folder.check_chat_template("some/hub-id")


def test_a_chat_template_that_leaves_the_request_out_is_an_error() -> None:
    with pytest.raises(ModelError, match="leaves out or changes the user's message; leave chat"):
        build_prompts(chatty("hello"), [sample()], CHAT)


def test_an_encoder_decoder_cannot_be_prompted_as_a_chat() -> None:
    with pytest.raises(ModelError, match="cannot be prompted as a chat; leave chat out"):
        build_prompts(coder("M2M-100"), [sample()], CHAT)


def test_a_chat_template_that_cannot_be_filled_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"cannot be filled \(no system role\); leave chat out"):
        build_prompts(chatty("{{ raise_exception('no system role') }}"), [sample()], CHAT)


def test_the_prompt_of_a_decoder_is_the_filled_template() -> None:
    loaded = chatty()
    (prompt,) = build_prompts(loaded, [sample()], PLAIN)
    assert text_of(loaded, prompt) == "<s>Translate into Dutch: ciao mondo\n"
    assert prompt.encoder == ()


def test_the_prompt_of_nllb_has_the_requested_language_at_the_head_of_the_response() -> None:
    loaded = coder("M2M-100")
    words = loaded.tokenizer
    true, wrong = build_prompts(loaded, [sample("nl"), sample("zh-Hant")], PLAIN)
    for prompt, code in ((true, "nld_Latn"), (wrong, "zho_Hant")):
        assert words.convert_ids_to_tokens(list(prompt.tokens)) == ["</s>", code]
        source = words.convert_ids_to_tokens(list(prompt.encoder))
        assert (source[0], source[-1]) == ("ita_Latn", "</s>")
        assert words.decode(list(prompt.encoder), skip_special_tokens=True) == "ciao mondo"
    (response,) = build_responses(loaded, [sample()], PLAIN)
    assert words.convert_ids_to_tokens(response) == [*"▁hello▁world", "</s>"]


def test_prompt_and_response_are_what_nllbs_own_tokenizer_makes_for_training() -> None:
    """Its labels follow the start token of the decoder."""
    loaded = coder("M2M-100")
    words = hf.NllbTokenizer(
        vocab=coded(("eng_Latn",)).get_vocab(), merges=[],
        extra_special_tokens=["eng_Latn", "ita_Latn"], src_lang="ita_Latn", tgt_lang="eng_Latn",
    )  # fmt: skip
    expected = words("ciao", text_target="hello")
    nllb = LoadedModel(loaded.model, words)
    pair = Sample(
        key="k", source_lang="it", asked_lang="en", target_lang="en", source="ciao", target="hello"
    )
    (prompt,), (response,) = (
        build(nllb, [pair], PLAIN) for build in (build_prompts, build_responses)
    )
    assert list(prompt.encoder) == expected["input_ids"]
    assert [*prompt.tokens, *response][1:] == expected["labels"]
    assert prompt.tokens[0] == loaded.model.config.decoder_start_token_id


def test_the_decoder_of_the_first_mbart_begins_with_the_language_code() -> None:
    words = hf.MBartTokenizer()
    config = hf.MBartConfig(vocab_size=len(words), **CODER_SIZES)
    loaded = LoadedModel(hf.MBartForConditionalGeneration(config), words)
    (prompt,) = build_prompts(loaded, [sample()], PLAIN)
    assert words.convert_ids_to_tokens(list(prompt.tokens)) == ["nl_XX"]
    assert words.convert_ids_to_tokens(list(prompt.encoder))[-1] == "it_IT"


def test_the_prompt_of_marian_has_the_requested_language_in_front_of_the_source() -> None:
    loaded = coder("Marian")
    (prompt,) = build_prompts(loaded, [sample("nl")], PLAIN)
    code, *source = loaded.tokenizer.convert_ids_to_tokens(list(prompt.encoder))
    assert code == ">>nld<<"
    assert "".join(source).replace("▁", " ").split() == ["ciao", "mondo</s>"]
    assert list(prompt.tokens) == [loaded.start]


def test_the_encoder_of_t5_reads_the_instruction() -> None:
    words = tiny().tokenizer
    config = hf.T5Config(
        vocab_size=len(words), d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2,
        decoder_start_token_id=0,
    )  # fmt: skip
    loaded = LoadedModel(hf.T5ForConditionalGeneration(config), words)
    (prompt,) = build_prompts(loaded, [sample()], PLAIN)
    assert words.decode(list(prompt.encoder)) == "Translate into Dutch: ciao mondo\n"
    assert prompt.tokens == (0,)


def test_a_forced_first_token_belongs_to_the_prompt() -> None:
    words = tiny().tokenizer
    model = hf.BartForConditionalGeneration(hf.BartConfig(vocab_size=len(words), **CODER_SIZES))
    model.generation_config.forced_bos_token_id = 7
    loaded = LoadedModel(model, words)
    (prompt,) = build_prompts(loaded, [sample()], PLAIN)
    assert prompt.tokens == (2, 7)


@pytest.mark.parametrize("family", ["M2M-100", "Marian"])
def test_a_language_without_a_code_is_an_error(family: str) -> None:
    with pytest.raises(ModelError, match="its tokenizer has no code for ro; leave the language"):
        build_prompts(coder(family), [sample("ro")], PLAIN)


def test_an_encoder_decoder_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    loaded = coder("M2M-100")
    save_model(loaded, tmp_path)
    again = load_model(str(tmp_path))
    prompts = [build_prompts(model, [sample()], PLAIN) for model in (loaded, again)]
    assert prompts[0] == prompts[1]
    search = Search(beams=2, max_new_tokens=8, batch=1)
    texts = [list(generate(model, prompts[0], search)) for model in (loaded, again)]
    assert texts[0] == texts[1]


def test_the_encoder_decoder_of_these_tests_depends_on_the_language_code() -> None:
    loaded = ready(coder("M2M-100").model, coder("M2M-100").tokenizer)
    prompts = build_prompts(loaded, [sample("nl"), sample("zh-Hans")], PLAIN)
    with torch.no_grad():
        first, second = (
            loaded.model(
                input_ids=torch.tensor([prompt.encoder]),
                decoder_input_ids=torch.tensor([prompt.tokens]),
            ).logits[0, -1]
            for prompt in prompts
        )
    assert not torch.equal(first, second)


@pytest.mark.parametrize("mark", ["</s>", "<s>", "<|im_end|>"])
def test_a_text_that_contains_a_special_token_is_an_error(mark: str) -> None:
    """It would end a prompt early, or speak for the assistant."""
    message = f"k: its text contains {re.escape(repr(mark))}, a special token"
    with pytest.raises(ModelError, match=message):
        build_prompts(chatty(), [replace(sample(), source=f"ciao {mark} mondo")], CHAT)
    with pytest.raises(ModelError, match=message):
        build_responses(chatty(), [replace(sample(), target=f"hello{mark}")], PLAIN)


def test_a_text_that_contains_a_language_code_is_an_error() -> None:
    with pytest.raises(ModelError, match="k: its text contains '>>ita<<', a special token of"):
        build_prompts(coder("Marian"), [replace(sample(), source=">>ita<< ciao")], PLAIN)


def test_the_stop_text_of_a_prompt_format_is_one_more_end() -> None:
    loaded = tiny()
    (stop,) = loaded.prompts(["1"])[0]
    stopping = PromptFormat(template=TEMPLATES["plain"], stop="1")
    assert end_ids(loaded, PLAIN) == loaded.eos
    assert end_ids(loaded, stopping) == (*loaded.eos, stop)
    (response,) = build_responses(loaded, [sample()], stopping)
    assert response[-1] == loaded.eos[0]  # responses are trained to end with EOS


def test_demonstrations_stand_before_a_prompt_with_a_blank_line_after_each() -> None:
    loaded = tiny()
    examples = [replace(sample(), source=f"{n} uno", target=f"{n} een") for n in (1, 2)]
    (prompt,) = few_shot_prompts(loaded, [sample()], [examples], PLAIN)
    text = (
        "Translate into Dutch: 1 uno\n1 een\n\nTranslate into Dutch: 2 uno\n2 een\n\n"
        "Translate into Dutch: ciao mondo\n"
    )
    assert list(prompt.tokens) == loaded.prompts([text])[0]
    assert few_shot_prompts(loaded, [sample()], [[]], PLAIN) == build_prompts(
        loaded, [sample()], PLAIN
    )


def test_demonstrations_in_a_chat_are_earlier_turns_with_one_system_message() -> None:
    loaded, spoken = chatty(), replace(CHAT, system="Be brief.")
    example = replace(sample(), source="uno", target="een")
    (prompt,) = few_shot_prompts(loaded, [sample()], [[example]], spoken)
    text = str(loaded.tokenizer.decode(list(prompt.tokens), skip_special_tokens=False))
    assert text == (
        "<s><|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nTranslate into Dutch: uno\n<|im_end|>\n"
        "<|im_start|>assistant\neen<|im_end|>\n"
        "<|im_start|>user\nTranslate into Dutch: ciao mondo\n<|im_end|>\n"
        "<|im_start|>assistant\n<think></think>"
    )


@pytest.mark.parametrize("family", ["M2M-100", "Marian"])
def test_a_model_that_is_not_prompted_in_words_has_no_demonstrations(family: str) -> None:
    with pytest.raises(ModelError, match="only a decoder-only model can be shown demonstrations"):
        few_shot_prompts(coder(family), [sample()], [[]], PLAIN)
