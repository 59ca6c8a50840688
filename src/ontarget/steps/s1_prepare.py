"""Step 1: the corpus as samples; supervised directions to train on, all directions to test on."""

from typing import Any

from ontarget import artifacts
from ontarget.data.sampling import samples_of
from ontarget.models.special_tokens import special_tokens
from ontarget.recipe.corpus import check_splits, drop_special_tokens, read_corpus
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import PrepareSettings


def run(context: StepContext[PrepareSettings]) -> dict[str, Any]:
    """Write `train.jsonl`, `dev.jsonl`, `test.jsonl` and `monolingual.jsonl`.

    `rows.jsonl` too, if step 0 trains on rows.

    Raises:
        CorpusError: a test or dev sentence is in training too, or a direction has no text.
    """
    settings = context.settings
    context.tell("reading the corpus", 0, 1)
    splits = read_corpus(settings.corpus, settings.languages, settings.seed)
    if settings.base is not None and settings.base.model is not None:
        from ontarget.models.loading import load_tokenizer

        tokenizer = load_tokenizer(settings.base.model, settings.base.revision)
        splits = drop_special_tokens(splits, special_tokens(tokenizer).values())
    check_splits(
        splits,
        settings.supervised,
        settings.zero_shot,
        trains=settings.trains,
        monolingual=settings.corpus.monolingual,
    )
    directions = settings.supervised + settings.zero_shot
    counts = {}
    for name, rows, needed in (
        ("train", splits.train, settings.supervised),
        ("dev", splits.dev, directions),
        ("test", splits.test, directions),
    ):
        samples = samples_of(rows, needed)
        counts[name] = artifacts.write_jsonl(context.out / f"{name}.jsonl", samples)
    artifacts.write_jsonl(context.out / "monolingual.jsonl", splits.monolingual)
    if settings.scratch:
        artifacts.write_jsonl(context.out / "rows.jsonl", splits.train + splits.glossary)
    sizes = {"train": len(splits.train), "dev": len(splits.dev), "test": len(splits.test)}
    if splits.monolingual:
        sizes["monolingual"] = len(splits.monolingual)
    return {"samples": counts, "rows": sizes, "dropped": splits.dropped}
