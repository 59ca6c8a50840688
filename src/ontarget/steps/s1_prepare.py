"""Step 1: the corpus as samples; supervised directions to train on, all directions to test on."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ontarget import artifacts
from ontarget.data.cleaning.audit import AuditedCorpus, audit_corpus
from ontarget.data.cleaning.counts import AuditSummary, summarise
from ontarget.data.cleaning.engines import engine_of
from ontarget.data.instructions import (
    InstructionFiles,
    ListedConflicts,
    MixedInstructions,
    kept_instructions,
    mix_instructions,
)
from ontarget.data.mixing import copies, repeated
from ontarget.data.readers.sizes import estimated_rows
from ontarget.data.sampling import samples_of
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
from ontarget.recipe.sections.corpus import CorpusMixture, Instructions
from ontarget.recipe.step_context import StepContext, Tell
from ontarget.recipe.step_settings import Directions, PrepareSettings
from ontarget.records import Direction, Parallel, Sample
from ontarget.report.audit_page import render_audit

Context = StepContext[PrepareSettings]
AUDIT = "audit.json"


class Work(NamedTuple):
    """Who does the work of an audit, and who is told."""

    tell: Tell
    engine: str = "local"


def run(context: Context) -> dict[str, Any]:
    """Write `train.arrow`, `dev.jsonl`, `test.jsonl` and `monolingual.jsonl`.

    With rules of cleaning also `dropped.parquet`, `audit.json` and `audit.html`; `rows.jsonl` if
    step 0 trains on rows. Training text is read as a stream, once, so its amount does not matter.

    General instructions stand last in `train.arrow`, or alone; their conflicts are `listed.arrow`.

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
    result: dict[str, Any] = {}
    samples = training_samples(context, splits, tokens, seen)
    trained = write_training(samples, context, tokens, seen, result)
    monolingual = list(splits.monolingual)
    splits.check()
    check_complete(settings, seen, trained)
    check_monolingual(monolingual, settings.corpus.monolingual)
    artifacts.write_jsonl(out / "monolingual.jsonl", monolingual)
    result["samples"] = {"train": trained}
    for name, held_out in (("dev", splits.dev), ("test", splits.test)):
        written = artifacts.write_jsonl(out / f"{name}.jsonl", samples_of(held_out, directions))
        result["samples"][name] = written
    result["rows"] = {"train": seen["rows"], "dev": len(splits.dev), "test": len(splits.test)}
    if monolingual:
        result["rows"]["monolingual"] = len(monolingual)
    result["directions"] = {str(direction): seen[direction] for direction in trained_of(settings)}
    result["dropped"] = dict(splits.dropped)
    if isinstance(samples, AuditedCorpus):
        summary = write_audit(samples, context.run_name, out)
        counts = {"read": summary.read, "kept": summary.kept}
        result["pairs"] = counts | {"dropped": summary.dropped}
    return result


def training_samples(
    context: Context, splits: Splits, tokens: list[str], seen: Counter[Any]
) -> Iterable[Sample] | AuditedCorpus:
    """The samples to train on, or the audited pairs that they come from."""
    settings = context.settings
    rows = counted(splits.train, seen)
    if settings.scratch:
        rows = iter(written_rows(list(rows), splits.glossary, context.out / "rows.jsonl"))
    if settings.corpus.mix.only_instructions:
        return []
    if settings.corpus.clean is None:
        return samples_of(rows, settings.supervised)
    work = Work(context.tell, context.engine)
    return audit(settings, rows, splits, tokens, context.unfinished, work)


