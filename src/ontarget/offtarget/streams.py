"""Streams of texts, sources and references, checked, as the chunks that a detector is given."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

CHUNK = 1000  # segments given to a detector at once


def chunks_of(
    rows: Iterator[tuple[Any, ...]], *, has_sources: bool, has_references: bool
) -> Iterator[tuple[Any, Any, Any]]:
    """Rows as columns of texts, sources and references, `CHUNK` at a time."""
    while chunk := list(islice(rows, CHUNK)):
        columns = iter(zip(*chunk, strict=True))
        check_texts(chunk)
        yield (
            next(columns),
            next(columns) if has_sources else [None] * len(chunk),
            next(columns) if has_references else [()] * len(chunk),
        )


def check_lists(**lists: object) -> None:
    """Raise TypeError for a single text where a list of texts is expected."""
    for name, value in lists.items():
        if isinstance(value, str | bytes):
            raise TypeError(f"{name} is one text; give a list of texts, [{name}]")


def check_texts(rows: Sequence[tuple[Any, ...]]) -> None:
    """Raise TypeError for an item that is no text, as a table's missing value.

    A row is a text, and perhaps its source and the references of it.
    """
    for row in rows:
        for item in row:
            texts = (item,) if isinstance(item, str) or not isinstance(item, Collection) else item
            for text in texts:
                if not isinstance(text, str):
                    raise TypeError(
                        f'a segment is {type(text).__name__}, not text; give "" where it is empty, '
                        "and an Arrow column's to_pylist()"
                    )


def zip_streams(streams: Sequence[Iterable[Any]]) -> Iterator[tuple[Any, ...]]:
    """Rows of streams of equal length.

    Raises:
        ValueError: one ends before another.
    """
    try:
        yield from zip(*streams, strict=True)
    except ValueError as error:
        raise ValueError(
            "hypotheses, references and sources differ in length; give as many of each"
        ) from error
