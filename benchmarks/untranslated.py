"""Untranslated cells of a real corpus: what the rules find with and without comparing them.

    python benchmarks/untranslated.py raw.parquet --languages en,it,nl

A cell that equals the first language's text was never translated, so which ones these are is known.
The rule `identical` finds them by comparing; the rule `language` alone has to see it, as it must
where a cell was left in a third language. Printed by language: such pairs and how many of them
`language` drops when `identical` is off, of all and of those with 40 characters or more; and of
the other pairs how many are dropped by any rule but `duplicate`, and by `language`.
"""

import argparse
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from ontarget.data.cleaning.audit import CODES, audit_corpus
from ontarget.data.cleaning.engines.local import Processes
from ontarget.data.cleaning.rows import Audit
from ontarget.data.cleaning.rules import Cascade
from ontarget.data.readers import read
from ontarget.records import Direction

LONG = 40  # characters
PARTS = ("pairs", "found", "long", "long found", "others", "dropped", "by language")


def count(path: Path, pair: Direction) -> Counter[str]:
    """The counts of one pair of languages."""
    rows = [row for row in read(path, pair) if len(row.texts) == 2]
    audit = Audit(
        pairs=(pair,),
        pivot=pair.source_lang,
        cascade=Cascade(identical=False, duplicates=False),
    )
    with TemporaryDirectory() as folder:
        reasons = audit_corpus(rows, audit, Path(folder), Processes(2)).numbers.reason
    counts: Counter[str] = Counter()
    for row, code in zip(rows, reasons.tolist(), strict=True):
        source, target = (row.texts[language] for language in pair)
        reason = CODES[code]
        if source == target:
            found = reason in ("language", "script")
            counts.update(pairs=1, found=found)
            if len(source) >= LONG:
                counts["long"] += 1
                counts["long found"] += found
        else:
            counts["others"] += 1
            counts["dropped"] += bool(reason)
            counts["by language"] += reason == "language"
    return counts


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--languages", required=True, help="that of the originals first: en,it,nl")
    options = parser.parse_args()
    first, *others = options.languages.split(",")
    print("\t".join(["", *PARTS]))
    for language in others:
        counts = count(options.corpus, Direction(first, language))
        print("\t".join([language, *(str(counts[part]) for part in PARTS)]), flush=True)


if __name__ == "__main__":
    main()
