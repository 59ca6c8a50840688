"""The off-target metric against its bare identifiers: throughput as a ratio, and memory.

    python benchmarks/identify.py [SEGMENTS]

Segments are the sentences below, one or two to a segment. The bare identifiers are fastText's own
predict, and eldc's scores besides, one call each a segment. All run on one core, in turn, in
processor time. The memory is that of a whole `ontarget evaluate` on a file of so many segments
(1,000,000), libraries included.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice, product
from pathlib import Path

from measure import ROUNDS, machine

from ontarget.offtarget.detectors.eldc import scorer
from ontarget.offtarget.detectors.fasttext import load_lid_176
from ontarget.offtarget.metric import OffTarget

MANY = 1_000_000
TIMED = 20_000
SENTENCES = {
    "it": (
        "Il treno delle sette è partito con mezz'ora "
        "di ritardo a causa della neve caduta nella notte.",
        "Secondo il sindaco i lavori sulla piazza "
        "finiranno prima dell'estate, ma i negozianti dubitano.",
        "Ha chiuso la porta e se n'è andata.",
        "La ricerca, condotta su duemila famiglie, mostra che "
        "i prezzi degli affitti crescono più dei salari.",
        "Nessuno si aspettava che la squadra vincesse anche la terza partita di fila.",
        "Per iscriversi al corso basta compilare il modulo "
        "e consegnarlo in segreteria entro la fine del mese.",
        "Domani pioverà quasi ovunque.",
        "Il museo conserva lettere, fotografie e oggetti "
        "di uso quotidiano donati dagli abitanti del quartiere.",
    ),
    "en": (
        "The seven o'clock train left half an hour late "
        "because of the snow that fell during the night.",
        "According to the mayor the square will "
        "be finished before summer, but shopkeepers doubt it.",
        "She closed the door and walked away.",
        "The survey of two thousand families shows that rents are growing faster than wages.",
        "Nobody expected the team to win the third match in a row as well.",
        "To join the course, fill in the form and hand "
        "it in at the office by the end of the month.",
        "It will rain almost everywhere tomorrow.",
        "The museum keeps letters, photographs and everyday "
        "objects given by people of the district.",
    ),
}


def segments(language: str, count: int) -> list[str]:
    """Single sentences and pairs of them, in turn."""
    single = SENTENCES[language]
    pairs = [f"{one} {two}" for one, two in product(single, single) if one != two]
    found = [text for pair in zip(single * 7, pairs, strict=True) for text in pair]
    return [found[number % len(found)] for number in range(count)]


def seconds(works: list[Callable[[], None]]) -> list[float]:
    """Processor time of each, the median of `ROUNDS`, taken in turn after one to warm up."""
    times: list[list[float]] = []
    for _ in range(ROUNDS + 1):
        times.append([])
        for work in works:
            start = time.process_time()
            work()
            times[-1].append(time.process_time() - start)
    return [sorted(found)[ROUNDS // 2] for found in zip(*times[1:], strict=True)]


def bare(texts: list[str]) -> None:
    """What an evaluation cannot do without."""
    model = load_lid_176()
    for text in texts:
        model.predict(text)


def both(texts: list[str]) -> None:
    """The two identifiers that the default combines, both for every segment."""
    bare(texts)
    score = scorer()
    for text in texts:
        score(text)


def ours(texts: list[str], target: str) -> None:
    """Verdicts, ratio, pass rates."""
    OffTarget(target_lang=target, source_lang="en").corpus(texts)


def main() -> None:
    """One line for right and for wrong segments, and one of memory."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    print(f"off-target metric, {machine()}")
    for language, name in (("it", "all on target"), ("en", "none on target")):
        texts = segments(language, TIMED)
        alone, pair, whole = seconds(
            [
                lambda its=texts: bare(its),
                lambda its=texts: both(its),
                lambda its=texts: ours(its, "it"),
            ]
        )
        print(
            f"{name:16} segments of {sum(map(len, texts)) / len(texts):3.0f} characters  "
            f"fastText {len(texts) / alone:7,.0f} /s  both {len(texts) / pair:7,.0f} /s  ours "
            f"{len(texts) / whole:7,.0f} /s  ratios {alone / whole:.2f} {pair / whole:.2f}"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hypotheses.txt"
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(f"{text}\n" for text in islice(segments("it", many), many))
        command = [sys.executable, "-m", "ontarget", "evaluate", "--hypotheses", str(path)]
        command += ["--source-lang", "en", "--target-lang", "it", "--json"]
        start = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        took = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
    count = json.loads(done.stdout)["segments"]
    print(f"evaluate of {count:,} segments: {took:.0f} s, {peak:.0f} MB at most")


if __name__ == "__main__":
    main()
