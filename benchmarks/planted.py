"""Errors planted in real parallel text: which the rules of cleaning find, and what they drop else.

    python benchmarks/planted.py train.parquet --dev dev.tsv --languages en,it,nl --share 0.02

Of each pair of languages a share of the rows gets one kind of error each, the others stay as they
are. Printed for each kind: how many were planted, how many of them are dropped and by which rule;
and how many of the untouched pairs are dropped (false alarms, unless the corpus has errors of its
own), by rule.
"""

import argparse
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ontarget.data.cleaning.audit import CODES, audit_corpus
from ontarget.data.cleaning.engines.local import Processes
from ontarget.data.cleaning.rows import Audit, held_out_fingerprints
from ontarget.data.cleaning.rules import Cascade
from ontarget.data.readers import read
from ontarget.records import Direction, Parallel

LONG = 40  # characters from which a wrong language must be found
Rows = list[Parallel]
Texts = dict[str, str]


def with_text(row: Parallel, language: str, text: str) -> Texts:
    """The row's texts with another one in a language."""
    return row.texts | {language: text}


def wrong_language(rows: Rows, place: int, pivot: str, language: str, rng: random.Random) -> Texts:
    """The target in another language of the row."""
    row = rows[place]
    others = sorted(set(row.texts) - {pivot, language})
    return with_text(row, language, row.texts[rng.choice(others)])


def swapped(rows: Rows, place: int, pivot: str, language: str, rng: random.Random) -> Texts:
    """Source and target exchanged."""
    texts = rows[place].texts
    return texts | {pivot: texts[language], language: texts[pivot]}


def untranslated(rows: Rows, place: int, pivot: str, language: str, rng: random.Random) -> Texts:
    """The source in place of the target."""
    return with_text(rows[place], language, rows[place].texts[pivot])


def shifted(rows: Rows, place: int, pivot: str, language: str, rng: random.Random) -> Texts:
    """The target of the next row."""
    return with_text(rows[place], language, rows[(place + 1) % len(rows)].texts[language])


KINDS: dict[str, Callable[[Rows, int, str, str, random.Random], Texts]] = {
    "wrong language": wrong_language,
    "swapped": swapped,
    "untranslated": untranslated,
    "shifted by one": shifted,
}


def plant(
    rows: Rows, held_out: Rows, pair: Direction, share: float, rng: random.Random
) -> Iterator[tuple[str, Parallel]]:
    """(kind, row of two languages) of each row; "" where it is untouched."""
    pivot, language = pair
    kinds = [*KINDS, "duplicated", "leaked"]
    for place, row in enumerate(rows):
        kind = rng.choice(kinds) if rng.random() < share * len(kinds) else ""
        key, texts = f"{row.key}", row.texts
        if kind in KINDS:
            texts = KINDS[kind](rows, place, pivot, language, rng)
        elif kind == "leaked":
            texts = rng.choice(held_out).texts
        yield kind if kind != "duplicated" else "", replace(row, texts=only(texts, pivot, language))
        if kind == "duplicated":
            yield kind, Parallel(key=f"{key}0", texts=only(texts, pivot, language))


def only(texts: Texts, *languages: str) -> Texts:
    """The texts in these languages."""
    return {language: texts[language] for language in languages}


def main() -> None:
    """Plant, audit, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("--dev", type=Path, required=True, help="rows that are leaked into train")
    parser.add_argument("--languages", required=True, help="the pivot first: en,it,nl")
    parser.add_argument("--share", type=float, default=0.02, help="of the rows, for each kind")
    parser.add_argument("--rows", type=int, default=5000, help="of each pair of languages")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    pivot, *others = options.languages.split(",")
    everything = [pivot, *others]
    complete = [r for r in read(options.train, everything) if len(r.texts) == len(everything)]
    held_out = [r for r in read(options.dev, everything) if len(r.texts) == len(everything)]
    rows = complete[: options.rows]
    found: Counter[tuple[str, str]] = Counter()
    long: Counter[tuple[str, bool]] = Counter()
    by_language: Counter[tuple[str, str]] = Counter()
    for language in others:
        pair = Direction(pivot, language)
        rng = random.Random(f"{options.seed}/{language}")
        planted = list(plant(rows, held_out, pair, options.share, rng))
        audit = Audit(
            pairs=(pair,),
            pivot=pivot,
            cascade=Cascade(),
            held_out=held_out_fingerprints(held_out),
        )
        with TemporaryDirectory() as folder:
            result = audit_corpus((r for _, r in planted), audit, Path(folder), Processes(2))
        for (kind, row), code in zip(planted, result.numbers.reason.tolist(), strict=True):
            found[kind, CODES[code]] += 1
            by_language[language, "all" if not kind else "planted"] += 1
            if not kind and code:
                by_language[language, "false"] += 1
            shortest = min(map(len, row.texts.values()))
            if kind in ("wrong language", "swapped") and shortest >= LONG:
                long[kind, code > 0] += 1
    show(found, long, by_language)


def show(
    found: Counter[tuple[str, str]],
    long: Counter[tuple[str, bool]],
    by_language: Counter[tuple[str, str]],
) -> None:
    """Print the counts."""
    kinds = sorted({kind for kind, _ in found})
    for kind in kinds:
        reasons = {reason: n for (k, reason), n in found.items() if k == kind and reason}
        total = sum(n for (k, _), n in found.items() if k == kind)
        dropped = sum(reasons.values())
        by_rule = ", ".join(f"{name} {n}" for name, n in sorted(reasons.items()))
        name = kind or "untouched (false alarms)"
        share = f"{dropped:6} = {100 * dropped / total:6.2f} %"
        print(f"{name:26} {total:7} pairs, dropped {share}: {by_rule}")
    for kind in ("wrong language", "swapped"):
        hits, misses = long[kind, True], long[kind, False]
        print(f"{kind}, both sides {LONG}+ characters: {hits} of {hits + misses} found")
    for language in sorted({language for language, _ in by_language}):
        total, false = by_language[language, "all"], by_language[language, "false"]
        print(f"{language}: {false} of {total} untouched dropped, {100 * false / total:.2f} %")


if __name__ == "__main__":
    main()
