"""Does stage 2 repair other architectures, and a model with the code of a new language?

    python benchmarks/architectures.py RUN OUT [--kinds t5,nllb,gpt-neox] [--steps 1500] [--seed 1]

RUN is the folder `main` of `ontarget reproduce iwslt4 --scale tiny`: its text, its recipe and, but
for NLLB, its tokenizer are taken. A model of random weights (0.8 to 1.4 M parameters) is first
trained to translate in all directions, which stands for pretraining: with labels in place of an
instruction, NLLB without the last language, whose code is then a copy of another one's. Both stages
of RUN follow from there. Everything is a run folder in OUT that resumes.

    t5, nllb                       encoder-decoders (NLLB: M2M-100's network)
    llama, qwen3, gpt-neox, gpt2   decoders of one width and depth; they differ in normalisation,
                                   biases, parallel layers and positions
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers as hf
import yaml

from ontarget.cli.commands.recipe import run_and_show
from ontarget.models.codes import add_codes
from ontarget.models.loading import LoadedModel, load_model, save_model
from ontarget.models.templates import CUE
from ontarget.recipe.recipe import Recipe

WIDTH, HEADS, LAYERS, FEED_FORWARD = 128, 4, 3, 256  # layers of an encoder or decoder
POSITIONS = 256
PRETRAINING = {
    "batch": 64, "micro_batch": 64, "learning_rate": 0.01, "optimizer": "muon",
    "schedule": "linear",
}  # fmt: skip
KNOWN = {"en": "eng_Latn", "it": "ita_Latn", "nl": "nld_Latn"}  # codes of the tiny NLLB
NEW = {"ron_Latn": "ita_Latn"}


def random_t5(run: Path) -> LoadedModel:
    """A T5 with the tokenizer of the run's model."""
    words = hf.AutoTokenizer.from_pretrained(run / "0_base" / "model")
    config = hf.T5Config(
        vocab_size=len(words), d_model=WIDTH, d_kv=WIDTH // HEADS, num_heads=HEADS,
        d_ff=FEED_FORWARD, num_layers=LAYERS, num_decoder_layers=LAYERS, dropout_rate=0.0,
        feed_forward_proj="gated-gelu", pad_token_id=words.pad_token_id,
        eos_token_id=words.eos_token_id, decoder_start_token_id=words.pad_token_id,
    )  # fmt: skip
    return LoadedModel(hf.T5ForConditionalGeneration(config), words)


def random_nllb(run: Path) -> LoadedModel:
    """An NLLB whose tokenizer is trained on the run's text, with the codes of `KNOWN`."""
    rows = (run / "1_prepare" / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [text for row in map(json.loads, rows) for text in row["texts"].values()]
    special = {token: number for number, token in enumerate(("<s>", "<pad>", "</s>", "<unk>"))}
    empty = hf.NllbTokenizer(
        vocab=special, merges=[], extra_special_tokens=list(KNOWN.values()), src_lang=KNOWN["en"]
    )
    words = empty.train_new_from_iterator(iter(texts), 1500)
    config = hf.M2M100Config(
        vocab_size=len(words), d_model=WIDTH, max_position_embeddings=POSITIONS,
        encoder_layers=LAYERS, decoder_layers=LAYERS, encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS, encoder_ffn_dim=FEED_FORWARD, decoder_ffn_dim=FEED_FORWARD,
        encoder_layerdrop=0.0, decoder_layerdrop=0.0, dropout=0.0, attention_dropout=0.0,
        pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2,
    )  # fmt: skip
    return LoadedModel(hf.M2M100ForConditionalGeneration(config), words)


def random_decoder(
    family: type[Any], names: dict[str, str], run: Path, **settings: Any
) -> LoadedModel:
    """A decoder with the tokenizer of the run's model, as wide as the others and one layer deeper.

    `names` are those of the family's settings where they are not Llama's.
    """
    words = hf.AutoTokenizer.from_pretrained(run / "0_base" / "model")
    sizes: dict[str, Any] = {
        "hidden_size": WIDTH, "num_attention_heads": HEADS, "num_hidden_layers": LAYERS + 1,
        "intermediate_size": FEED_FORWARD, "max_position_embeddings": POSITIONS,
    }  # fmt: skip
    named = {names.get(name, name): value for name, value in sizes.items()}
    config = family(
        vocab_size=len(words), tie_word_embeddings=True, bos_token_id=None,
        pad_token_id=words.pad_token_id, eos_token_id=words.eos_token_id, **named, **settings,
    )  # fmt: skip
    return LoadedModel(hf.AutoModelForCausalLM.from_config(config), words)


GPT2_NAMES = {
    "hidden_size": "n_embd", "num_attention_heads": "n_head", "num_hidden_layers": "n_layer",
    "intermediate_size": "n_inner", "max_position_embeddings": "n_positions",
}  # fmt: skip
MAKE: dict[str, Callable[[Path], LoadedModel]] = {
    "t5": random_t5,
    "nllb": random_nllb,
    "llama": partial(random_decoder, hf.LlamaConfig, {}),
    "qwen3": partial(
        random_decoder, hf.Qwen3Config, {}, head_dim=WIDTH // HEADS, num_key_value_heads=HEADS
    ),
    "gpt-neox": partial(random_decoder, hf.GPTNeoXConfig, {}),
    "gpt2": partial(
        random_decoder, hf.GPT2Config, GPT2_NAMES, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0
    ),
}


def run_stages(kind: str, run: Path, out: Path, steps: int, seed: int) -> None:
    """Both recipes of one kind of model, and what the second one measured."""
    torch.manual_seed(seed)  # transformers initialises weights with the global generator
    if not (out / "random").is_dir():
        save_model(MAKE[kind](run), out / "random")
    content = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    decoding = {key: content["translate"][key] for key in ("beams", "batch", "max_new_tokens")}
    content |= {"seed": seed, "report_to": [], "translate": decoding}
    languages = list(KNOWN) if kind == "nllb" else content["languages"]
    pretraining: dict[str, Any] = content | {
        "unlikelihood": None,
        "name": f"{kind}, all directions",
        "out": str(out / "base"),
        "languages": languages,
        "supervised": [f"{x}-{y}" for x in languages for y in languages if x != y],
        "zero_shot": [],
        "base": {"model": str(out / "random")},
        "template": CUE,
        "mle": PRETRAINING | {"steps": steps},
    }
    run_and_show(Recipe.model_validate(pretraining), None, None)
    start = out / "base" / "3_mle" / "model"
    if kind == "nllb":
        if not (out / "new").is_dir():
            loaded = load_model(str(start))
            add_codes(loaded, NEW)
            save_model(loaded, out / "new")
        start = out / "new"
    content |= {"name": kind, "out": str(out / "tuned"), "base": {"model": str(start)}}
    run_and_show(Recipe.model_validate(content), None, None)


def main() -> None:
    """Make what is missing, and print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--kinds", default="t5,nllb,gpt-neox")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    kinds = given.kinds.split(",")
    if unknown := set(kinds) - set(MAKE):
        parser.error(f"{', '.join(sorted(unknown))}: no kind; choose from {', '.join(MAKE)}")
    for kind in kinds:
        run_stages(kind, given.run, given.out / kind, given.steps, given.seed)


if __name__ == "__main__":
    main()