def write_training(
    samples: Iterable[Sample] | AuditedCorpus,
    context: Context,
    tokens: list[str],
    seen: Counter[Any],
    result: dict[str, Any],
) -> int:
    """Write `train.arrow`, mixed as the recipe says; counts directions, returns how many there are.

    A mix needs all samples at hand: they are written to a file beside, and read again.
    """
    settings, path = context.settings, context.out / "train.arrow"
    mix = settings.corpus.mix
    complete = path if mix == CorpusMixture() else context.unfinished / "complete.arrow"
    if isinstance(samples, AuditedCorpus):
        tables = samples.sample_tables(settings.supervised)
        artifacts.write_batches(complete, artifacts.schema_of(Sample), tables)
    else:
        artifacts.write_arrow(complete, samples, Sample)
    stored = artifacts.ArrowRecords(complete, Sample)
    if complete != path:
        taken = copies(stored.column("key"), directions_of(stored), mix, settings.seed)
        mixed: Iterable[Sample] = repeated(stored, taken.tolist())
        result["repeated"] = int(np.maximum(taken - 1, 0).sum())
        if mix.instructions is not None:
            found = instructions_to_mix(context, mix.instructions, tokens, int(taken.sum()))
            result["instructions"] = found.counts
            mixed = chain(mixed, found.samples)
            if found.with_conflicts:
                artifacts.write_arrow(context.out / "listed.arrow", found.listed, ListedConflicts)
        artifacts.write_arrow(path, mixed, Sample)
        stored = artifacts.ArrowRecords(path, Sample)
    seen.update(directions_of(stored))
    return len(stored)


def instructions_to_mix(
    context: Context, section: Instructions, tokens: list[str], translations: int
) -> MixedInstructions:
    """The general instructions for so many translation samples, or all if there are to be none.

    Raises:
        CorpusError: the ratio asks for none.
    """
    corpus = context.settings.corpus
    files = InstructionFiles(
        corpora=section.files, max_characters=corpus.max_characters, special_tokens=tokens
    )
    if section.ratio is None:  # all of them are counted before any is written: they are read twice
        wanted = corpus.mix.total or sum(1 for _ in kept_instructions(files, Counter()))
    elif not (wanted := round(section.ratio * translations)):
        raise CorpusError(
            f"corpus.mix.instructions.ratio: {section.ratio:g} of {translations} translation "
            "samples is less than one instruction; raise it"
        )
    return mix_instructions(files, wanted, context.settings.seed, context.unfinished)


def trained_of(settings: PrepareSettings) -> Directions:
    """The directions that are trained: none on general instructions alone."""
    return () if settings.corpus.mix.only_instructions else settings.supervised


def directions_of(samples: artifacts.ArrowRecords[Sample]) -> Iterator[Direction]:
    """The direction of each sample."""
    return map(Direction, samples.column("source_lang"), samples.column("target_lang"))


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


def written_rows(rows: list[Parallel], glossary: list[Parallel], path: Path) -> list[Parallel]:
    """The rows, once they are written for step 0."""
    artifacts.write_jsonl(path, rows + glossary)
    return rows


def audit(  # noqa: PLR0913 - what is audited, for what, where and by whom
    settings: PrepareSettings,
    rows: Iterable[Parallel],
    splits: Splits,
    tokens: list[str],
    folder: Path,
    work: Work,
) -> AuditedCorpus:
    """The training rows, audited by the rules of cleaning; `folder` keeps finished shards."""
    corpus, held_out = settings.corpus, [*splits.dev, *splits.test]
    files = corpus.files("train")
    size = sum(path.stat().st_size for path in files if path.is_file())
    wanted = audit_of(corpus, settings.languages, settings.supervised, held_out, tokens)
    total = estimated_rows(files) * len(wanted.pairs)  # at most: a row may lack a language
    return audit_corpus(
        rows,
        wanted,
        folder,
        engine_of(work.engine, size),
        lambda pairs: work.tell("pairs", pairs, max(pairs, total) if total else 0),
    )


def write_audit(audited: AuditedCorpus, title: str, out: Path) -> AuditSummary:
    """Write `dropped.parquet`, `audit.json` and `audit.html`."""
    audited.write_dropped(out / "dropped.parquet")
    summary = summarise(audited)
    artifacts.write_json(out / AUDIT, asdict(summary))
    (out / "audit.html").write_text(render_audit(summary, title), encoding="utf-8")
    return summary


def check_complete(settings: PrepareSettings, seen: Counter[Any], trained: int) -> None:
    """Raise CorpusError where there is nothing to train on, at all or in a direction."""
    if settings.trains and not trained:
        raise CorpusError(NO_ROWS)
    for direction in trained_of(settings):
        if not seen[direction]:
            raise CorpusError(missing_direction("corpus.train", direction))
