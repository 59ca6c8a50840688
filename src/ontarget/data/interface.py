"""Corpora as `datasets.Dataset`, read and cleaned, without a recipe.

    from ontarget.data import Rules, audit, clean, read

    pairs = read("train.tsv")                    # one row a pair: key, languages, source, target
    kept = clean(pairs, Rules(near_duplicates=0.9))
    found = audit(pairs)                         # all pairs, each with the reason to drop it

A dataset has the columns of `records.Sample`. It is a file in a temporary folder, which is read
through a memory map and removed when Python ends, so its size hardly matters.
"""

import atexit
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ontarget.artifacts import schema_of, write_arrow, write_batches
from ontarget.data import readers
from ontarget.data.cleaning.audit import AuditedCorpus, audit_corpus
from ontarget.data.cleaning.engines.base import ThisProcess
from ontarget.data.cleaning.engines.local import Processes
from ontarget.data.cleaning.rows import Audit, held_out_fingerprints
from ontarget.data.cleaning.rules import Cascade, Rules, explain
from ontarget.data.directions import around_pivot, parse_directions, undirected
from ontarget.data.readers.base import Entry
from ontarget.data.sampling import samples_of
from ontarget.errors import CorpusError, RecipeError
from ontarget.languages.names import is_known
from ontarget.languages.tags import standard
from ontarget.records import Direction, Parallel, Sample, corpus_row

if TYPE_CHECKING:
    from datasets import Dataset  # type: ignore[attr-defined]

Corpus = Path | str | Entry
GivenRules = Rules | Mapping[str, Any] | None
NEEDED = ("source_lang", "target_lang", "source", "target")  # columns of pairs


def read(
    corpora: Corpus | Sequence[Corpus],
    *,
    languages: Sequence[str] | None = None,
    directions: Sequence[str] | None = None,
) -> "Dataset":
    """The pairs of corpora, one row each, with the columns of `Sample`.

    Args:
        corpora: paths, globs, folders, names such as `hf:org/name`, or `Entry` records.
        languages: the languages to read, the pivot first; None: all that the corpora have.
        directions: `en-it`, or `en<->it` for both ways; None: from the first language into each
            other one.

    Raises:
        CorpusError: a corpus cannot be read, or has no pair.
        ValueError: a direction is not between the languages.
    """
    entries = [corpora] if isinstance(corpora, Path | str | Entry) else list(corpora)
    codes = list(languages) if languages is not None else languages_of(entries)
    if len(codes) < 2:
        raise CorpusError(
            f"{', '.join(map(str, entries))}: has text in {', '.join(codes) or 'no language'} only;"
            " a pair needs two languages"
        )
    chosen = parse_directions(directions, codes) if directions else undirected(around_pivot(codes))
    rows = (row for entry in entries for row in readers.read(entry, codes))
    dataset = as_dataset(samples_of(rows, chosen))
    if not len(dataset):
        raise CorpusError(
            f"{', '.join(map(str, entries))}: no row has both languages of "
            f"{', '.join(map(str, chosen))}; give other directions"
        )
    return dataset


def languages_of(entries: Sequence[Corpus]) -> list[str]:
    """The languages that corpora have text in, by their shortest codes, in order."""
    tags = (tag for entry in entries for tag in readers.columns(entry))
    return list(dict.fromkeys(standard(tag) for tag in tags if is_known(standard(tag))))


def clean(dataset: "Dataset", rules: GivenRules = None, **options: Any) -> "Dataset":
    """The pairs that break no rule; the other arguments are those of `audit`.

    Raises:
        CorpusError: the dataset lacks a column, or texts of one row contradict each other.
    """
    from datasets import Dataset  # type: ignore[attr-defined]

    path = temporary_file()
    tables = audited(dataset, rules, **options).sample_tables(directions_of(dataset))
    write_batches(path, schema_of(Sample), tables)
    return Dataset.from_file(str(path))


def audit(dataset: "Dataset", rules: GivenRules = None, **options: Any) -> "Dataset":
    """All pairs with the first rule that each breaks (`reason`, "" for none) and what is wrong.

    Other columns than those of pairs are left out.

    Args:
        dataset: columns source_lang, target_lang, source, target, and key if there is one.
        rules: `Rules`, a `Cascade` of them, or a mapping as in a recipe; None: the defaults.
        held_out: datasets of pairs or single texts of dev and test, none of which may be in the
            pairs.
        special_tokens: tokens of a model that no text may have.
        pivot: the language whose text counts as the original; None: the first pair's source.
        workers: processes; the result does not depend on their number.

    Raises:
        CorpusError: the dataset lacks a column, or texts of one row contradict each other.
        RecipeError: a rule is unknown, or has a wrong value.
    """
    import pyarrow as pa
    from datasets import Dataset  # type: ignore[attr-defined]

    path = temporary_file()
    columns = ["key", *NEEDED, "reason", "detail"]
    schema = pa.schema([(name, pa.string()) for name in columns])
    found = audited(dataset, rules, **options)
    write_batches(path, schema, (table.select(columns) for table in found.tables()))
    return Dataset.from_file(str(path))


