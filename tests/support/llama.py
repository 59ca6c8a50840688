"""A small Llama with the tokenizer of Llama 2: SentencePiece BPE with single bytes."""

import io
import json
from collections.abc import Iterable
from pathlib import Path

import sentencepiece
import torch
import transformers as hf


def save_llama2(folder: Path, texts: Iterable[str], layers: int = 2) -> None:
    """Write a Llama with random weights, and a vocabulary trained on `texts`, to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=400, hard_vocab_limit=False,
        unk_id=0, bos_id=1, eos_id=2, model_type="bpe", byte_fallback=True, minloglevel=2,
    )  # fmt: skip
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    settings = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    torch.manual_seed(1)
    config = hf.LlamaConfig(
        vocab_size=512, hidden_size=32, intermediate_size=64, num_hidden_layers=layers,
        num_attention_heads=2, max_position_embeddings=2048,
    )  # fmt: skip
    hf.LlamaForCausalLM(config).save_pretrained(folder)
