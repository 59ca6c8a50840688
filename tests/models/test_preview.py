"""Prompts shown to people: what is a special token, what ends a response, what is left out."""

from dataclasses import replace

import pytest
from support.chats import chat_model
from support.models import chatty, coder, tiny

from ontarget.models.loading import LoadedModel
from ontarget.models.preview import preview_lines, prompt_notes
from ontarget.models.prompting import build_prompts, fitting_templates
from ontarget.models.templates import NAMED, PromptFormat, prompt_format_of
from ontarget.records import Sample

PLAIN = prompt_format_of("plain")
CHAT = prompt_format_of("plain", chat=True)
SAMPLE = Sample(
    key="k", source_lang="it", asked_lang="nl", target_lang="en",
    source="ciao mondo", target="hello world",
)  # fmt: skip


def test_special_tokens_are_marked_and_text_that_looks_like_one_is_not() -> None:
    loaded = chat_model("gemma-3")
    sample = replace(SAMPLE, source="[[<b>]] \x1b[2J")
    assert preview_lines(loaded, sample, CHAT) == [
        "prompt   | [[<s>]][[<start_of_turn>]]user",
        r"prompt   | Translate into Dutch: [[<b>]] \x1b[2J[[<end_of_turn>]]",
        "prompt   | [[<start_of_turn>]]model",
        "prompt   | ",
        "response > hello world[[<end_of_turn>]]",
    ]


def test_an_encoder_is_shown_what_it_reads() -> None:
    lines = preview_lines(coder("M2M-100"), SAMPLE, PLAIN)
    assert lines[0].startswith("encoder  | [[ita_Latn]]") and lines[0].endswith("[[</s>]]")
    assert lines[1] == "prompt   | [[</s>]][[nld_Latn]]"
    assert lines[2].startswith("response > ") and lines[2].endswith("[[</s>]]")


LISTED = "; generation_config.json does not list it, tuned models will"
BOS = "the chat template leaves out the tokenizer's BOS <s>, so prompts begin without it"
DATE = (
    "the chat template writes today's date; it is fixed to 26 Jul 2024, in training, in "
    "translation and in tuned models"
)
CODES = "languages are requested by the model's own codes; the template is not used"


@pytest.mark.parametrize(
    ("loaded", "prompt_format", "end", "notes"),
    [
        (lambda: chat_model("gemma-3"), CHAT, "<end_of_turn>", [LISTED]),
        (lambda: chat_model("llama-3"), CHAT, "<|eot_id|>", [LISTED, DATE]),
        (lambda: chat_model("phi"), CHAT, "<|end|>", [LISTED, BOS]),
        (lambda: chat_model("qwen-3"), CHAT, "<|im_end|>", [LISTED]),
        (lambda: chat_model("phi"), PLAIN, "</s>", []),
        (lambda: coder("M2M-100"), PLAIN, "</s>", [CODES]),
    ],
)
def test_notes_say_what_ends_a_response_and_what_a_chat_template_adds_or_leaves_out(
    loaded: object, prompt_format: PromptFormat, end: str, notes: list[str]
) -> None:
    model: LoadedModel = loaded()  # type: ignore[operator]
    first, *rest = prompt_notes(model, prompt_format)
    token = model.tokenizer.convert_tokens_to_ids(end)
    unlisted = LISTED if LISTED in notes else ""
    assert first == f"responses end with {end} (token {token}){unlisted}"
    assert rest == [note for note in notes if note != LISTED]


def test_an_end_that_the_generation_config_lists_is_not_remarked() -> None:
    loaded = chat_model("gemma-3")
    end = loaded.tokenizer.convert_tokens_to_ids("<end_of_turn>")
    loaded.model.generation_config.eos_token_id = [2, end]
    assert prompt_notes(loaded, CHAT) == [f"responses end with <end_of_turn> (token {end})"]


TURNS = ["instruction", "tower", "tower-plus", "hunyuan-mt"]
TEXTS = ["alpaca", "plain", "alma", "post-instruction", "target-language"]


@pytest.mark.parametrize(
    ("loaded", "names"),
    [
        (tiny, TEXTS),
        (lambda: chatty(None), TEXTS),
        (chatty, TURNS + TEXTS),
        (lambda: chat_model("gemma-3"), TURNS + TEXTS),
        (lambda: chat_model("mistral"), TURNS + TEXTS),
        (lambda: chat_model("translategemma"), ["translategemma", *TEXTS]),
        (lambda: chatty("{{ messages }}"), TEXTS),  # ends no turn
        (lambda: coder("M2M-100"), ["alpaca"]),
        (lambda: coder("Marian"), ["alpaca"]),
    ],
)
def test_the_templates_that_fit_a_model_are_those_it_can_be_prompted_with(
    loaded: object, names: list[str]
) -> None:
    model: LoadedModel = loaded()  # type: ignore[operator]
    formats = fitting_templates(model)
    assert list(formats) == names
    for name, prompt_format in formats.items():
        assert prompt_format.template == NAMED[name].text
        assert build_prompts(model, [SAMPLE], prompt_format)


def test_madlads_template_fits_models_whose_vocabulary_has_its_codes() -> None:
    loaded = chatty(None)
    loaded.tokenizer.add_tokens(["<2it>", "<2nl>"])
    assert "madlad" in fitting_templates(loaded)
