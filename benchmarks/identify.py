"""The off-target metric against its bare identifier: throughput as a ratio, and memory.

    python benchmarks/identify.py [SEGMENTS]

The segments are sentences of the embedded phrasebook in five languages, three to a segment, so of
some 150 characters; the bare identifier is fastText's own predict, one call a segment. Both run on
one core in turn. The memory is that of `ontarget evaluate` on a file of so many segments.
"""

import json
import resource
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

from measure import machine, medians

from ontarget.corpora.phrasebook import parallels
from ontarget.identify import lid_176
from ontarget.metric import OffTarget

LANGUAGES = ("en", "it", "nl", "ro", "de")
MANY = 1_000_000
TIMED = 20_000


def segments(count: int) -> list[str]:
    """Three sentences each; one in five is in the language asked for."""
    rows = parallels(LANGUAGES, 1, held_out=0, train=TIMED * 3 // len(LANGUAGES), glossary=0)
    sentences = [list(row.texts.values()) for row in rows]
    threes = zip(*(sentences[start::3] for start in range(3)), strict=False)
    found = [". ".join(said) + "." for three in threes for said in zip(*three, strict=True)]
    return [found[number % len(found)] for number in range(count)]


def bare(texts: list[str]) -> None:
    """What an evaluation cannot do without."""
    model = lid_176()
    for text in texts:
        model.predict(text)


def ours(texts: list[str], target: str) -> None:
    """Verdicts, ratio, pass rates."""
    OffTarget(target_lang=target, source_lang="en").corpus(texts)


def main() -> None:
    """One line for each share of wrong segments, and one of memory."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    texts = segments(TIMED)
    length = sum(map(len, texts)) / len(texts)
    print(f"off-target metric, {machine()}; segments of {length:.0f} characters")
    for name, its in (("one in five on target", texts), ("all on target", texts[1::5] * 5)):
        seconds = medians(
            {"bare": lambda its=its: bare(its), "ours": lambda its=its: ours(its, "it")}
        )
        bare_rate, our_rate = (len(its) / seconds[each] for each in ("bare", "ours"))
        print(
            f"{name:24} bare {bare_rate:8,.0f} /s  ours {our_rate:8,.0f} /s  "
            f"ratio {our_rate / bare_rate:.2f}"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hypotheses.txt"
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(f"{text}\n" for text in islice(segments(many), many))
        command = [sys.executable, "-m", "ontarget", "evaluate", "--hypotheses", str(path)]
        command += ["--source-lang", "en", "--target-lang", "it", "--json"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
    print(f"evaluate of {json.loads(done.stdout)['segments']:,} segments: {peak:.0f} MB at most")


if __name__ == "__main__":
    main()
