"""How to ask a tuned model in Python, as its scores were made: for its card."""

from collections.abc import Iterator
from dataclasses import dataclass

from ontarget.decoding.base import Search
from ontarget.errors import ModelError
from ontarget.languages.names import english_name
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import build_prompts, code_lookup, language_codes
from ontarget.models.templates import PromptFormat
from ontarget.records import Direction, Sample

SENTENCE = '"..."'  # the literal that a reader puts a sentence in place of


@dataclass(frozen=True, slots=True, kw_only=True)
class SnippetInputs:
    """Who is asked, and how; `example` is the direction that the Python is for."""

    loaded: LoadedModel  # its weights are not looked at
    languages: tuple[str, ...]
    example: Direction
    asking: PromptFormat
    search: Search

    @property
    def kind(self) -> str:
        """What kind of model it is."""
        return "encoder-decoder" if self.loaded.has_encoder else "decoder-only"

    @property
    def has_codes(self) -> bool:
        """Whether the model is asked by language codes of its own and not in words."""
        return bool(language_codes(self.loaded))

    def code(self, language: str) -> str:
        """The model's own code of a language."""
        return code_lookup(self.loaded, language_codes(self.loaded))(language)

    def begun(self, target: str) -> list[int]:
        """What an encoder-decoder's decoder goes on from when asked for a language."""
        source = self.example.source_lang
        sample = Sample(
            key="", source_lang=source, asked_lang=target, target_lang=target, source="", target=""
        )
        (prompt,) = build_prompts(self.loaded, [sample], self.asking)
        return list(prompt.tokens)


def render_snippet(usage: SnippetInputs, repo_id: str) -> str:
    """The Python; texts of recipes and models are literals of one line, which end no block of code.

    Raises:
        ModelError: calling the tokenizer would not make what the model was trained to read.
    """
    check_tokenizer(usage)
    return "".join(f"{line}\n" for line in (*loading(usage, repo_id), "", *translating(usage)))


def prompt_note(usage: SnippetInputs) -> str:
    """What the Python asks with, for its reader."""
    if usage.has_codes:
        return (
            "The model is asked by its own language codes; put others from the list in their place."
        )
    where = (
        " It stands in a user's turn of the model's own chat template." if usage.asking.chat else ""
    )
    return f"The template is exactly that of the training; another wording was not measured.{where}"


def check_tokenizer(usage: SnippetInputs) -> None:
    """Raise ModelError where the tokenizer gives a prompt an EOS or a second BOS."""
    loaded = usage.loaded
    if loaded.has_encoder or usage.asking.chat:
        return
    if loaded.prompts(["a"]) != loaded.tokenizer(["a"])["input_ids"]:
        raise ModelError(
            f"{loaded.name}: its tokenizer ends a prompt, or begins it twice, which a card cannot "
            "tell others to undo; mend add_eos_token or add_bos_token in the tokenizer_config.json "
            "of the base model, and run again"
        )


def loading(usage: SnippetInputs, repo_id: str) -> Iterator[str]:
    """Imports, tokenizer and model, and the sentence."""
    has_encoder = usage.loaded.has_encoder
    auto = "AutoModelForSeq2SeqLM" if has_encoder else "AutoModelForCausalLM"
    if has_encoder:
        yield "import torch"
    yield f"from transformers import {auto}, AutoTokenizer"
    yield ""
    yield f"tokenizer = AutoTokenizer.from_pretrained({repo_id!r})"
    yield f"model = {auto}.from_pretrained({repo_id!r})"
    yield f"text = {SENTENCE}  # a sentence in {english_name(usage.example.source_lang)}"


def translating(usage: SnippetInputs) -> Iterator[str]:
    """From the sentence to what is printed."""
    has_encoder, search = usage.loaded.has_encoder, usage.search
    yield from by_codes(usage) if usage.has_codes else in_words(usage)
    special = ", add_special_tokens=False" if usage.asking.chat else ""
    yield f'tokens = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False{special})'
    if has_encoder:
        yield 'tokens["decoder_input_ids"] = begun'
    limits = f"max_new_tokens={search.max_new_tokens}, num_beams={search.beams}"
    yield f"made = model.generate(**tokens, {limits}, do_sample=False)[0]"
    width = "begun" if has_encoder else 'tokens["input_ids"]'
    yield f"print(tokenizer.decode(made[{width}.shape[1] :], skip_special_tokens=True).strip())"


def in_words(usage: SnippetInputs) -> Iterator[str]:
    """The filled template, as it is or as a user's turn."""
    source, target = map(english_name, usage.example)
    yield f"template = {usage.asking.template!r}"
    yield f"prompt = template.format(source={source!r}, target={target!r}, input=text)"
    if usage.asking.chat:
        yield 'turn = [{"role": "user", "content": prompt}]'
        yield "chat = dict(tokenize=False, add_generation_prompt=True, enable_thinking=False)"
        yield "prompt = tokenizer.apply_chat_template(turn, **chat)"
    if usage.loaded.has_encoder:
        yield f"begun = torch.tensor([{usage.begun(usage.example.target_lang)}])"


def by_codes(usage: SnippetInputs) -> Iterator[str]:
    """The source, and the codes of its language and of the one asked for."""
    source, target = map(english_name, usage.example)
    named = {english_name(each): usage.code(each) for each in usage.languages}
    yield f"codes = {named}"
    if hasattr(usage.loaded.tokenizer, "src_lang"):
        begins = {english_name(each): usage.begun(each) for each in usage.languages}
        yield f"begins = {begins}  # what the decoder goes on from"
        yield f"tokenizer.src_lang = codes[{source!r}]"
        yield "prompt = text"
        yield f"begun = torch.tensor([begins[{target!r}]])"
    else:
        yield f'prompt = codes[{target!r}] + " " + text'
        yield f"begun = torch.tensor([{usage.begun(usage.example.target_lang)}])"
