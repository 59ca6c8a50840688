"""Folders that `Dataset.save_to_disk` wrote, and Arrow files, through a memory map."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from ontarget.data.readers.base import Entry, Reader, Record, Row, Source
from ontarget.data.readers.shapes.records import read_records, tags_of_table
from ontarget.errors import CorpusError, error_text

ROWS_AT_ONCE = 1000
LARGEST_INDEX = 1 << 24  # bytes of a JSON file that lists others
STATE, SPLITS = "state.json", "dataset_dict.json"
FILE_FORMAT = b"ARROW1"  # the first bytes of a file with an index; a stream has none


def is_saved(folder: Path) -> bool:
    """Whether `save_to_disk` wrote this folder."""
    return (folder / STATE).is_file() or (folder / SPLITS).is_file()


def tags(source: Source) -> list[str]:
    """The languages of the rows."""
    return tags_of_table(source, records)


def read(source: Source, wanted: Collection[str]) -> Iterator[Row]:
    """(key, texts of `wanted`) of each row.

    Raises:
        CorpusError: a file is missing or damaged, or several splits are saved and none is chosen.
    """
    return read_records(source, records, wanted)


def records(source: Source) -> Iterator[Record]:
    """The rows of all files, in order."""
    (path,) = source.paths
    number = 0
    for file in data_files(path, source.entry) if path.is_dir() else [path]:
        for row in rows_of(file):
            number += 1
            yield f"{file}: row {number}", f"{source.name}:{number}", row


def data_files(folder: Path, entry: Entry) -> list[Path]:
    """The Arrow files of a saved dataset, or of one split of a saved dictionary.

    Raises:
        CorpusError: the folder is incomplete, or its split is not chosen.
    """
    if (folder / SPLITS).is_file():
        splits = names_in(folder / SPLITS, "splits")
        chosen = entry.split or (splits[0] if len(splits) == 1 else None)
        if chosen not in splits:
            raise CorpusError(
                f"{folder}: has the splits {', '.join(splits)}; choose one with `split: "
                f"{splits[0] if splits else 'train'}`"
            )
        folder /= chosen
    return [folder / name for name in names_in(folder / STATE, "_data_files")]


def names_in(index: Path, key: str) -> list[str]:
    """The names of files or folders that a JSON file lists; all are beside it.

    Raises:
        CorpusError: it is damaged, or a name leads elsewhere.
    """
    try:
        with index.open("rb") as stream:
            content = json.loads(stream.read(LARGEST_INDEX))
        items = [item["filename"] if isinstance(item, dict) else item for item in content[key]]
        names = [Path(item).name for item in items]
    except OSError as error:
        raise CorpusError(
            f"{index}: {error.strerror}; give the folder that save_to_disk wrote"
        ) from error
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise CorpusError(f"{index}: does not list {key}; save the dataset again") from error
    outside = [item for item in items if item not in names or item in ("", "..")]
    links = [name for name in names if (index.parent / name).is_symlink()]
    if outside or links:
        raise CorpusError(
            f"{index}: lists {str((outside + links)[0])[:80]!r}, which is not a file beside it; "
            "save the dataset again"
        )
    return names


def rows_of(file: Path) -> Iterator[dict[str, Any]]:
    """The rows of an Arrow file, in either form.

    Raises:
        CorpusError: it is missing or damaged.
    """
    import pyarrow as pa

    number = 0
    try:
        with pa.memory_map(str(file)) as content:
            for batch in batches(content):
                batch.validate(full=True)  # before any of its offsets is followed
                for start in range(0, batch.num_rows, ROWS_AT_ONCE):
                    for row in batch.slice(start, ROWS_AT_ONCE).to_pylist():
                        number += 1
                        yield row
    except (pa.lib.ArrowException, OSError, ValueError, ArithmeticError, LookupError) as error:
        raise CorpusError(
            f"{file}: cannot be read as Arrow after row {number} ({error_text(error)[:160]}); "
            "write or fetch it again"
        ) from error


def batches(content: Any) -> Iterator[Any]:
    """The record batches of a file or stream."""
    import pyarrow as pa

    indexed = content.read(len(FILE_FORMAT)) == FILE_FORMAT
    content.seek(0)
    if indexed:
        reader: Any = pa.ipc.open_file(content)
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:
        yield from pa.ipc.open_stream(content)


READER = Reader(
    name="arrow",
    endings=(".arrow",),
    tags=tags,
    read=read,
    records=records,
    keys=("fields", "split"),
)
