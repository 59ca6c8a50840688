"""Laws of step 0: what of a document its model learns, and how much of it."""

from pathlib import Path

import pytest
from conftest import Writer
from support.models import tiny

from ontarget.base_model.documents import Document
from ontarget.errors import CorpusError
from ontarget.recipe.yaml_file import load_recipe
from ontarget.steps.s0_base import examples, run, shortened
from ontarget.training.losses import IGNORE
from ontarget.training.packing import prefix_shared

READ = {
    "one": Document(context="ciao mondo\n", continuations=("hello\n", "hello world\n")),
    "two": Document(context="", continuations=("mondo\n",)),
}


def test_what_follows_a_context_is_learned_and_the_context_is_not() -> None:
    loaded = tiny()
    one, two = examples(loaded, READ)
    for example, document in ((one, READ["one"]), (two, READ["two"])):
        for row, text in zip(example.rows, document.continuations, strict=True):
            silent, learned = row.tokens[: row.prompt_tokens], row.tokens[row.prompt_tokens :]
            assert loaded.tokenizer.decode(list(silent)) == document.context
            assert loaded.tokenizer.decode(list(learned[:-1])) == text
            assert learned[-1] == loaded.tokenizer.eos_token_id


def test_a_context_that_opens_is_learned_by_itself() -> None:
    loaded = tiny()
    read = {"one": Document(context="ciao\n", continuations=("hello\n",), opens=True)}
    (one,) = examples(loaded, read)
    followed, alone = one.rows
    assert alone.prompt_tokens == 0 < followed.prompt_tokens
    assert loaded.tokenizer.decode(list(alone.tokens[:-1])) == "ciao\n"


def test_a_context_stands_once_before_all_that_may_follow_it() -> None:
    loaded = tiny()
    one, _ = examples(loaded, READ)
    context = one.rows[0].tokens[: one.rows[0].prompt_tokens]
    apart = sum(len(row.tokens) for row in one.rows)
    batch = prefix_shared([one], loaded.pad, apart)
    # All but its last token, which each of the two texts has before it: that one predicts.
    assert batch["input_ids"].numel() == apart - len(context) + 1
    learned = sum(len(row.tokens) - row.prompt_tokens for row in one.rows)
    assert (batch["labels"] != IGNORE).sum() == learned


def test_sequences_are_cut_at_so_many_tokens() -> None:
    one, _ = examples(tiny(), READ)
    cut = shortened(one, 5)
    assert [row.tokens for row in cut.rows] == [row.tokens[:5] for row in one.rows]
    assert cut.length == 5 < one.length
    context = one.rows[0].prompt_tokens
    assert shortened(one, context + 1).length == context + 1
    assert shortened(one, context).rows == ()  # nothing that follows is left


def test_documents_that_leave_nothing_to_learn_are_one_line(
    write_recipe: Writer, tmp_path: Path
) -> None:
    files = {}
    for name in ("train", "dev", "test"):
        texts = "\t".join(f"{code} {name} " * 20 for code in ("en", "it", "nl"))
        (tmp_path / f"{name}.tsv").write_text(f"en\tit\tnl\n{texts}\n")
        files[name] = str(tmp_path / f"{name}.tsv")
    scratch = {"steps": 2, "batch": 2, "micro_batch": 2, "max_tokens": 8}
    recipe = load_recipe(write_recipe(corpus=files, base={"scratch": scratch}))
    with pytest.raises(CorpusError) as raised:
        run(recipe, tmp_path, lambda *_: None)
    assert str(raised.value) == (
        f"{recipe.out}: no document has anything to learn within max_tokens 8; "
        "raise base.scratch.max_tokens"
    )
