"""Tokenizers as their makers ship them: SentencePiece models, read by transformers' own classes."""

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
ASKING = PromptFormat(template=TEMPLATES["plain"])
SIZES = {key: size for key, size in CODER_SIZES.items() if not key.endswith("token_id")}


def pieces(path: Path, size: int = 60, **options: object) -> list[str]:
    """Train a vocabulary into `path`; what is in it."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS), model_writer=made, vocab_size=size, hard_vocab_limit=False,
        minloglevel=2, **options,
    )  # fmt: skip
    path.write_bytes(made.getvalue())
    words = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    return [words.id_to_piece(index) for index in range(words.get_piece_size())]


def numbered(path: Path, *tokens: str) -> dict[str, int]:
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    path.write_text(json.dumps(vocabulary))
    return vocabulary


def marian(folder: Path) -> None:
    both = [*pieces(folder / "source.spm"), *pieces(folder / "target.spm")]
    ids = numbered(folder / "vocab.json", "</s>", "<unk>", ">>ita<<", ">>nld<<", *both, "<pad>")
    config = hf.MarianConfig(
        vocab_size=len(ids), pad_token_id=ids["<pad>"], eos_token_id=0,
        decoder_start_token_id=ids["<pad>"], forced_eos_token_id=None, **SIZES,
    )  # fmt: skip
    hf.MarianMTModel(config).save_pretrained(folder)
    settings(folder, tokenizer_class="MarianTokenizer", source_lang="ita", target_lang="mul")


def m2m(folder: Path) -> None:
    words = pieces(folder / "sentencepiece.bpe.model", model_type="bpe")
    ids = numbered(folder / "vocab.json", "<s>", "<pad>", "</s>", "<unk>", *words)
    sizes = CODER_SIZES | {"vocab_size": len(ids) + 108}  # a hundred codes and eight unused
    hf.M2M100ForConditionalGeneration(hf.M2M100Config(**sizes)).save_pretrained(folder)
    settings(folder, tokenizer_class="M2M100Tokenizer")


def mbart(folder: Path) -> None:
    pieces(folder / "sentencepiece.bpe.model")
    config = hf.MBartConfig(**CODER_SIZES | {"vocab_size": 120})
    hf.MBartForConditionalGeneration(config).save_pretrained(folder)
    settings(folder, tokenizer_class="MBart50Tokenizer")


def t5(folder: Path) -> None:
    pieces(folder / "spiece.model", pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    config = hf.T5Config(
        vocab_size=200, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2,
        decoder_start_token_id=0,
    )  # fmt: skip
    hf.T5ForConditionalGeneration(config).save_pretrained(folder)
    settings(folder, tokenizer_class="T5Tokenizer")


def llama(folder: Path) -> None:
    pieces(
        folder / "tokenizer.model", size=320, unk_id=0, bos_id=1, eos_id=2, model_type="bpe",
        byte_fallback=True,
    )  # fmt: skip
    config = hf.LlamaConfig(
        vocab_size=400, hidden_size=16, intermediate_size=24, num_hidden_layers=1,
        num_attention_heads=2,
    )  # fmt: skip
    hf.LlamaForCausalLM(config).save_pretrained(folder)
    settings(folder, tokenizer_class="LlamaTokenizer", add_bos_token=True)


def settings(folder: Path, **given: object) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps(given))


MADE = [  # the code that the source begins with; what an encoder-decoder's response goes on from
    (marian, ">>nld<<", ["<pad>"]),
    (m2m, "__it__", ["</s>", "__nl__"]),
    (mbart, "it_IT", ["</s>", "nl_XX"]),
    (t5, None, ["<pad>"]),
    (llama, None, None),
]
made = pytest.mark.parametrize(
    ("make", "code", "begun"), MADE, ids=lambda each: getattr(each, "__name__", "")
)
Make = Callable[[Path], None]


@made
def test_a_model_is_asked_through_its_own_tokenizer(
    make: Make, code: str | None, begun: list[str] | None, tmp_path: Path
) -> None:
    make(tmp_path)
    loaded = load_model(str(tmp_path))
    (prompt,), (response,) = (
        build_prompts(loaded, [SAMPLE], ASKING),
        build_responses(loaded, [SAMPLE], ASKING),
    )
    shown = loaded.tokenizer.convert_ids_to_tokens
    read = shown(list(prompt.encoder or prompt.tokens))
    assert code is None or read[0] == code
    if begun is None:  # a decoder alone: one BOS, and no EOS
        assert read[0] == "<s>" and read.count("<s>") == 1 and "</s>" not in read
    else:
        assert read[-1] == "</s>" and shown(list(prompt.tokens)) == begun
    assert shown(response)[-1] == "</s>" and response[-1] in end_ids(loaded, ASKING)
    assert loaded.text(response) == "hallo wereld"


@made
def test_what_is_saved_asks_alike_and_tells_how(
    make: Make, code: str | None, begun: list[str] | None, tmp_path: Path
) -> None:
    (tmp_path / "first").mkdir()
    make(tmp_path / "first")
    loaded = load_model(str(tmp_path / "first"))
    save_model(loaded, tmp_path / "again")
    again = load_outline(str(tmp_path / "again"))
    assert build_prompts(again, [SAMPLE], ASKING) == build_prompts(loaded, [SAMPLE], ASKING)
    usage = SnippetInputs(
        loaded=again, languages=("it", "nl"), example=Direction("it", "nl"), asking=ASKING,
        search=Search(beams=1, max_new_tokens=4, batch=1),
    )  # fmt: skip
    shown = repr((code or "").strip("_"))  # M2M-100's tokenizer is told `it`, and writes `__it__`
    assert (f": {shown}" in render_snippet(usage, "me/tiny")) == (code is not None)
