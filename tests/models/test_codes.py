"""New language codes for NLLB, mBART and Marian."""

import copy
from pathlib import Path

import pytest
import torch
from support.models import CODES, coder, tiny

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
        ("ita_Latn", "nld_Latn", "has ita_Latn already; leave it out"),
        ("lij_Latn", "fra_Latn", "has no code 'fra_Latn' to copy; name one that it has"),
        ("lij", "ita_Latn", "'lij' is not written as ita_Latn is; write it the same way"),
        ("li1_Latn", "ita_Latn", "'li1_Latn' is not written as ita_Latn is"),
    ],
)
def test_a_code_that_cannot_be_added_is_named(code: str, like: str, error: str) -> None:
    loaded = coded("M2M-100")
    size = len(loaded.tokenizer)
    with pytest.raises(ModelError, match=error):
        add_codes(loaded, {code: like})
    assert len(loaded.tokenizer) == size


def test_a_model_that_is_told_languages_in_words_gets_no_codes() -> None:
    with pytest.raises(ModelError, match="is told languages in words, not by code; name new lang"):
        add_codes(tiny(), {"lij_Latn": "ita_Latn"})
