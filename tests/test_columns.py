"""The metric on columns of data frames and datasets: the same score as on lists."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from support.texts import TEXTS

from ontarget import OffTarget

TABLE = {
    "translation": [*TEXTS["it"], TEXTS["nl"][0], TEXTS["en"][1]],
    "reference": [*TEXTS["it"], *TEXTS["it"][:2]],
    "source": [*TEXTS["en"], *TEXTS["en"][:2]],
}


def from_pandas() -> Any:
    frame = pytest.importorskip("pandas").DataFrame(TABLE)
    return frame[frame.index >= 0]


def from_pandas_without_its_first_row() -> Any:
    """Labels of the index are not places."""
    return pytest.importorskip("pandas").DataFrame(TABLE)[1:]


def from_polars() -> Any:
    return pytest.importorskip("polars").DataFrame(TABLE)


def from_datasets() -> Any:
    return pytest.importorskip("datasets").Dataset.from_dict(TABLE)


def from_pyarrow() -> Any:
    """A ChunkedArray's items are Arrow's scalars; its own conversion gives a list."""
    table = pa.table(TABLE)
    return {name: table[name].to_pylist() for name in TABLE}


@pytest.mark.parametrize(
    "make",
    [from_pandas, from_pandas_without_its_first_row, from_polars, from_datasets, from_pyarrow],
)
def test_columns_are_scored_as_lists_are(make: Callable[[], Any]) -> None:
    metric = OffTarget(target_lang="it", source_lang="en")
    frame = make()
    columns = [frame[name] for name in TABLE]
    lists = [list(column) for column in columns]
    assert metric.corpus(*columns) == metric.corpus(*lists)
    assert list(metric.judge(columns[0], columns[2])) == list(metric.judge(lists[0], lists[2]))
    assert metric.corpus(*columns).count == 2
