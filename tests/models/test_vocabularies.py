"""Tokenizers in their published form: SentencePiece models, read by transformers' own classes."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sentencepiece
import transformers as hf
from support.models import CODER_SIZES

from ontarget.decoding.base import Search
from ontarget.hub.snippet import SnippetInputs, render_snippet
from ontarget.models.loading import load_model, load_outline, save_model
from ontarget.models.prompting import build_prompts, build_responses, end_ids
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.records import Direction, Sample

TEXTS = ["ciao mondo", "hallo wereld", "Translate into Dutch", "hello world"] * 3
SAMPLE = Sample(
    key="k", source_lang="it", asked_lang="nl", target_lang="nl",
    source="ciao mondo", target="hallo wereld",
)  # fmt: skip
PLAIN = PromptFormat(template=TEMPLATES["plain"])
SIZES = {key: size for key, size in CODER_SIZES.items() if not key.endswith("token_id")}


def train_pieces(path: Path, size: int = 60, **options: object) -> list[str]:
    """Train a vocabulary into `path`; returns its pieces."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS), model_writer=model, vocab_size=size, hard_vocab_limit=False,
        minloglevel=2, **options,
    )  # fmt: skip
    path.write_bytes(model.getvalue())
    words = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return [words.id_to_piece(index) for index in range(words.get_piece_size())]


def write_vocabulary(path: Path, *tokens: str) -> dict[str, int]:
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    path.write_text(json.dumps(vocabulary))
    return vocabulary


def marian(folder: Path) -> None:
    pieces = [*train_pieces(folder / "source.spm"), *train_pieces(folder / "target.spm")]
    ids = write_vocabulary(
        folder / "vocab.json", "</s>", "<unk>", ">>ita<<", ">>nld<<", *pieces, "<pad>"
    )
    config = hf.MarianConfig(
        vocab_size=len(ids), pad_token_id=ids["<pad>"], eos_token_id=0,
        decoder_start_token_id=ids["<pad>"], forced_eos_token_id=None, **SIZES,
    )  # fmt: skip
    hf.MarianMTModel(config).save_pretrained(folder)
    write_settings(folder, tokenizer_class="MarianTokenizer", source_lang="ita", target_lang="mul")


def m2m(folder: Path) -> None:
    words = train_pieces(folder / "sentencepiece.bpe.model", model_type="bpe")
    ids = write_vocabulary(folder / "vocab.json", "<s>", "<pad>", "</s>", "<unk>", *words)
    sizes = CODER_SIZES | {"vocab_size": len(ids) + 108}  # a hundred codes and eight unused
    hf.M2M100ForConditionalGeneration(hf.M2M100Config(**sizes)).save_pretrained(folder)
    write_settings(folder, tokenizer_class="M2M100Tokenizer")


def mbart(folder: Path) -> None:
    train_pieces(folder / "sentencepiece.bpe.model")
    config = hf.MBartConfig(**CODER_SIZES | {"vocab_size": 120})
    hf.MBartForConditionalGeneration(config).save_pretrained(folder)
    write_settings(folder, tokenizer_class="MBart50Tokenizer")


def t5(folder: Path) -> None:
    train_pieces(folder / "spiece.model", pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    config = hf.T5Config(
        vocab_size=200, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2,
        decoder_start_token_id=0,
    )  # fmt: skip
    hf.T5ForConditionalGeneration(config).save_pretrained(folder)
    write_settings(folder, tokenizer_class="T5Tokenizer")


def llama(folder: Path) -> None:
    train_pieces(
        folder / "tokenizer.model", size=320, unk_id=0, bos_id=1, eos_id=2, model_type="bpe",
        byte_fallback=True,
    )  # fmt: skip
    config = hf.LlamaConfig(
        vocab_size=400, hidden_size=16, intermediate_size=24, num_hidden_layers=1,
        num_attention_heads=2,
    )  # fmt: skip
    hf.LlamaForCausalLM(config).save_pretrained(folder)
    write_settings(folder, tokenizer_class="LlamaTokenizer", add_bos_token=True)


def write_settings(folder: Path, **settings: object) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


FAMILIES = [  # the code in front of the source; the decoder's prefix, None for a decoder-only
    (marian, ">>nld<<", ["<pad>"]),
    (m2m, "__it__", ["</s>", "__nl__"]),
    (mbart, "it_IT", ["</s>", "nl_XX"]),
    (t5, None, ["<pad>"]),
    (llama, None, None),
]
families = pytest.mark.parametrize(
    ("make", "code", "prefix"), FAMILIES, ids=[make.__name__ for make, _, _ in FAMILIES]
)
Make = Callable[[Path], None]


@families
def test_prompts_and_responses_are_made_by_the_models_own_tokenizer(
    make: Make, code: str | None, prefix: list[str] | None, tmp_path: Path
) -> None:
    make(tmp_path)
    loaded = load_model(str(tmp_path))
    (prompt,), (response,) = (
        build_prompts(loaded, [SAMPLE], PLAIN),
        build_responses(loaded, [SAMPLE], PLAIN),
    )
    to_tokens = loaded.tokenizer.convert_ids_to_tokens
    source = to_tokens(list(prompt.encoder or prompt.tokens))
    assert code is None or source[0] == code
    if prefix is None:  # decoder-only: one BOS, no EOS
        assert source[0] == "<s>" and source.count("<s>") == 1 and "</s>" not in source
    else:
        assert source[-1] == "</s>" and to_tokens(list(prompt.tokens)) == prefix
    assert to_tokens(response)[-1] == "</s>" and response[-1] in end_ids(loaded, PLAIN)
    assert loaded.text(response) == "hallo wereld"


@families
def test_a_saved_model_is_prompted_the_same_and_its_snippet_names_the_code(
    make: Make, code: str | None, prefix: list[str] | None, tmp_path: Path
) -> None:
    (tmp_path / "first").mkdir()
    make(tmp_path / "first")
    loaded = load_model(str(tmp_path / "first"))
    save_model(loaded, tmp_path / "again")
    again = load_outline(str(tmp_path / "again"))
    assert build_prompts(again, [SAMPLE], PLAIN) == build_prompts(loaded, [SAMPLE], PLAIN)
    inputs = SnippetInputs(
        loaded=again, languages=("it", "nl"), example=Direction("it", "nl"), prompt_format=PLAIN,
        search=Search(beams=1, max_new_tokens=4, batch=1),
    )  # fmt: skip
    argument = repr((code or "").strip("_"))  # M2M-100's tokenizer takes `it` and writes `__it__`
    assert (f": {argument}" in render_snippet(inputs, "me/tiny")) == (code is not None)
