"""Does stage 2 repair other architectures, and a model with the code of a new language?

    python benchmarks/architectures.py RUN OUT [--kinds t5,nllb,gpt-neox] [--steps 1500] [--seed 1]

RUN is the folder `main` of `ontarget reproduce iwslt4 --scale tiny`: its text and its recipe are
taken, and T5 takes its tokenizer. Everything is a run folder in OUT that resumes.

    qwen3, gpt-neox, gpt2   decoders in place of RUN's Llama, of its width and depth, through all of
                            its steps; they differ in norms, biases, parallel layers and positions
    t5, nllb                encoder-decoders (NLLB: M2M-100's network) of 1.2 to 1.4 M parameters;
                            in place of RUN's step 0 they are trained to translate in all
                            directions, for `--steps`: T5 with labels in place of an instruction,
                            NLLB without the last language, whose code is then a copy of another's
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

from ontarget.base_model.llama import MAX_POSITIONS, LlamaShape
from ontarget.cli.commands.recipe import run_and_show
from ontarget.models.codes import add_codes
from ontarget.models.loading import LoadedModel, load_model, save_model
from ontarget.models.templates import CUE
from ontarget.recipe.recipe import Recipe
from ontarget.steps import s0_base

WIDTH, HEADS, LAYERS, FEED_FORWARD = 128, 4, 3, 256
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
        vocab_size=len(words), d_model=WIDTH, max_position_embeddings=256,
        encoder_layers=LAYERS, decoder_layers=LAYERS, encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS, encoder_ffn_dim=FEED_FORWARD, decoder_ffn_dim=FEED_FORWARD,
        encoder_layerdrop=0.0, decoder_layerdrop=0.0, dropout=0.0, attention_dropout=0.0,
        pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2,
    )  # fmt: skip
    return LoadedModel(hf.M2M100ForConditionalGeneration(config), words)


def random_decoder(
    family: type[Any], names: dict[str, str], words: Any, shape: LlamaShape, seed: int
) -> hf.PreTrainedModel:
    """A decoder of RUN's shape; `names` are those of the family's settings that are not Llama's."""
    torch.manual_seed(seed)  # transformers initialises weights with the global generator
    sizes = {
        "hidden_size": shape.hidden, "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads, "num_key_value_heads": shape.heads,
        "head_dim": shape.hidden // shape.heads, "intermediate_size": shape.feed_forward,
        "max_position_embeddings": MAX_POSITIONS,
    }  # fmt: skip
    config = family(
        vocab_size=len(words), tie_word_embeddings=True, bos_token_id=None,
        pad_token_id=words.pad_token_id, eos_token_id=words.eos_token_id,
        **{names.get(name, name): value for name, value in sizes.items()},
    )  # fmt: skip
    for name in ("resid_pdrop", "embd_pdrop", "attn_pdrop"):  # Llama has no dropout
        if hasattr(config, name):
            setattr(config, name, 0.0)
    return hf.AutoModelForCausalLM.from_config(config)


GPT2_NAMES = {
    "hidden_size": "n_embd", "num_attention_heads": "n_head", "num_hidden_layers": "n_layer",
    "intermediate_size": "n_inner", "max_position_embeddings": "n_positions",
}  # fmt: skip
ENCODER_DECODERS: dict[str, Callable[[Path], LoadedModel]] = {"t5": random_t5, "nllb": random_nllb}
DECODERS: dict[str, Callable[..., hf.PreTrainedModel]] = {
    "qwen3": partial(random_decoder, hf.Qwen3Config, {}),
    "gpt-neox": partial(random_decoder, hf.GPTNeoXConfig, {}),
    "gpt2": partial(random_decoder, hf.GPT2Config, GPT2_NAMES),
}


def run_decoder(kind: str, run: Path, out: Path, seed: int) -> None:
    """RUN's recipe with another network."""
    s0_base.make_llama = DECODERS[kind]
    content = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    decoding = {key: content["translate"][key] for key in ("beams", "batch", "max_new_tokens")}
    content |= {"seed": seed, "report_to": [], "translate": decoding, "name": kind, "out": str(out)}
    run_and_show(Recipe.model_validate(content), None, None)


def run_encoder_decoder(kind: str, run: Path, out: Path, steps: int, seed: int) -> None:
    """Two recipes: one in place of step 0, and RUN's."""
    torch.manual_seed(seed)  # transformers initialises weights with the global generator
    if not (out / "random").is_dir():
        save_model(ENCODER_DECODERS[kind](run), out / "random")
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
    kinds, known = given.kinds.split(","), [*ENCODER_DECODERS, *DECODERS]
    if unknown := set(kinds) - set(known):
        parser.error(f"{', '.join(sorted(unknown))}: no kind; choose from {', '.join(known)}")
    for kind in kinds:
        if kind in DECODERS:
            run_decoder(kind, given.run, given.out / kind, given.seed)
        else:
            run_encoder_decoder(kind, given.run, given.out / kind, given.steps, given.seed)


if __name__ == "__main__":
    main()
