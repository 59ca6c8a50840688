"""The off-target metric on texts whose language is known: floor, and planted errors found.

    python benchmarks/stick.py TEXTS.parquet [--only odd|even] [DETECTOR]

TEXTS has the columns `set`, `lang`, `id` and `text`. For each set and language: the share of texts
called off-target (the floor), the share undecided, the same in capitals, and the share found of
English texts of the same set planted as if they were translations, and of halves of a text whose
other half is English. Percent, by letters of the text.
"""

import random
import sys
import zlib
from collections import defaultdict
from pathlib import Path

import pyarrow.parquet as pq

from ontarget.errors import DetectorError
from ontarget.languages.writing import letters
from ontarget.offtarget.metric import OffTarget

BANDS = ((0, 8), (8, 15), (15, 20), (20, 40), (40, 80), (80, 10**9))
LEAST = 25  # texts that a line needs
SENTENCE = 60  # letters of the shortest text that is cut in half


def rows_of(path: Path, only: str) -> dict[tuple[str, str], list[str]]:
    """Texts by set and language; `only` keeps every second one."""
    columns = pq.read_table(path).to_pydict()
    texts = defaultdict(list)
    for name, lang, number, text in zip(
        *(columns[column] for column in ("set", "lang", "id", "text")), strict=True
    ):
        half = zlib.crc32(f"{name}{lang}{number}".encode()) % 2
        if only == "both" or half == (only == "odd"):
            texts[name.split("/")[0], lang].append(text)
    return texts


def percent(count: int, total: int) -> str:
    """One decimal, or a dash where there are too few."""
    return f"{100 * count / total:.2f}" if total >= LEAST else "-"


def verdicts(metric: OffTarget, texts: list[str]) -> list[str]:
    """The verdict of each text, judged without its source."""
    return [str(segment.judged.verdict) for segment in metric.judge(texts)]


def shares(found: list[str]) -> tuple[int, int, int]:
    """Off-target, judged, all."""
    judged = [verdict for verdict in found if verdict != "undecided"]
    return sum(verdict != "on_target" for verdict in judged), len(judged), len(found)


def half_mixed(text: str, other: str, draw: random.Random) -> str:
    """Half of one text's words and half of another's."""
    one, two = text.split(), other.split()
    if draw.random() < 0.5:
        one, two = two, one
    return " ".join(one[: len(one) // 2] + two[len(two) // 2 :])


def main() -> None:
    """A line a set and language, then one a band of lengths."""
    only = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else "both"
    rest = [each for each in sys.argv[2:] if each not in ("--only", only)]
    kwargs = {"detector": rest[0]} if rest else {}
    texts = rows_of(Path(sys.argv[1]), only)
    bands: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    print("set|lang|texts|floor|undecided|capitals|English found|beside|half found")
    for (name, lang), own in sorted(texts.items()):
        if lang == "en" or len(own) < LEAST:
            continue
        try:
            metric = OffTarget(target_lang=lang, source_lang="en", **kwargs)
        except DetectorError as error:
            print(f"{name}|{lang}|{len(own)}|{error}")
            continue
        english = texts.get((name, "en")) or texts["ntrex", "en"]
        draw = random.Random(f"{name}/{lang}")
        found = verdicts(metric, own)
        planted = [draw.choice(english) for _ in own]
        found_english = verdicts(metric, planted)
        for text, verdict, other, wrong in zip(own, found, planted, found_english, strict=True):
            for n, (low, high) in enumerate(BANDS):
                if low <= letters(text) < high:
                    cell = bands[name, n]
                    cell[0] += 1
                    cell[1] += verdict == "undecided"
                    cell[2] += verdict not in ("undecided", "on_target")
                if low <= letters(other) < high:
                    cell = bands[name, n]
                    cell[3] += 1
                    cell[4] += wrong not in ("undecided", "on_target")
        upper = verdicts(metric, [text.upper() for text in own])
        long = [text for text in own if letters(text) >= SENTENCE][:300]
        long_english = [t for t in texts["ntrex", "en"] if letters(t) >= SENTENCE]
        beside = [f"{text} {draw.choice(long_english)}" for text in long]
        halves = [half_mixed(text, draw.choice(long_english), draw) for text in long]
        off, judged, total = shares(found)
        cells = [percent(off, judged), percent(total - judged, total)]
        cells.append(percent(*shares(upper)[:2]))
        for group in (found_english, verdicts(metric, beside), verdicts(metric, halves)):
            cells.append(percent(shares(group)[0], len(group)))
        print(f"{name}|{lang}|{total}|{'|'.join(cells)}", flush=True)
    for (name, n), (total, undecided, off, planted, found_) in sorted(bands.items()):
        low, high = BANDS[n]
        print(
            f"{name}|{low}-{'' if high > 10**6 else high - 1}|{total}"
            f"|floor {percent(off, total - undecided)}|undecided {percent(undecided, total)}"
            f"|English {planted} found {percent(found_, planted)}"
        )


if __name__ == "__main__":
    main()
