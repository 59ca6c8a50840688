"""The off-target metric on human references: its floor, and planted errors found again.

    python benchmarks/planted.py FOLDER DIRECTION...

FOLDER holds a folder a direction (`en-cs`) with `src.en` and `ref_A.cs` (or another letter), as WMT
test sets come. Into the references are planted, at k percent of the lines: the source, English, a
close language, empty lines. An estimate holds where the share planted is in its interval; a verdict
is right where it names what was planted, counted on planted lines of 40 characters or more.
"""

import random
import sys
from collections import Counter
from pathlib import Path

from ontarget.languages.tags import same_language
from ontarget.offtarget.metric import JudgedSegment, OffTarget
from ontarget.offtarget.verdicts import Verdict

SHARES = (0, 1, 5, 20, 50)  # percent
LONG = 40  # characters
CLOSE = {
    "ru": "uk",
    "uk": "ru",
    "ja": "zh",
    "zh": "ja",
    "cs": "de",
    "en": "de",
    "de": "fr",
    "fr": "de",
}


def lines(folder: Path, pattern: str) -> list[str]:
    """Of the first file that matches."""
    return min(folder.glob(pattern)).read_text(encoding="utf-8").split("\n")[:-1]


def other_text(folder: Path, language: str) -> list[str]:
    """References in a language, of any direction."""
    return lines(min(folder.glob(f"*-{language}")), f"ref_*.{language}")


def right(kind: str, found: JudgedSegment, language: str) -> bool:
    """Whether the verdict names what was planted."""
    verdict, code = found.judged
    if kind in ("source", "empty"):
        return verdict is (Verdict.SOURCE_COPY if kind == "source" else Verdict.EMPTY)
    return found.judged.is_off_target and bool(code) and same_language(code, language)


def planted(folder: Path, direction: str, counts: Counter[tuple[str, str, bool]]) -> float:
    """Count what holds in a direction; its floor in percent."""
    source_lang, target_lang = direction.split("-")
    sources = lines(folder / direction, f"src.{source_lang}")
    references = lines(folder / direction, f"ref_*.{target_lang}")
    metric = OffTarget(target_lang=target_lang, source_lang=source_lang)
    floor = list(metric.judge(references))
    languages = {"source": source_lang, "empty": "", "close": CLOSE[target_lang], "English": "en"}
    for kind, language in languages.items():
        if language == target_lang:
            continue
        texts = {"source": sources, "empty": [""]}.get(kind) or other_text(folder, language)
        for share in SHARES:
            draw = random.Random(f"{direction}/{kind}/{share}")
            count = round(len(references) * share / 100)
            at = draw.sample(range(len(references)), count)
            mixed = list(references)
            for place in at:
                mixed[place] = texts[place] if kind == "source" else draw.choice(texts)
            found = list(metric.judge(mixed, sources, [(each,) for each in references]))
            score = metric.score(found, floor)
            truth = 100 * count / len(references)
            assert score.excess_low is not None and score.excess_high is not None
            counts["ratio", f"{share} %", score.low <= truth <= score.high] += 1
            counts["excess", f"{share} %", score.excess_low <= truth <= score.excess_high] += 1
            for place in at:
                if len(mixed[place]) >= LONG or kind == "empty":
                    counts["verdict", kind, right(kind, found[place], language)] += 1
    return metric.score(floor, [None] * len(floor)).percent


def main() -> None:
    """The floors, then how often estimates and verdicts hold."""
    folder, counts = Path(sys.argv[1]), Counter[tuple[str, str, bool]]()
    floors = {direction: planted(folder, direction, counts) for direction in sys.argv[2:]}
    for direction, floor in floors.items():
        print(f"floor {direction} {floor:.2f} %")
    print(f"floor on average {sum(floors.values()) / len(floors):.3f} %")
    for what, which in dict.fromkeys((what, which) for what, which, _ in counts):
        holds, fails = counts[what, which, True], counts[what, which, False]
        share = 100 * holds / (holds + fails)
        print(f"{what:8} {which:8} holds in {holds} of {holds + fails} ({share:.2f} %)")


if __name__ == "__main__":
    main()
