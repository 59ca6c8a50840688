"""The report of 20,000 segments: time to build it, its size, and how fast its filters respond.

    python benchmarks/report.py [FOLDER]     # FOLDER keeps the run; otherwise it is removed

A run of three systems and twenty directions is composed from the phrasebook with synthetic
verdicts. Then step 7 runs, and headless Chromium, if installed, times the filters.
"""

import json
import random
import re
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from ontarget import artifacts
from ontarget.data.readers.phrasebook import compose_rows
from ontarget.offtarget.verdicts import NOT_OFF_TARGET, Verdict
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import ReportSettings
from ontarget.records import Direction, JudgedTranslation, Score
from ontarget.stats import wilson
from ontarget.steps import s7_report

SEGMENTS = 20_000
LANGUAGES = ("en", "it", "nl", "ar", "ja", "zh")
ZERO_SHOT = (
    "it-nl",
    "nl-it",
    "it-ar",
    "ar-it",
    "nl-ja",
    "ja-nl",
    "ja-zh",
    "zh-ja",
    "ar-zh",
    "zh-ar",
)
VERDICT_WEIGHTS = {  # of each system, in zero-shot and in supervised directions
    "base": ({"source_copy": 45, "source_language": 20, "pivot": 20, "empty": 10, "mixed": 5},) * 2,
    "stage1": ({"pivot": 90, "mixed": 4, "source_copy": 4, "on_target": 2}, {"on_target": 1}),
    "stage2": ({"on_target": 960, "mixed": 12, "pivot": 10, "other": 9, "empty": 3, "undecided": 6},
               {"on_target": 99, "pivot": 1}),
}  # fmt: skip
HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>",
    "\u202eright to left\u202c and \u200binvisible\u0007 & <b>bold</b> {{ 7 * 7 }}",
    '=HYPERLINK("http://127.0.0.1","click")',
)
TIMED = """
const done = async () => {
  const before = performance.now();
  while (f.contentDocument.getElementById("browser").hidden) await new Promise(setTimeout);
  const unpacked = performance.now() - before;
  const form = f.contentDocument.getElementById("filters"), times = { unpacked };
  const set = (name, value) => {
    const start = performance.now();
    form.elements[name].value = value;
    form.elements[name].dispatchEvent(new f.contentWindow.Event("input", { bubbles: true }));
    f.contentDocument.body.offsetHeight;
    return performance.now() - start;
  };
  times.first_search = set("q", "zz");
  times.search = Math.max(...["o", "on", "on ", "15", ""].map((q) => set("q", q)));
  times.verdict = Math.max(...["pivot", "off_target", "mixed", ""].map((v) => set("verdict", v)));
  times.system = set("system", "base");
  times.sort = Math.max(...["chrf", "order"].map((sort) => set("sort", sort)));
  console.log("TIMES " + JSON.stringify(times) + " END");
};
f.onload = done;
"""


