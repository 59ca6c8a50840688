"""New language codes for NLLB, mBART and Marian."""

import copy
from pathlib import Path

import pytest
import torch
import transformers as hf
from support.models import CODER_SIZES, CODES, coder, tiny

from ontarget.errors import ModelError
from ontarget.models.codes import add_codes
from ontarget.models.loading import LoadedModel, load_model, save_model
from ontarget.models.prompting import build_prompts, language_codes
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.records import Sample

PLAIN = PromptFormat(template=TEMPLATES["plain"])
NEW = {"M2M-100": ("lij_Latn", "ita_Latn"), "Marian": (">>lij<<", ">>ita<<")}
families = pytest.mark.parametrize("family", CODES)


def coded(family: str) -> LoadedModel:
    """A model with a tokenizer of its own: others share one."""
    loaded = coder(family)
    return LoadedModel(loaded.model, copy.deepcopy(loaded.tokenizer))


def request(language: str) -> Sample:
    return Sample(
        key="k", source_lang="nl", asked_lang=language, target_lang=language,
        source="hallo", target="ciao",
    )  # fmt: skip


def logits(loaded: LoadedModel, language: str) -> torch.Tensor:
    """Of the tokens after the prompt that requests a language."""
    (prompt,) = build_prompts(loaded, [request(language)], PLAIN)
    with torch.no_grad():
        output = loaded.model(
            input_ids=torch.tensor([prompt.encoder]),
            decoder_input_ids=torch.tensor([prompt.tokens]),
        )
    row: torch.Tensor = output.logits[0, -1]
    return row


@families
def test_a_new_code_translates_as_the_one_that_it_was_copied_from(family: str) -> None:
    loaded = coded(family)
    before = logits(loaded, "it")
    new, like = NEW[family]
    add_codes(loaded, {new: like})
    after = logits(loaded, "lij")
    torch.testing.assert_close(after, logits(loaded, "it"))
    torch.testing.assert_close(after[: len(before)], before)  # nothing else has changed
    ids = loaded.tokenizer.convert_tokens_to_ids([new, like])
    assert ids[0] != ids[1] and after[ids[0]].item() == pytest.approx(after[ids[1]].item())
    assert not torch.allclose(logits(loaded, "nl"), after)


@families
def test_a_saved_model_keeps_its_new_codes(family: str, tmp_path: Path) -> None:
    loaded = coded(family)
    new, like = NEW[family]
    add_codes(loaded, {new: like})
    save_model(loaded, tmp_path)
    again = load_model(str(tmp_path))
    assert new in language_codes(again)
    torch.testing.assert_close(logits(again, "lij"), logits(again, "it"))
    assert again.model.get_input_embeddings().num_embeddings == len(again.tokenizer)


@pytest.mark.parametrize(
    ("code", "like", "error"),
    [
        ("ita_Latn", "nld_Latn", "ita_Latn: the model has ita_Latn for that language; leave it"),
        ("it_Latn", "nld_Latn", "it_Latn: the model has ita_Latn for that language; leave it out"),
        ("lij_Latn", "fra_Latn", "has no code 'fra_Latn' to copy; name one that it has"),
        ("<lij>", "<s>", "has no code '<s>' to copy; name one that it has"),
        ("lij", "ita_Latn", "'lij' is not written as the model's codes are, such as ita_Latn"),
        ("li1_Latn", "ita_Latn", "'li1_Latn' is not written as the model's codes are"),
        ("лиж_Латн", "ita_Latn", "'лиж_Латн' is not written as the model's codes are"),
    ],
)
def test_a_code_that_cannot_be_added_is_named(code: str, like: str, error: str) -> None:
    loaded = coded("M2M-100")
    size = len(loaded.tokenizer)
    with pytest.raises(ModelError, match=error):
        add_codes(loaded, {code: like})
    assert len(loaded.tokenizer) == size


@pytest.mark.parametrize("targets", [20, 90], ids=["fewer target tokens", "more target tokens"])
def test_a_vocabulary_of_the_decoders_own_is_left_as_it_is(targets: int) -> None:
    """Marian reads a code in the encoder only."""
    torch.manual_seed(0)
    words = coded("Marian").tokenizer
    config = hf.MarianConfig(
        **CODER_SIZES | {"vocab_size": len(words), "decoder_vocab_size": targets},
        share_encoder_decoder_embeddings=False, tie_word_embeddings=False,
    )  # fmt: skip
    loaded = LoadedModel(hf.MarianMTModel(config).eval(), words)
    before = {name: weight.clone() for name, weight in loaded.model.state_dict().items()}
    add_codes(loaded, {">>lij<<": ">>ita<<"})
    after = loaded.model.state_dict()
    changed = {name for name, weight in before.items() if not torch.equal(weight, after[name])}
    assert changed == {"model.encoder.embed_tokens.weight"}
    encoder = after["model.encoder.embed_tokens.weight"]
    new, like = words.convert_tokens_to_ids([">>lij<<", ">>ita<<"])
    assert torch.equal(encoder[:new], before["model.encoder.embed_tokens.weight"])
    assert torch.equal(encoder[new], encoder[like])


def test_a_model_that_is_told_languages_in_words_gets_no_codes() -> None:
    with pytest.raises(ModelError, match="is told languages in words, not by code; name new lang"):
        add_codes(tiny(), {"lij_Latn": "ita_Latn"})
