"""Step 1: the corpus as samples; supervised directions to train on, all directions to test on."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ontarget import artifacts
from ontarget.data.cleaning.audit import AuditedCorpus, audit_corpus
from ontarget.data.cleaning.counts import summarise
from ontarget.data.cleaning.engines.local import engine_for
from ontarget.data.sampling import in_directions, samples_of
from ontarget.data.splits import Splits, missing_direction, open_splits
from ontarget.errors import CorpusError
from ontarget.models.special_tokens import special_tokens
from ontarget.recipe.corpus import (
    NO_ROWS,
    audit_of,
    check_held_out,
    check_monolingual,
    composed_splits,
    split_files,
)
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import PrepareSettings
from ontarget.records import Direction, Parallel, Sample

Context = StepContext[PrepareSettings]


def run(context: Context) -> dict[str, Any]:
    """Write `train.arrow`, `dev.jsonl`, `test.jsonl` and `monolingual.jsonl`.

    With rules of cleaning also `dropped.parquet` and `audit.json`; `rows.jsonl` if step 0 trains on
    rows. Training text is read as a stream, once, so its amount does not matter.

    Raises:
        CorpusError: a test or dev sentence is in training too, or a direction has no text.
    """
    settings, out = context.settings, context.out
    context.tell("reading the corpus", 0, 1)
    tokens = dropped_tokens(settings)
    splits = splits_of(settings, tokens)
    directions = settings.supervised + settings.zero_shot
    check_held_out(splits, directions)
    seen: Counter[Any] = Counter()
    rows = counted(splits.train, seen)
    if settings.scratch:
        rows = iter(written(list(rows), splits.glossary, out / "rows.jsonl"))
    audited = None
    if settings.corpus.clean is None:
        samples = samples_of(rows, settings.supervised)
    else:
        audited = audit(context, rows, splits, tokens)
        samples = kept_samples(audited, settings.supervised)
    trained = artifacts.write_arrow(out / "train.arrow", by_direction(samples, seen), Sample)
    monolingual = list(splits.monolingual)
    splits.check()
    check_complete(settings, seen, trained)
    check_monolingual(monolingual, settings.corpus.monolingual)
    counts = {"train": trained}
    for name, held_out in (("dev", splits.dev), ("test", splits.test)):
        counts[name] = artifacts.write_jsonl(
            out / f"{name}.jsonl", samples_of(held_out, directions)
        )
    artifacts.write_jsonl(out / "monolingual.jsonl", monolingual)
    sizes = {"train": seen["rows"], "dev": len(splits.dev), "test": len(splits.test)}
    result = {
        "samples": counts,
        "rows": sizes | ({"monolingual": len(monolingual)} if monolingual else {}),
        "dropped": dict(splits.dropped),
    }
    return result if audited is None else result | {"pairs": write_audit(audited, out)}


def dropped_tokens(settings: PrepareSettings) -> list[str]:
    """The special tokens of the model, if training text that has one is left out."""
    if settings.base is None or settings.base.model is None:
        return []
    from ontarget.models.loading import load_tokenizer

    tokenizer = load_tokenizer(settings.base.model, settings.base.revision)
    return list(special_tokens(tokenizer).values())


def splits_of(settings: PrepareSettings, tokens: list[str]) -> Splits:
    """The corpus, with streams to train on."""
    corpus = settings.corpus
    if corpus.phrasebook is not None:
        return composed_splits(corpus.phrasebook, settings.languages, settings.seed)
    files = split_files(corpus)
    return open_splits(files, settings.languages, tokens, filtered=corpus.clean is None)


def counted(rows: Iterable[Parallel], seen: Counter[Any]) -> Iterator[Parallel]:
    """The rows, counted as `rows`."""
    for row in rows:
        seen["rows"] += 1
        yield row


def by_direction(samples: Iterable[Sample], seen: Counter[Any]) -> Iterator[Sample]:
    """The samples, counted by direction."""
    for sample in samples:
        seen[Direction(sample.source_lang, sample.target_lang)] += 1
        yield sample


def written(rows: list[Parallel], glossary: list[Parallel], path: Path) -> list[Parallel]:
    """The rows, once they are written for step 0."""
    artifacts.write_jsonl(path, rows + glossary)
    return rows


def audit(
    context: Context, rows: Iterable[Parallel], splits: Splits, tokens: list[str]
) -> AuditedCorpus:
    """The training rows, audited by the rules of cleaning; a killed audit goes on."""
    settings = context.settings
    corpus, held_out = settings.corpus, [*splits.dev, *splits.test]
    size = sum(path.stat().st_size for path in corpus.files("train") if path.is_file())
    return audit_corpus(
        rows,
        audit_of(corpus, settings.languages, settings.supervised, held_out, tokens),
        context.unfinished,
        engine_for(size),
        lambda pairs: context.tell("pairs", pairs, 0),
    )


def kept_samples(audited: AuditedCorpus, supervised: tuple[Direction, ...]) -> Iterator[Sample]:
    """The pairs that are kept, in each supervised direction."""
    for pair in audited.kept():
        yield from in_directions(pair, supervised)


def write_audit(audited: AuditedCorpus, out: Path) -> dict[str, Any]:
    """Write `dropped.parquet` and `audit.json`; returns how many pairs were read and kept."""
    audited.write_dropped(out / "dropped.parquet")
    summary = summarise(audited)
    artifacts.write_json(out / "audit.json", asdict(summary))
    return {"read": summary.read, "kept": summary.kept, "dropped": summary.dropped}


def check_complete(settings: PrepareSettings, seen: Counter[Any], trained: int) -> None:
    """Raise CorpusError where there is nothing to train on, at all or in a direction."""
    if settings.trains and not trained:
        raise CorpusError(NO_ROWS)
    for direction in settings.supervised:
        if not seen[direction]:
            raise CorpusError(missing_direction("corpus.train", direction))