def recipe(out: Path) -> Recipe:
    """The recipe of such a run."""
    content = {
        "name": "composed",
        "out": str(out),
        "languages": LANGUAGES,
        "zero_shot": ZERO_SHOT,
        "corpus": {"phrasebook": {"train": 100, "test": SEGMENTS // 20}},
        "base": {"model": "someone/an-llm"},
        "mle": {"epochs": 1},
        "unlikelihood": {"steps": 100},
        "report": {"segments": SEGMENTS},
    }
    return Recipe.model_validate(content)


def judged_translations(made: Recipe) -> Iterator[JudgedTranslation]:
    """Of twenty directions and three systems; a segment is two phrasebook sentences."""
    draw = random.Random(1)
    per_direction = SEGMENTS // 20
    rows = list(compose_rows(LANGUAGES, 1, held_out=2 * per_direction, train=0, glossary=0))
    meanings = [
        {code: f"{a.texts[code]}. {b.texts[code]}" for code in LANGUAGES}
        for a, b in list(pairwise(rows))[::2]
    ]
    meanings.append({code: " - ".join(row.texts[code] for row in rows[-2:]) for code in LANGUAGES})
    directions = (*made.supervised_directions, *made.zero_shot_directions)
    for system, by_setting in VERDICT_WEIGHTS.items():
        for direction in directions:
            weights = by_setting[direction in made.supervised_directions]
            for number, texts in enumerate(meanings[:per_direction]):
                (verdict,) = draw.choices(list(weights), list(weights.values()))
                key = f"phrasebook:{number}/{direction}"
                yield judged_translation(system, direction, (key, texts), verdict, draw)


def judged_translation(
    system: str, direction: Direction, meaning: tuple[str, dict[str, str]], verdict: str,
    draw: random.Random,
) -> JudgedTranslation:  # fmt: skip
    """A translation that could have this verdict."""
    key, texts = meaning
    source, target = direction
    right = texts[target]
    words = right.split()
    draw.shuffle(words)
    text, language = {
        "on_target": (draw.choice([right, " ".join(words), right + " " + words[0]]), target),
        "source_copy": (texts[source], source),
        "source_language": (texts[source] + " " + texts[source][:20], source),
        "pivot": (texts["en"], "en"),
        "other": (draw.choice([texts["nl"], *HOSTILE]), "nl"),
        "mixed": (right[:30] + " " + texts["en"], ""),
        "empty": (" ", ""),
        "undecided": ("15", ""),
    }[verdict]
    exact = 100.0 if text == right else draw.uniform(55, 97)
    return JudgedTranslation(
        key=key, system=system, source_lang=source, target_lang=target, source=texts[source],
        reference=right, hypothesis=text, verdict=verdict, detected_lang=language,
        reference_verdict="on_target" if draw.random() < 0.98 else "other",
        reference_detected_lang=target,
        chrf=round(exact if verdict == "on_target" else draw.uniform(0, 25), 2),
    )  # fmt: skip


def score(
    system: str, direction: Direction, group: list[JudgedTranslation], supervised: bool
) -> Score:
    """The score of a system in a direction, as step 6 writes it; BLEU is derived from chrF."""
    verdicts = Counter(each.verdict for each in group)
    judged = len(group) - verdicts["undecided"]
    count = sum(number for verdict, number in verdicts.items() if verdict not in NOT_OFF_TARGET)
    floor = sum(each.reference_verdict != "on_target" for each in group)
    chrf = sum(each.chrf for each in group) / len(group)
    return Score(
        system=system, source=direction[0], target=direction[1], supervised=supervised,
        segments=len(group), bleu=chrf * 0.8, chrf=chrf, off_target_percent=100 * count / judged,
        off_target_interval=wilson(count, judged),
        reference_off_target_percent=100 * floor / len(group),
        verdicts={each.value: verdicts[each] for each in Verdict},
        languages=dict(Counter(each.detected_lang for each in group if each.detected_lang)),
        detector="lid:made-up", signatures={"bleu": "synthetic", "chrf": "synthetic"},
    )  # fmt: skip


def compose(made: Recipe) -> None:
    """Write what step 7 reads of a run."""
    every = list(judged_translations(made))
    groups: dict[tuple[str, Direction], list[JudgedTranslation]] = {}
    for each in every:
        direction = Direction(each.source_lang, each.target_lang)
        groups.setdefault((each.system, direction), []).append(each)
    scores = [
        score(*key, group, key[1] in made.supervised_directions) for key, group in groups.items()
    ]
    folder = made.out / "6_evaluate"
    folder.mkdir(parents=True)
    artifacts.write_jsonl(folder / "segments.jsonl", every)
    artifacts.write_jsonl(folder / "scores.jsonl", scores)
    artifacts.write_jsonl(folder / "ability.jsonl", [])
    for step, (start, end) in {"3_mle": (2.3, 0.9), "4_unlikelihood": (1.0, 0.8)}.items():
        (made.out / step).mkdir()
        curve = [
            {"step": at, "likelihood": end + (start - end) / at**0.5,
             "unlikelihood": 5.2 / at**0.7 if step == "4_unlikelihood" else 0.0}
            for at in range(1, 101)
        ]  # fmt: skip
        artifacts.write_jsonl(made.out / step / "curve.jsonl", curve)
    verdict = {"verdict": {"words": "stage 2 is likely to help (synthetic)"}}
    artifacts.write_json(made.out / "4_unlikelihood" / "preflight.json", verdict)
    (made.out / "2_conflict").mkdir()
    results = {"2_conflict": {"asking_for_the_right_language_percent": 0.0}}
    for step in ("2_conflict", "3_mle", "4_unlikelihood", "6_evaluate"):
        content = {
            "fingerprint": "",
            "result": results.get(step, {}),
            "python": "3",
            "libraries": {"torch": "x", "transformers": "x", "sacrebleu": "x"},
        }
        artifacts.write_stamp(made.out / step, content)


def latencies(page: Path) -> dict[str, float] | None:
    """Milliseconds from input to layout, the worst of each kind; None without Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        return None
    with TemporaryDirectory() as folder:
        frame = Path(folder) / "frame.html"
        frame.write_text(
            f"<iframe id=f width=1280 height=900 src='{page.absolute().as_uri()}'></iframe>"
            f"<script>{TIMED}</script>"
        )
        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            "--allow-file-access-from-files", f"--user-data-dir={folder}/profile", frame.as_uri(),
        ]  # fmt: skip
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
            assert running.stderr is not None
            said = next((line for line in running.stderr if "TIMES" in line), "")
            running.terminate()
    found = re.search(r"TIMES (.*) END", said)
    assert found, "Chromium ended without a result"
    times: dict[str, float] = json.loads(found[1].replace("\\", ""))
    return times


def main(folder: Path) -> None:
    """Compose the run, build the report, time the filters."""
    made = recipe(folder)
    compose(made)
    out = folder / "7_report"
    out.mkdir()
    needed = ("2_conflict", "3_mle", "4_unlikelihood", "6_evaluate")
    context = StepContext(
        settings=ReportSettings.of(made),
        inputs={name: folder / name for name in needed},
        out=out,
        start="",
        unfinished=folder / ".unfinished",
        logs=folder / "logs",
        run_name=made.name,
        report_to=(),
        tell=lambda *_: None,
    )
    start = time.perf_counter()
    result = s7_report.run(context)
    seconds = time.perf_counter() - start
    page = out / "report.html"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    segments, left_out = result["segments"], result["left_out"]
    print(f"{segments} segments of {len(VERDICT_WEIGHTS)} systems, {left_out} left out")
    print(f"built in {seconds:.1f} s, {page.stat().st_size / 1e6:.1f} MB, peak {peak:.0f} MB")
    times = latencies(page)
    if times is None:
        print("filters not timed: Chromium is not installed")
    else:
        print(", ".join(f"{name} {value:.0f} ms" for name, value in times.items()))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as place:
            main(Path(place) / "run")
