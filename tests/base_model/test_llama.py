"""Step 0: which tokens of a document the base model learns."""

from pathlib import Path

import pytest
from conftest import Writer
from support.models import tiny

from ontarget import artifacts
from ontarget.base_model.documents import Document
from ontarget.errors import CorpusError
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import BaseSettings
from ontarget.recipe.yaml_file import load_recipe
from ontarget.records import Parallel
from ontarget.steps.s0_base import make_examples, run, shorten
from ontarget.training.batches.packing import prefix_shared
from ontarget.training.losses import IGNORE

DOCUMENTS = {
    "one": Document(context="ciao mondo\n", continuations=("hello\n", "hello world\n")),
    "two": Document(context="", continuations=("mondo\n",)),
}


def test_continuations_are_learned_and_contexts_are_not() -> None:
    loaded = tiny()
    one, two = make_examples(loaded, DOCUMENTS)
    for example, document in ((one, DOCUMENTS["one"]), (two, DOCUMENTS["two"])):
        for row, text in zip(example.rows, document.continuations, strict=True):
            context, learned = row.tokens[: row.prompt_tokens], row.tokens[row.prompt_tokens :]
            assert loaded.tokenizer.decode(list(context)) == document.context
            assert loaded.tokenizer.decode(list(learned[:-1])) == text
            assert learned[-1] == loaded.tokenizer.eos_token_id


def test_a_context_is_learned_on_request() -> None:
    loaded = tiny()
    document = Document(context="ciao\n", continuations=("hello\n",), learn_context=True)
    (example,) = make_examples(loaded, {"one": document})
    continuation, context = example.rows
    assert context.prompt_tokens == 0 < continuation.prompt_tokens
    assert loaded.tokenizer.decode(list(context.tokens[:-1])) == "ciao\n"


def test_continuations_share_their_context() -> None:
    loaded = tiny()
    one, _ = make_examples(loaded, DOCUMENTS)
    context = one.rows[0].tokens[: one.rows[0].prompt_tokens]
    apart = sum(len(row.tokens) for row in one.rows)
    batch = prefix_shared([one], loaded.pad, apart)
    # Except for its last token, which predicts the first token of each continuation.
    assert batch["input_ids"].numel() == apart - len(context) + 1
    learned = sum(len(row.tokens) - row.prompt_tokens for row in one.rows)
    assert (batch["labels"] != IGNORE).sum() == learned


def test_sequences_are_truncated() -> None:
    one, _ = make_examples(tiny(), DOCUMENTS)
    cut = shorten(one, 5)
    assert [row.tokens for row in cut.rows] == [row.tokens[:5] for row in one.rows]
    assert cut.length == 5 < one.length
    context = one.rows[0].prompt_tokens
    assert shorten(one, context + 1).length == context + 1
    assert shorten(one, context).rows == ()  # no label is left


def test_documents_without_anything_to_learn_are_an_error(
    write_recipe: Writer, tmp_path: Path
) -> None:
    texts = {code: f"{code} text " * 20 for code in ("en", "it", "nl")}
    artifacts.write_jsonl(tmp_path / "rows.jsonl", [Parallel(key="1", texts=texts)])
    scratch = {"steps": 2, "batch": 2, "micro_batch": 2, "max_tokens": 8}
    recipe = load_recipe(write_recipe(base={"scratch": scratch}))
    context = StepContext(
        settings=BaseSettings.of(recipe), inputs={"1_prepare": tmp_path}, out=tmp_path, start="",
        unfinished=tmp_path / "unfinished", logs=tmp_path / "logs", run_name="tiny", report_to=(),
        tell=lambda *_: None,
    )  # fmt: skip
    message = "base.scratch: no document has anything to learn within max_tokens 8; raise base"
    with pytest.raises(CorpusError, match=message):
        run(context)
