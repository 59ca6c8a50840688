"""The Python example of a model card, executed: it translates as in the evaluation."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers as hf
from support.chats import chat_model
from support.models import chatty, coder, ready, tiny
from tokenizers.processors import TemplateProcessing

from ontarget.decoding.base import Search
from ontarget.decoding.hf.translator import generate
from ontarget.errors import ModelError
from ontarget.hub.snippet import SENTENCE, SnippetInputs, prompt_note, render_snippet
from ontarget.models.loading import (
    LoadedModel,
    load_model,
    load_outline,
    save_model,
    write_generation_config,
)
from ontarget.models.prompting import build_prompts, end_ids
from ontarget.models.templates import TEMPLATES, PromptFormat, prompt_format_of
from ontarget.records import Direction, Sample

SEARCH = Search(beams=2, max_new_tokens=8, batch=1)
SOURCE = "ciao mondo"


def t5() -> LoadedModel:
    """An encoder-decoder with instructions; its tokenizer appends EOS to the encoder's input."""
    words = tiny().tokenizer
    words = hf.PreTrainedTokenizerFast(
        tokenizer_object=type(words._tokenizer).from_str(words._tokenizer.to_str()),
        pad_token="<pad>", eos_token="</s>",
    )  # fmt: skip
    words._tokenizer.post_processor = TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", words.eos_token_id)]
    )
    torch.manual_seed(0)
    config = hf.T5Config(
        vocab_size=len(words), d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2,
        decoder_start_token_id=0, pad_token_id=words.pad_token_id, eos_token_id=words.eos_token_id,
    )  # fmt: skip
    return ready(hf.T5ForConditionalGeneration(config), words)


def forced() -> LoadedModel:
    """The same with a first token forced by its generation config."""
    loaded = t5()
    assert loaded.model.generation_config is not None
    loaded.model.generation_config.forced_bos_token_id = 70
    return loaded


MODELS = {
    "decoder": lambda: ready(tiny(1).model, tiny(1).tokenizer),
    "chat": lambda: ready(chatty().model, chatty().tokenizer),
    "system": lambda: ready(chatty().model, chatty().tokenizer),
    "translategemma": lambda: chat_model("translategemma"),
    "T5": t5,
    "forced": forced,
    "M2M-100": lambda: coder("M2M-100"),
    "Marian": lambda: coder("Marian"),
}


FORMATS = {
    "chat": prompt_format_of("plain", chat=True),
    "system": replace(prompt_format_of("tower"), system="Translate."),
    "translategemma": prompt_format_of("translategemma"),
}


def snippet_inputs(loaded: LoadedModel, kind: str, source: str = "it") -> SnippetInputs:
    prompt_format = FORMATS.get(kind, PromptFormat(template=TEMPLATES["plain"]))
    languages = ("it", "nl") if kind == "Marian" else ("en", "it", "nl")
    return SnippetInputs(
        loaded=loaded, languages=languages, example=Direction(source, "nl"),
        prompt_format=prompt_format,
        search=SEARCH,
    )  # fmt: skip


@pytest.mark.parametrize("kind", MODELS)
def test_the_snippet_translates_as_in_the_evaluation(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built = MODELS[kind]()
    prompt_format = snippet_inputs(built, kind).prompt_format
    assert built.model.generation_config is not None
    built.model.generation_config.update(repetition_penalty=3.0, no_repeat_ngram_size=1)
    save_model(built, tmp_path)
    loaded = load_model(str(tmp_path))
    sample = Sample(
        key="k", source_lang="it", asked_lang="nl", target_lang="nl", source=SOURCE, target="x"
    )
    prompts = build_prompts(loaded, [sample], prompt_format)
    ((hypothesis,),) = (
        part.values()
        for part in generate(loaded, prompts, SEARCH, stop=end_ids(loaded, prompt_format))
    )
    write_generation_config(tmp_path, end_ids(loaded, prompt_format))
    code = render_snippet(snippet_inputs(load_outline(str(tmp_path)), kind), str(tmp_path))
    capsys.readouterr()
    exec(code.replace(SENTENCE, repr(SOURCE)), {})
    printed = " ".join(capsys.readouterr().out.split())
    assert printed == hypothesis.text and printed


def test_a_chat_model_stops_at_the_end_of_its_turn_wherever_it_is_loaded(tmp_path: Path) -> None:
    loaded = chatty()
    end = loaded.tokenizer.convert_tokens_to_ids("<|im_end|>")
    prompt_format = snippet_inputs(loaded, "chat").prompt_format
    assert loaded.tokenizer.eos_token_id != end
    save_model(loaded, tmp_path)
    for _ in range(2):  # the second time as after further tuning
        path = tmp_path / "generation_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"temperature": 0.5}))
        write_generation_config(tmp_path, end_ids(loaded, prompt_format))
        config = hf.GenerationConfig.from_pretrained(tmp_path)
        assert config.eos_token_id == [end, loaded.tokenizer.eos_token_id]
        assert config.temperature is None  # as in the evaluation
        loaded = load_outline(str(tmp_path))


def test_a_single_end_token_is_written_as_a_number(tmp_path: Path) -> None:
    loaded = tiny()
    save_model(loaded, tmp_path)
    write_generation_config(
        tmp_path, end_ids(loaded, snippet_inputs(loaded, "decoder").prompt_format)
    )
    config = hf.GenerationConfig.from_pretrained(tmp_path)
    assert config.eos_token_id == loaded.tokenizer.eos_token_id


@pytest.mark.parametrize("kind", ["M2M-100", "Marian"])
def test_the_snippet_lists_the_code_of_every_language(kind: str) -> None:
    inputs = snippet_inputs(coder(kind), kind)
    (codes,) = re.findall(r"^codes = (.*)$", render_snippet(inputs, "me/tiny"), flags=re.MULTILINE)
    marked = ">>{}<<" if kind == "Marian" else "{}_Latn"
    codes_by_name = {"English": "eng", "Italian": "ita", "Dutch": "nld"}
    assert eval(codes) == {
        name: marked.format(code) for name, code in codes_by_name.items()
        if kind != "Marian" or name != "English"
    }  # fmt: skip
    assert prompt_note(inputs).startswith("The model takes language codes;")
    assert "template" not in render_snippet(inputs, "me/tiny")


def test_a_tokenizer_that_appends_eos_to_prompts_is_an_error() -> None:
    loaded = chatty()
    loaded.tokenizer._tokenizer.post_processor = TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", loaded.tokenizer.eos_token_id)]
    )
    with pytest.raises(ModelError, match="the tokenizer adds an EOS or a second BOS to prompts"):
        render_snippet(snippet_inputs(loaded, "decoder"), "me/tiny")
    render_snippet(snippet_inputs(loaded, "chat"), "me/tiny")
