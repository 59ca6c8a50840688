"""Cleaning beside its detector: pairs a second, memory, and what near duplicates cost.

    python benchmarks/clean.py --pairs 5000000 [--text pairs.tsv]

The pairs are made from sentences of the embedded phrasebook, or of a file's first two languages:
each joins two of them, so nearly all are distinct. In one run, with as many processes:

    detector   both sides of some of the pairs through the off-target metric, nothing else
    clean      reading a TSV, all rules but near duplicates, writing what is kept and dropped
    near       the same with near duplicates
    ray N      clean on a Ray cluster of this machine with N workers (--ray)

Printed are pairs a second of wall time and of processor time (which other work on the machine does
not change), their ratios to the first line, and the peak of resident memory of the main process and
of the largest worker so far. The detector is measured again at the end.
"""

import argparse
import random
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ontarget import artifacts
from ontarget.data.cleaning import languages
from ontarget.data.cleaning.audit import audit_corpus
from ontarget.data.cleaning.engines.base import Engine
from ontarget.data.cleaning.engines.cluster import Cluster
from ontarget.data.cleaning.engines.local import Processes
from ontarget.data.cleaning.rows import Audit
from ontarget.data.cleaning.rules import Cascade
from ontarget.data.readers import columns, read
from ontarget.data.readers.phrasebook import compose_rows
from ontarget.records import Direction, Sample

SEED = 1
PORTION = 20_000  # pairs that a process takes at once
Texts = tuple[str, str]


def seed_texts(path: Path | None) -> tuple[Direction, list[Texts]]:
    """Two languages, and pairs of sentences in them."""
    if path is None:
        one, other = "en", "it"
        rows = compose_rows((one, other), SEED, held_out=0, train=3000, glossary=0)
    else:
        one, other = columns(path)[:2]
        rows = read(path, (one, other))
    complete = (row.texts for row in rows if len(row.texts) == 2)
    return Direction(one, other), [(texts[one], texts[other]) for texts in complete]


def make_pairs(texts: Sequence[Texts], count: int) -> Iterator[Texts]:
    """Pairs that join two others."""
    rng = random.Random(SEED)
    for _ in range(count):
        (a, b), (c, d) = rng.choice(texts), rng.choice(texts)
        yield f"{a} {c}", f"{b} {d}"


def write_tsv(path: Path, direction: Direction, pairs: Iterator[Texts]) -> None:
    """The pairs as a file."""
    with path.open("w", encoding="utf-8") as out:
        out.write("\t".join(direction) + "\n")
        out.writelines(f"{source}\t{target}\n" for source, target in pairs)


def identify(portion: Sequence[Texts], direction: Direction) -> int:
    """Both sides through the metric."""
    for side, language in enumerate(direction):
        languages.faults([pair[side] for pair in portion], language)
    return len(portion)


def identify_all(pairs: Sequence[Texts], direction: Direction, workers: int) -> int:
    """The metric alone, in several processes; returns the number of pairs."""
    portions = [pairs[start : start + PORTION] for start in range(0, len(pairs), PORTION)]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        return sum(pool.map(identify, portions, [direction] * len(portions)))


def clean(path: Path, direction: Direction, cascade: Cascade, engine: Engine) -> int:
    """Read, audit, write what is kept and dropped; returns the number of pairs."""
    audit = Audit(pairs=(direction,), pivot=direction.source_lang, cascade=cascade)
    with TemporaryDirectory(dir=path.parent) as folder:
        found = audit_corpus(read(path, direction), audit, Path(folder), engine)
        tables = found.sample_tables([direction])
        artifacts.write_batches(path.with_suffix(".arrow"), artifacts.schema_of(Sample), tables)
        found.write_dropped(path.with_suffix(".parquet"))
    return len(found.numbers.reason)


class Speed(NamedTuple):
    """Pairs a second of wall time, and of processor time of all processes together."""

    wall: float
    processor: float


def processor_seconds() -> float:
    """Of this process, and of those that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def timed(work: Callable[[], int]) -> Speed:
    """The speed at which pairs are worked on; `work` returns how many."""
    began, used = time.monotonic(), processor_seconds()
    count = work()
    return Speed(count / (time.monotonic() - began), count / (processor_seconds() - used))


def memory() -> str:
    """Peaks of resident memory so far."""
    peaks = (
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return "{:.0f} MB main, {:.0f} MB largest worker".format(*peaks)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200_000)
    parser.add_argument("--text", type=Path, help="a corpus file whose sentences are joined")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ray", action="store_true", help="also on Ray with one and two workers")
    parser.add_argument("--folder", type=Path, help="for temporary files")
    options = parser.parse_args()
    direction, texts = seed_texts(options.text)
    some = list(make_pairs(texts, min(options.pairs, 200_000)))
    with TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "pairs.tsv"
        write_tsv(path, direction, make_pairs(texts, options.pairs))
        size = sum(len(a) + len(b) for a, b in islice(some, 10_000)) / 10_000
        print(f"{options.pairs:,} pairs {direction}, {size:.0f} characters each on average")
        base = timed(lambda: identify_all(some, direction, options.workers))
        show("detector", base, base)
        local, near = Processes(options.workers), Cascade(near_duplicates=0.9)
        lines: dict[str, tuple[Cascade, Engine]] = {
            "clean": (Cascade(), local),
            "near": (near, local),
        }
        if options.ray:
            lines |= {f"ray {n}": (Cascade(), Cluster(workers=n)) for n in (1, 2)}
        for name, work in lines.items():
            show(name, timed(lambda work=work: clean(path, direction, *work)), base)
        show("detector", timed(lambda: identify_all(some, direction, options.workers)), base)


def show(name: str, speed: Speed, base: Speed) -> None:
    """Print a line."""
    ratio = speed.processor / base.processor
    processor = f"{speed.processor:8,.0f} pairs/processor second {ratio:.2f}   {memory()}"
    if name.startswith("ray"):
        processor = ""  # its workers are no children of this process
    print(
        f"{name:9} {speed.wall:8,.0f} pairs/s {speed.wall / base.wall:.2f}   {processor}",
        flush=True,
    )


if __name__ == "__main__":
    main()
