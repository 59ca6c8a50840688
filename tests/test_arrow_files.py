"""Records as Arrow files: what is written is read, as a sequence, and damage is one line."""

from pathlib import Path

import pytest
from datasets import Dataset

from ontarget.artifacts import ArrowRecords, arrow_files, write_arrow
from ontarget.errors import ArtifactError
from ontarget.records import Sample, Translation


def samples(count: int) -> list[Sample]:
    return [
        Sample(
            key=f"t:{n}/en-it", source_lang="en", asked_lang="it", target_lang="it",
            source=f"a\tb\n{n}", target="" if n % 2 else "è \U0001f600",
        )
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 25])
def test_a_file_of_several_batches_is_the_sequence_that_was_written(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrow_files, "ROWS_AT_ONCE", 10)
    expected = samples(count)
    assert write_arrow(tmp_path / "a.arrow", iter(expected), Sample) == count
    records = ArrowRecords(tmp_path / "a.arrow", Sample)
    assert len(records) == count
    assert list(records) == records[:] == [records[n] for n in range(count)] == expected
    assert list(records.column("key")) == [one.key for one in expected]
    places = list(range(count))[::-3]
    assert records.take(places) == [expected[place] for place in places]
    assert records[5:2:-1] == expected[5:2:-1]
    if count:
        assert records[-1] == expected[-1]
    with pytest.raises(IndexError):
        records[count]


def test_datasets_opens_the_file_as_it_is(tmp_path: Path) -> None:
    write_arrow(tmp_path / "a.arrow", samples(3), Sample)
    dataset = Dataset.from_file(str(tmp_path / "a.arrow"))
    assert dataset["source"][:] == [one.source for one in samples(3)]


def test_a_missing_damaged_or_other_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    with pytest.raises(ArtifactError, match=r"a\.arrow: cannot be read .*run the step"):
        ArrowRecords(path, Sample)
    path.write_bytes(b"no arrow file")
    with pytest.raises(ArtifactError, match=r"a\.arrow: cannot be read"):
        ArrowRecords(path, Sample)
    write_arrow(path, samples(1), Sample)
    with pytest.raises(ArtifactError, match=r"a\.arrow: holds no Translation records"):
        ArrowRecords(path, Translation)
