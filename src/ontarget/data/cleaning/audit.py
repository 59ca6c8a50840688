"""An audit of a corpus: local rules shard by shard, then the rules that need all pairs.

Of all pairs only numbers are held in memory, about 30 bytes each; texts stay in the shards, and so
do the signatures of near duplicates, of which a mapped file of 120 bytes a pair is made.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ontarget.data.cleaning import duplicates, ratios
from ontarget.data.cleaning.engines.base import Engine, ThisProcess
from ontarget.data.cleaning.ratios import LengthModel
from ontarget.data.cleaning.rows import Audit
from ontarget.data.cleaning.rules import REASONS, Cascade, corpus_of
from ontarget.data.cleaning.shards import shard_rows
from ontarget.records import Direction, Parallel

CODES = ("", *REASONS)  # a reason's number is its place here
DROPPED = ["key", "source_lang", "target_lang", "source", "target", "reason", "detail"]
Tell = Callable[[int], None]  # how many pairs are audited so far
Group = tuple[str, str, str]  # source and target language, corpus


class Numbers(NamedTuple):
    """What the global rules read of all pairs, one number a pair in each array."""

    groups: list[Group]
    group: np.ndarray  # place in `groups`
    reason: np.ndarray  # place in `CODES`
    fingerprint: np.ndarray
    source_length: np.ndarray  # characters
    target_length: np.ndarray
    composed: np.ndarray  # whether a text was not in NFC


@dataclass(frozen=True, slots=True)
class AuditedCorpus:
    """All pairs of a corpus, each with the first rule that it breaks."""

    shards: tuple[Path, ...]
    numbers: Numbers
    models: dict[Direction, LengthModel]  # what was learnt of lengths

    def tables(self) -> Iterator[Any]:
        """The shards as Arrow tables: text, `reason` and `detail` of each pair, in order."""
        import pyarrow as pa
        from pyarrow import parquet

        start = 0
        for shard in self.shards:
            table = parquet.read_table(shard, partitioning=None, memory_map=True)
            codes = self.numbers.reason[start : start + len(table)]
            names = pa.array([CODES[code] for code in codes.tolist()], pa.string())
            start += len(table)
            table = table.set_column(table.column_names.index("reason"), "reason", names)
            yield table.drop_columns([n for n in ("signature",) if n in table.column_names])

    def sample_tables(self, directions: Collection[Direction]) -> Iterator[Any]:
        """The pairs that break no rule as Arrow tables of `Sample`, in each of `directions`.

        Of a shard, the pairs in the direction in which they were audited come first.
        """
        import pyarrow as pa

        for table in self.tables():
            kept = table.filter(pa.compute.field("reason") == "")
            for source, target in (("source", "target"), ("target", "source")):
                samples = samples_table(kept, source, target)
                wanted = pa.array([str(direction) for direction in directions], pa.string())
                written = direction_column(samples)
                yield samples.filter(pa.compute.is_in(written, value_set=wanted))

    def write_dropped(self, path: Path) -> None:
        """The other pairs as a Parquet file, each with its reason."""
        import pyarrow as pa
        from pyarrow import parquet

        schema = pa.schema([(name, pa.string()) for name in DROPPED])
        with parquet.ParquetWriter(path, schema) as out:
            for table in self.tables():
                out.write_table(table.filter(pa.compute.field("reason") != "").select(DROPPED))


def audit_corpus(  # noqa: PLR0913 - what is audited, for what, where, and by whom
    rows: Iterable[Parallel],
    audit: Audit,
    folder: Path,
    engine: Engine | None = None,
    tell: Tell = lambda pairs: None,
) -> AuditedCorpus:
    """Audit all rows. `folder` keeps the shards; those that it has already are not made again."""
    portions = enumerate(shard_rows(rows, len(audit.pairs)))
    shards: list[Path] = []

    def tasks() -> Iterator[tuple[Path, list[Parallel]]]:
        for number, portion in portions:
            shards.append(folder / f"{number:06}.parquet")
            yield shards[-1], portion

    done = 0
    for count in (engine or ThisProcess()).map(tasks(), audit):
        done += count
        tell(done)
    numbers = read_numbers(shards)
    models = apply_ratios(numbers, audit.cascade)
    apply_duplicates(numbers, audit.cascade)
    apply_near_duplicates(numbers, audit.cascade, shards, folder)
    return AuditedCorpus(tuple(shards), numbers, models)


def samples_table(pairs: Any, source: str, target: str) -> Any:
    """Pairs as samples; `source` and `target` name the sides that are these."""
    import pyarrow as pa

    rows = pa.compute.replace_substring_regex(pairs["key"], "/[^/]*$", "")
    languages = pairs[f"{source}_lang"], pairs[f"{target}_lang"]
    directions = pa.compute.binary_join_element_wise(*languages, "-")
    columns = {
        "key": pa.compute.binary_join_element_wise(rows, directions, "/"),
        "source_lang": languages[0],
        "asked_lang": languages[1],
        "target_lang": languages[1],
        "source": pairs[source],
        "target": pairs[target],
    }
    return pa.table(columns)


def direction_column(samples: Any) -> Any:
    """`en-it` of each sample."""
    import pyarrow as pa

    return pa.compute.binary_join_element_wise(samples["source_lang"], samples["target_lang"], "-")


def read_numbers(shards: Iterable[Path]) -> Numbers:
    """The numbers of all pairs."""
    from pyarrow import parquet

    places: dict[Group, int] = {}
    codes = {name: code for code, name in enumerate(CODES)}
    columns: list[list[np.ndarray]] = [[], [], [], [], [], []]
    names = ["source_lang", "target_lang", "key", "reason"]
    numeric = ["fingerprint", "source_length", "target_length", "composed"]
    for shard in shards:
        table = parquet.read_table(shard, columns=names + numeric, partitioning=None)
        source, target, keys, reasons = (table.column(name).to_pylist() for name in names)
        groups = zip(source, target, map(corpus_of, keys), strict=True)
        columns[0].append(
            np.array([places.setdefault(group, len(places)) for group in groups], np.int32)
        )
        columns[1].append(np.array([codes[reason] for reason in reasons], np.uint8))
        for place, name in enumerate(numeric, start=2):
            columns[place].append(table.column(name).to_numpy())
    kinds = (np.int32, np.uint8, np.uint64, np.int32, np.int32, np.bool_)
    joined = [
        np.concatenate(parts) if parts else np.zeros(0, kind)
        for parts, kind in zip(columns, kinds, strict=True)
    ]
    return Numbers(list(places), *joined)


def settings_of(numbers: Numbers, cascade: Cascade, name: str, off: float) -> np.ndarray:
    """One setting of the rules for each pair, as a number; `off` where it is None or False."""
    values = [getattr(cascade.rules_for(*group), name) for group in numbers.groups]
    numeric = [off if value is None or value is False else float(value) for value in values]
    settings: np.ndarray = np.array(numeric or [off])[numbers.group]
    return settings


def mark(numbers: Numbers, places: np.ndarray, reason: str) -> None:
    """Give pairs their reason."""
    numbers.reason[places] = CODES.index(reason)


def apply_ratios(numbers: Numbers, cascade: Cascade) -> dict[Direction, LengthModel]:
    """Mark pairs whose lengths do not belong together; returns what was learnt."""
    models: dict[Direction, LengthModel] = {}
    limits = settings_of(numbers, cascade, "ratio", np.inf)
    by_direction: dict[Direction, list[int]] = {}
    for place, (source, target, _) in enumerate(numbers.groups):
        by_direction.setdefault(Direction(source, target), []).append(place)
    for direction, groups in by_direction.items():
        chosen = np.flatnonzero((numbers.reason == 0) & np.isin(numbers.group, groups))
        lengths = numbers.source_length[chosen], numbers.target_length[chosen]
        model = ratios.learn(*lengths)
        if model is not None:
            models[direction] = model
            mark(numbers, chosen[model.deviations(*lengths) > limits[chosen]], "ratio")
    return models


def apply_duplicates(numbers: Numbers, cascade: Cascade) -> None:
    """Mark pairs that repeat an earlier one."""
    kept = np.flatnonzero(numbers.reason == 0)
    repeated = duplicates.repeated(numbers.fingerprint[kept])
    wanted = settings_of(numbers, cascade, "duplicates", 0.0)[kept] > 0
    mark(numbers, kept[repeated & wanted], "duplicate")


def apply_near_duplicates(
    numbers: Numbers, cascade: Cascade, shards: Iterable[Path], folder: Path
) -> None:
    """Mark pairs that nearly repeat an earlier one."""
    similarity = settings_of(numbers, cascade, "near_duplicates", np.inf)
    kept = np.flatnonzero((numbers.reason == 0) & np.isfinite(similarity))
    if not len(kept):
        return
    mapped = folder / "signatures"
    signed = np.memmap(mapped, np.uint16, "w+", shape=(len(kept), duplicates.HASHES))
    start = place = 0
    for table in signature_tables(shards):
        inside = kept[(kept >= start) & (kept < start + len(table))] - start
        signed[place : place + len(inside)] = table[inside]
        start, place = start + len(table), place + len(inside)
    near = duplicates.nearly_repeated(signed, similarity[kept])
    mark(numbers, kept[near], "near_duplicate")
    del signed
    mapped.unlink()


def signature_tables(shards: Iterable[Path]) -> Iterator[np.ndarray]:
    """The signatures of each shard."""
    from pyarrow import parquet

    for shard in shards:
        column = parquet.read_table(shard, columns=["signature"], partitioning=None).column(0)
        flat = b"".join(column.to_pylist())
        yield np.frombuffer(flat, np.uint16).reshape(-1, duplicates.HASHES)
