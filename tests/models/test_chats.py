"""Chat templates in the shapes of real ones: turns, what ends them, and what they leave out."""

from dataclasses import replace

import pytest
from support.chats import FAMILIES, chat_model
from support.models import chatty

from ontarget.errors import ModelError
from ontarget.models.chats import keep_chat_template, writes_date
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import build_prompts, build_responses, end_ids
from ontarget.models.special_tokens import special_tokens
from ontarget.models.templates import PromptFormat, prompt_format_of
from ontarget.records import Sample

PLAIN = prompt_format_of("plain", chat=True)
SAMPLE = Sample(
    key="k", source_lang="it", asked_lang="nl", target_lang="en",
    source="ciao mondo", target="hello world",
)  # fmt: skip
PROMPTS = {  # exactly what the model reads under the template `plain`
    "gemma-3": "<s><start_of_turn>user\nTranslate into Dutch: ciao mondo<end_of_turn>\n"
    "<start_of_turn>model\n",
    "qwen-3": "<|im_start|>user\nTranslate into Dutch: ciao mondo\n<|im_end|>\n"
    "<|im_start|>assistant\n<think>\n\n</think>\n\n",
    "llama-3": "<s><|start_header_id|>system<|end_header_id|>\n\nToday Date: 26 Jul 2024\n\n"
    "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nTranslate into Dutch: ciao mondo"
    "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    "mistral": "<s>[INST] Translate into Dutch: ciao mondo\n[/INST]",
    "phi": "<|user|>\nTranslate into Dutch: ciao mondo\n<|end|>\n<|assistant|>\n",
    "eurollm": "<s><|im_start|>system\n<|im_end|>\n<|im_start|>user\n"
    "Translate into Dutch: ciao mondo\n<|im_end|>\n<|im_start|>assistant\n",
}
every_family = pytest.mark.parametrize("family", PROMPTS)


def prompt_text(loaded: LoadedModel, prompt_format: PromptFormat, sample: Sample = SAMPLE) -> str:
    (prompt,) = build_prompts(loaded, [sample], prompt_format)
    return str(loaded.tokenizer.decode(list(prompt.tokens), skip_special_tokens=False))


@every_family
def test_a_prompt_is_the_chat_template_filled_with_thinking_off(family: str) -> None:
    assert prompt_text(chat_model(family), PLAIN) == PROMPTS[family]


@every_family
def test_a_response_ends_with_the_special_token_that_ends_a_turn(family: str) -> None:
    loaded = chat_model(family)
    end = loaded.tokenizer.convert_tokens_to_ids(FAMILIES[family].end)
    (response,) = build_responses(loaded, [SAMPLE], PLAIN)
    assert response[-1] == end and loaded.tokenizer.decode(response[:-1]) == "hello world"
    assert end_ids(loaded, PLAIN) == tuple(dict.fromkeys((end, *loaded.eos)))
    assert loaded.text([*response, end]) == "hello world"


@every_family
def test_a_source_cannot_hold_a_token_that_is_only_marked_as_special(family: str) -> None:
    loaded = chat_model(family)
    for token in FAMILIES[family].tokens:
        assert token in special_tokens(loaded.tokenizer).values()
        with pytest.raises(ModelError, match="k: its text contains '.*', a special token of"):
            build_prompts(loaded, [replace(SAMPLE, source=f"ciao {token}")], PLAIN)


def test_all_texts_with_a_special_token_are_counted() -> None:
    samples = [replace(SAMPLE, key=str(i), source=f"<|end|> {i}") for i in range(3)]
    with pytest.raises(
        ModelError, match=r"^0: its text .* \(and 2 more texts one too\); remove it"
    ):
        build_prompts(chat_model("phi"), samples, PLAIN)


def test_line_breaks_before_the_end_of_a_turn_belong_to_the_response() -> None:
    template = FAMILIES["phi"].template.replace("<|end|>", "\n\n<|end|>")
    loaded = chat_model("phi", template)
    (response,) = build_responses(loaded, [SAMPLE], PLAIN)
    assert loaded.tokenizer.decode(response) == "hello world\n\n<|end|>"
    assert end_ids(loaded, PLAIN) == (response[-1], *loaded.eos)


@pytest.mark.parametrize(
    ("turn", "after"),
    [
        ("{{ m.role }}: {{ m.content }}\n", r"'\\n'"),
        ("{{ m.role }}: {{ m.content }}", "nothing"),
        ("{{ m.role }}: {{ m.content }}. End.<|im_end|>", r"'\. End\.<\|im_end\|>'"),
        ("{{ m.content if m.role == 'user' }}<|im_end|>", "nothing"),
    ],
)
def test_a_turn_that_no_special_token_ends_is_refused(turn: str, after: str) -> None:
    loaded = chatty("{% for m in messages %}" + turn + "{% endfor %}")
    with pytest.raises(
        ModelError,
        match=f"its chat template ends the assistant's turn with {after}, no special token, so a "
        "response would have no end; mark the token as special in the tokenizer, or give a "
        "chat_template that ends the turn with one",
    ):
        build_responses(loaded, [SAMPLE], PLAIN)