def audited(  # noqa: PLR0913 - what `audit` documents
    dataset: "Dataset",
    rules: GivenRules = None,
    *,
    held_out: "Sequence[Dataset | str]" = (),
    special_tokens: Sequence[str] = (),
    pivot: str | None = None,
    workers: int = 1,
) -> AuditedCorpus:
    """The audit of a dataset's pairs."""
    directions = undirected(directions_of(dataset))
    cascade = cascade_of(rules)
    settings = Audit(
        pairs=directions,
        pivot=pivot or directions[0].source_lang,
        cascade=cascade,
        held_out=held_out_fingerprints(held_out_rows(held_out)),
        special_tokens=tuple(special_tokens),
    )
    engine = Processes(workers) if workers > 1 else ThisProcess()
    return audit_corpus(rows_of(dataset), settings, temporary_folder(), engine)


def directions_of(dataset: "Dataset") -> list[Direction]:
    """The directions that a dataset has, in order.

    Raises:
        CorpusError: it lacks a column, or has no rows.
    """
    missing = [name for name in NEEDED if name not in dataset.column_names]
    if missing:
        raise CorpusError(
            f"the dataset has no column {missing[0]!r} among {', '.join(dataset.column_names)}; "
            f"pairs need {', '.join(NEEDED)}, as `ontarget.data.read` makes them"
        )
    columns = dataset.select_columns(["source_lang", "target_lang"])
    found = (Direction(row["source_lang"], row["target_lang"]) for row in columns)
    directions = list(dict.fromkeys(found))
    if not directions:
        raise CorpusError("the dataset has no rows; give one with pairs")
    return directions


def cascade_of(rules: GivenRules) -> Cascade:
    """The rules that a caller gives as a `Cascade`.

    Raises:
        RecipeError: one is unknown, or has a wrong value.
    """
    if isinstance(rules, Cascade):
        return rules
    if isinstance(rules, Rules):
        return Cascade(**rules.model_dump())
    try:
        return Cascade(**(rules or {}))
    except ValidationError as error:
        raise RecipeError(f"rules: {explain(error)}") from error


def rows_of(dataset: "Dataset") -> Iterator[Parallel]:
    """The rows of parallel text that pairs were made from: those of one row stand together.

    Raises:
        CorpusError: two pairs of a row have different texts in one language.
    """
    for key, pairs in groupby(keyed(dataset), key=lambda pair: pair[0]):
        texts: dict[str, str] = {}
        seen: set[tuple[str, str]] = set()
        for _, pair in pairs:
            direction = (pair["source_lang"], pair["target_lang"])
            if direction in seen:  # the same pair twice under one key
                yield Parallel(key=key, texts=texts)
                texts, seen = {}, set()
            seen.add(direction)
            for side in ("source", "target"):
                language, text = pair[f"{side}_lang"], pair[side]
                if not isinstance(text, str):
                    raise CorpusError(f"{key}: the {side} is {text!r}, no text; leave the pair out")
                if texts.setdefault(language, text) != text:
                    raise CorpusError(
                        f"{key}: has two texts in {language}; give each pair a key of its own"
                    )
        yield Parallel(key=key, texts=texts)


def keyed(dataset: "Dataset") -> Iterator[tuple[str, dict[str, Any]]]:
    """(key of the row, pair): `train.tsv:17` of `train.tsv:17/en-it`; the number without keys."""
    for number, pair in enumerate(dataset):
        key = pair.get("key")
        yield (f"dataset:{number}" if key is None else corpus_row(str(key))), pair


def held_out_rows(held_out: "Sequence[Dataset | str]") -> Iterator[Parallel]:
    """Texts of dev and test as rows."""
    for item in held_out:
        if isinstance(item, str) and Path(item[:255]).is_file():
            raise ValueError(f"held_out: {item} is a file, not a text; give read({item!r})")
        if isinstance(item, str):
            yield Parallel(key="held out", texts={"": item})
        else:
            yield from rows_of(item)


def as_dataset(samples: Iterable[Sample]) -> "Dataset":
    """Samples as a dataset."""
    from datasets import Dataset  # type: ignore[attr-defined]

    path = temporary_file()
    write_arrow(path, samples, Sample)
    return Dataset.from_file(str(path))


def temporary_file() -> Path:
    """A file that is removed when Python ends."""
    return temporary_folder() / "data.arrow"


def temporary_folder() -> Path:
    """A folder that is removed when Python ends."""
    folder = Path(mkdtemp(prefix="ontarget-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
