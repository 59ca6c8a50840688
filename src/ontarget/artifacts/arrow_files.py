"""Records as Arrow files, read through a memory map, so that their number costs no memory.

The files are Arrow streams, as `datasets.Dataset.from_file` reads them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from ontarget.errors import ArtifactError, error_text

Record = TypeVar("Record")
ROWS_AT_ONCE = 10_000  # of a record batch


def write_arrow(path: Path, records: Iterable[Any], kind: type) -> int:
    """Dataclass records of one kind, whose fields are text; returns their number."""
    import pyarrow as pa

    schema = schema_of(kind)
    values = attrgetter(*schema.names)
    rows = iter(records)

    def batches() -> Iterator[Any]:
        while chunk := list(islice(rows, ROWS_AT_ONCE)):
            columns = zip(*map(values, chunk), strict=True)
            yield pa.record_batch([pa.array(c, pa.string()) for c in columns], schema)

    return write_batches(path, schema, batches())


def schema_of(kind: type) -> Any:
    """The schema of records of a kind: a column of text a field."""
    import pyarrow as pa

    return pa.schema([(field.name, pa.string()) for field in fields(kind)])


def write_batches(path: Path, schema: Any, batches: Iterable[Any]) -> int:
    """Record batches or tables of one schema; returns their number of rows."""
    import pyarrow as pa

    count = 0
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as out:
        for batch in batches:
            out.write(batch)
            count += len(batch)
    return count


class ArrowRecords(Sequence[Record], Generic[Record]):
    """The records of an Arrow file, each made when it is asked for.

    Raises:
        ArtifactError: the file is missing or damaged, or holds records of another kind.
    """

    def __init__(self, path: Path, kind: type[Record]) -> None:
        import pyarrow as pa

        self.kind = kind
        try:
            self.table: Any = pa.ipc.open_stream(pa.memory_map(str(path))).read_all()
        except (pa.lib.ArrowException, OSError) as error:
            raise ArtifactError(
                f"{path}: cannot be read ({error_text(error)}); run the step that writes it"
            ) from error
        names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        if self.table.column_names != names:
            raise ArtifactError(
                f"{path}: holds no {kind.__name__} records; remove its folder and run again"
            )

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[Record]:
        for batch in self.table.to_batches():
            for row in batch.to_pylist():
                yield self.kind(**row)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if isinstance(index, slice):
            return self.take(range(len(self))[index])
        (record,) = self.take([range(len(self))[index]])
        return record

    def take(self, indices: Sequence[int]) -> list[Record]:
        """The records at these places, in this order."""
        import pyarrow as pa

        places = pa.array(indices, pa.int64())
        return [self.kind(**row) for row in self.table.take(places).to_pylist()]

    def column(self, name: str) -> Iterator[str]:
        """One field of all records."""
        for chunk in self.table.column(name).chunks:
            yield from chunk.to_pylist()