def test_a_tokenizer_of_several_chat_templates_uses_the_default_one() -> None:
    loaded = chatty()
    own = loaded.tokenizer.chat_template
    expected = prompt_text(loaded, PLAIN)
    loaded.tokenizer.chat_template = {"default": own, "tool_use": "tools"}
    assert prompt_text(loaded, PLAIN) == expected


@pytest.mark.parametrize("call", ["strftime_now('%d %b %Y')", 'strftime_now( "%d %b %Y" )'])
def test_a_chat_template_writes_the_same_date_on_any_day(
    call: str,
) -> None:
    loaded = chat_model("llama-3")
    loaded.tokenizer.chat_template = FAMILIES["llama-3"].template.replace(
        "strftime_now('%d %b %Y')", call
    )
    assert writes_date(loaded, PLAIN)
    own = loaded.tokenizer.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False)
    assert "26 Jul 2024" not in own  # transformers writes today's date
    assert "Today Date: 26 Jul 2024\n" in prompt_text(loaded, PLAIN)
    keep_chat_template(loaded, PLAIN)  # whoever loads the tuned model reads that date too
    own = loaded.tokenizer.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False)
    assert "Today Date: 26 Jul 2024\n" in own and not writes_date(loaded, PLAIN)


def test_a_date_that_cannot_be_fixed_is_refused() -> None:
    template = "{% set form = '%d' %}" + FAMILIES["llama-3"].template.replace("'%d %b %Y'", "form")
    with pytest.raises(ModelError, match="computes a date with strftime_now, .* give a chat_templ"):
        build_prompts(chat_model("llama-3", template), [SAMPLE], PLAIN)


@pytest.mark.parametrize("family", ["gemma-3", "qwen-3", "llama-3", "phi", "eurollm"])
def test_the_system_message_is_where_the_chat_template_has_it(family: str) -> None:
    loaded = chat_model(family)
    messages = [("system", "Be brief."), ("user", "Translate into Dutch: ciao mondo\n")]
    own = loaded.tokenizer.apply_chat_template(
        [{"role": role, "content": text} for role, text in messages],
        tokenize=False, add_generation_prompt=True, enable_thinking=False,
        date_string="26 Jul 2024",
    )  # fmt: skip
    assert prompt_text(loaded, replace(PLAIN, system="Be brief.")) == own and "Be brief." in own
    (response,) = build_responses(loaded, [SAMPLE], replace(PLAIN, system="Be brief."))
    assert response == build_responses(loaded, [SAMPLE], PLAIN)[0]


def test_a_chat_template_without_a_system_message_refuses_one() -> None:
    system = replace(PLAIN, system="Be brief.")
    with pytest.raises(ModelError, match="cannot be filled .Only user and assistant roles"):
        build_prompts(chat_model("mistral"), [SAMPLE], system)
    template = FAMILIES["phi"].template.replace(
        "{% for", "{% set messages = messages[-1:] %}{% for"
    )
    with pytest.raises(ModelError, match="changes the system message; leave system out, or mend"):
        build_prompts(chat_model("phi", template), [SAMPLE], system)


def test_a_chat_template_of_ones_own_takes_the_place_of_the_tokenizers() -> None:
    own = replace(PLAIN, chat_template="{% for m in messages %}{{ m.content }}<|end|>{% endfor %}")
    loaded = chat_model("phi")
    assert prompt_text(loaded, own) == "Translate into Dutch: ciao mondo\n<|end|>"
    loaded.tokenizer.chat_template = None
    assert prompt_text(loaded, own) == "Translate into Dutch: ciao mondo\n<|end|>"
    keep_chat_template(loaded, own)
    assert loaded.tokenizer.chat_template == own.chat_template


def test_a_request_in_json_is_read_by_a_chat_template_that_knows_its_codes() -> None:
    loaded = chat_model("translategemma")
    assert prompt_text(loaded, prompt_format_of("translategemma")) == (
        "<s><start_of_turn>user\nTranslate from it to nl:\n\n\nciao mondo<end_of_turn>\n"
        "<start_of_turn>model\n"
    )


@pytest.mark.parametrize("family", ["gemma-3", "qwen-3"])
def test_a_chat_template_that_ignores_the_codes_of_a_request_is_refused(family: str) -> None:
    """Gemma's would leave the codes out, so that a conflict sample would be the true one; others
    would print the request as Python."""
    with pytest.raises(ModelError, match="ignores the language codes of the template; use a temp"):
        build_prompts(chat_model(family), [SAMPLE], prompt_format_of("translategemma"))


def test_a_text_for_a_chat_template_of_requests_in_json_is_refused() -> None:
    with pytest.raises(ModelError, match=r"cannot be filled \(content must be one part\)"):
        build_prompts(chat_model("translategemma"), [SAMPLE], PLAIN)
