"""Datasets of the Hugging Face Hub, as streams: nothing is stored, and no code of theirs runs.

`hf:org/name` names one. Several configurations, `config: eng_Latn,ita_Latn`, are one language each,
with the sentence in a column `text` (or `fields: {text: ...}`) and a common column `id`.
"""

import re
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from typing import Any

from ontarget.data.readers.base import Entry, Reader, Record, Row, Source
from ontarget.data.readers.shapes.records import read_records, tags_of_table
from ontarget.errors import CorpusError, error_text

PREFIX = "hf:"
SAMPLED_ROWS = 1000  # in which every language is expected to occur
ID, TEXT = "id", "text"


def source_of(entry: Entry) -> Source:
    """The dataset that an entry names.

    Raises:
        CorpusError: the name is not that of a dataset.
    """
    name = entry.path.removeprefix(PREFIX)
    if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name):
        raise CorpusError(
            f"{entry.path}: is no name of a dataset; expected hf:ORGANISATION/NAME, and `config` "
            "and `split` beside it"
        )
    return Source(name=name, paths=(), entry=entry)


def tags(source: Source) -> list[str]:
    """The languages of the first rows."""
    return tags_of_table(source, lambda source: islice(records(source), SAMPLED_ROWS))


def read(source: Source, wanted: Collection[str]) -> Iterator[Row]:
    """(key, texts of `wanted`) of each row.

    Raises:
        CorpusError: there is no such dataset, configuration or split, or it cannot be reached.
    """
    return read_records(source, records, wanted)


def records(source: Source) -> Iterator[Record]:
    """The rows of the dataset, or those of several configurations side by side."""
    configs = (source.entry.config or "").split(",")
    with one_line_errors(source):
        streams = [stream(source, config.strip() or None) for config in configs]
        for number, rows in enumerate(zip(*streams, strict=True), start=1):
            place = f"{PREFIX}{source.name}: row {number}"
            row = rows[0] if len(rows) == 1 else joined(source, configs, rows, place)
            yield place, f"{source.name}:{number}", row


def joined(
    source: Source, configs: list[str], rows: tuple[dict[str, Any], ...], place: str
) -> dict[str, Any]:
    """One row of several configurations.

    Raises:
        CorpusError: their identifiers differ, or one has no text.
    """
    column = source.entry.fields.get(TEXT, TEXT)
    if len({row.get(ID) for row in rows}) != 1:
        raise CorpusError(f"{place}: has another {ID!r} in each configuration; read them alone")
    if missing := [row for row in rows if column not in row]:
        raise CorpusError(
            f"{place}: has no column {column!r} among {', '.join(missing[0])[:200]}; name the "
            "column with `fields: {text: ...}`"
        )
    texts = {config.strip(): row[column] for config, row in zip(configs, rows, strict=True)}
    return {"translation": texts}


def stream(source: Source, config: str | None) -> Any:
    """The rows of one configuration.

    Raises:
        CorpusError: it has several splits and none is chosen.
    """
    datasets: Any = import_module("datasets")
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    entry = source.entry
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries about themselves
        found = datasets.load_dataset(
            source.name, config, split=entry.split, revision=entry.revision, streaming=True
        )
    if isinstance(found, dict):
        if len(found) != 1:
            raise CorpusError(
                f"{PREFIX}{source.name}: has the splits {', '.join(found)}; choose one with "
                "`split: train`"
            )
        (found,) = found.values()
    return found


@contextmanager
def one_line_errors(source: Source) -> Iterator[None]:
    """What `datasets` raises, as CorpusError."""
    try:
        yield
    except CorpusError:
        raise
    except ImportError as error:
        raise CorpusError(
            f"{PREFIX}{source.name}: {error.name} is not installed; pip install datasets"
        ) from error
    except ConnectionError as error:
        raise CorpusError(
            f"{PREFIX}{source.name}: the Hub cannot be reached ({error_text(error)[:160]}); go "
            f"online, or fetch it with `hf download --repo-type dataset {source.name} --local-dir "
            f"{source.name}` into the folder that you start from"
        ) from error
    # Readers of any format and any server are behind it; each has its own exceptions.
    except Exception as error:
        raise CorpusError(
            f"{PREFIX}{source.name}: cannot be read ({error_text(error)[:300]}); see "
            f"https://huggingface.co/datasets/{source.name}"
        ) from error


READER = Reader(
    name="huggingface",
    endings=(),
    tags=tags,
    read=read,
    records=records,
    keys=("fields", "config", "split", "revision"),
)
