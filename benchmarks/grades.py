"""Make `src/ontarget/offtarget/grades.json`: the default detector on texts of known language.

    python benchmarks/grades.py TEXTS.parquet

TEXTS has the columns `set`, `lang`, `id` and `text`; `docs/results/off-target.md` says which were
used. Floors count all texts of a language; for each other language at most `SAMPLE` texts of a
sentence's length are judged as if they were translations.
"""

import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq

from ontarget.errors import DetectorError
from ontarget.languages.tags import canonical, same_language, standard
from ontarget.offtarget.calibration import grades
from ontarget.offtarget.metric import OffTarget
from ontarget.offtarget.verdicts import is_off_target

SAMPLE = 60  # texts of another language
LEAST = 25  # sentences of a language that is measured
KEPT = 99.0  # percent found, from which another language is kept in the sum of all only
ALWAYS = ("en", "de", "es", "fr", "ru", "zh")  # usual source languages and pivots


def outcomes(metric: OffTarget, texts: list[str]) -> list[bool | None]:
    """Whether each text is off-target."""
    return [is_off_target(segment.judged.verdict) for segment in metric.judge(texts)]


def counts(found: Iterable[bool | None]) -> list[int]:
    """[off-target, judged]."""
    judged = [each for each in found if each is not None]
    return [sum(judged), len(judged)]


def measure(target: str, texts: dict[str, list[str]], samples: dict[str, list[str]]) -> dict:
    """The entry of a language."""
    source = "de" if target == "en" else "en"
    metric = OffTarget(target_lang=target, source_lang=source)
    by_band: dict[int, list[bool | None]] = defaultdict(list)
    own = texts[target]
    for text, outcome in zip(own, outcomes(metric, own), strict=True):
        by_band[grades.band_of(text)].append(outcome)
    found = {}
    rest = Counter[str]()
    for other, sample in samples.items():
        if same_language(other, target) or same_language(target, other):
            continue
        off, judged = counts(outcomes(metric, sample))
        if canonical(other) in ALWAYS or (judged and 100 * off / judged < KEPT):
            found[canonical(other)] = [off, judged]
        else:
            rest.update(off=off, judged=judged)
    found["*"] = [rest["off"], rest["judged"]]  # all others together
    return {"floors": [counts(by_band[band]) for band in range(len(grades.EDGES))], "found": found}


def main() -> None:
    """Print the file."""
    columns = pq.read_table(Path(sys.argv[1])).to_pydict()
    texts = defaultdict(list)
    for lang, text in zip(columns["lang"], columns["text"], strict=True):
        texts[standard(lang)].append(text)
    samples = {}
    for lang, own in sorted(texts.items()):
        sentences = [t for t in own if grades.band_of(t) >= grades.SENTENCE]
        if len(sentences) >= LEAST:
            draw = random.Random(lang)
            samples[lang] = draw.sample(sentences, min(SAMPLE, len(sentences)))
    languages = {}
    for target in samples:
        try:
            languages[target] = measure(target, texts, samples)
        except DetectorError as error:
            print(error, file=sys.stderr)
    signature = OffTarget(target_lang="it", source_lang="en").signature
    lines = ",\n".join(f"{json.dumps(code)}: {json.dumps(languages[code])}" for code in languages)
    print(f'{{"signature": {json.dumps(signature)}, "languages": {{\n{lines}\n}}}}')


if __name__ == "__main__":
    main()
