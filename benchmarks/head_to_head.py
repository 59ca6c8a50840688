"""Ways to repair the language of a model of stage 1, on the same samples, steps and batches.

    python benchmarks/head_to_head.py RUN OUT --seeds 1,2,3 [--methods paper,dpo/instruction]
        [--steps 30] [--precision bfloat16] [--text english.txt]
    python benchmarks/head_to_head.py RUN OUT --seeds 1,2,3 --table    # and OUT/results.jsonl

RUN is a folder of `ontarget run` after stage 1; `{seed}` in it becomes each seed. Every method
takes `steps` optimizer steps of the same samples, with the batch, schedule and adapter of the run's
stage 2. It is tuned with the first seed on dev sentences: four learning rates, then at the best of
them two more weights (alpha of ours, beta of TRL's). Of those that keep supervised chrF within two
points of stage 1 the one with the best zero-shot chrF is taken. Then all seeds are tested. Losses
of TRL need `trl` (extra `bench`).

Each training has its own process; its seconds include the answers that its pairs are made of, and
its memory is the peak beyond the loaded model. What is in OUT is not made again.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import torch
from head_to_head_table import markdown
from measure import peak_megabytes
from methods import (
    BY_TARGET,
    DEV,
    METHODS,
    STAGE1,
    Case,
    Job,
    rates_of,
    search_of,
    tuned,
    weights_of,
)
from peft import PeftModel
from safetensors.torch import load_model as load_weights
from safetensors.torch import save_model

from ontarget import artifacts
from ontarget.analysis.evaluate import evaluate_translations
from ontarget.data.sampling import first_of_each_direction
from ontarget.decoding.base import translate_all
from ontarget.decoding.hf.translator import HuggingFaceTranslator
from ontarget.models import adapters
from ontarget.models.loading import LoadedModel, load_model, move_to_accelerator
from ontarget.records import Direction, Sample, Translation

os.environ |= {
    "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TRL_EXPERIMENTAL_SILENCE": "1",
}  # fmt: skip
COST, WEIGHTS = "cost.json", "weights.safetensors"


def work(job: Job) -> None:
    """Train, translate, score; in a process of its own."""
    case = Case.of(job)
    by_target = job.method == BY_TARGET
    parts = [replace(job, into=code) for code in case.recipe.languages] if by_target else [job]
    made = [trained(part) for part in parts]
    cost = {key: sum(cost[key] for cost, _ in made) for key in ("seconds", "megabytes")}
    cost["megabytes"] /= len(parts)
    translations = [
        one
        for (_, loaded), part in zip(made, parts, strict=True)
        for one in translate(loaded, replace(case, job=part))
    ]
    by_direction: dict[Direction, list[Translation]] = {}
    for one in translations:
        by_direction.setdefault(Direction(one.source_lang, one.target_lang), []).append(one)
    scores, segments = [], []
    for direction, group in by_direction.items():
        supervised = direction in case.recipe.supervised_directions
        metric = case.recipe.detection.metric(direction)
        judged, score = evaluate_translations(metric, group, supervised=supervised)
        scores.append(asdict(score))
        segments += judged
    job.folder.mkdir(parents=True, exist_ok=True)
    artifacts.write_jsonl(job.folder / "segments.jsonl", segments)
    artifacts.write_json(
        job.folder / "result.json",
        {
            "method": job.method, "rate": job.rate, "weight": job.weight,
            "seed": job.seed, "split": job.split, "steps": case.section.steps, **cost,
            "batch": case.section.batch, "learning_rate": case.section.learning_rate,
            "text_nats": None if by_target else text_nats(made[0][1], job.text), "scores": scores,
        },
    )  # fmt: skip


def trained(job: Job) -> tuple[dict[str, float], LoadedModel]:
    """The cost of a training, which is made unless it is there, and the model."""
    torch.manual_seed(job.seed)
    case = Case.of(job)
    cost, model = {"seconds": 0.0, "megabytes": 0.0}, case.loaded.model
    if job.method != STAGE1:
        if not (job.training / COST).exists():
            train_and_save(case)
        cost = json.loads((job.training / COST).read_text(encoding="utf-8"))
        model = saved_model(case)
    return cost, replace(case.loaded, model=model.to(case.dtype).eval())


def train_and_save(case: Case) -> None:
    """Train; write the adapter or all weights, and the cost. Dev and test are of one training."""
    made: list[Any] = []
    out = case.job.training
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        megabytes = peak_megabytes(lambda: made.append(tuned(case, Path(folder))))
        seconds = time.perf_counter() - start
    (model,) = made
    out.mkdir(parents=True, exist_ok=True)
    if isinstance(model, PeftModel):
        adapters.save_adapter(model, out)
    else:
        save_model(model, str(out / WEIGHTS))
    artifacts.write_json(out / COST, {"seconds": seconds, "megabytes": megabytes})


def saved_model(case: Case) -> Any:
    """The trained model, in a fresh network: trainers leave hooks in the one that they trained."""
    fresh = load_model(str(case.job.run / "3_mle" / "model")).model
    if (case.job.training / WEIGHTS).exists():
        load_weights(fresh, str(case.job.training / WEIGHTS))
    else:
        fresh = adapters.merge_adapter(adapters.load_adapter(fresh, case.job.training))
    return move_to_accelerator(fresh)


def translate(loaded: LoadedModel, case: Case) -> list[Translation]:
    """Greedy translations of the split in all directions."""
    known = artifacts.read_jsonl(case.job.run / "1_prepare" / f"{case.job.split}.jsonl", Sample)
    samples = (
        first_of_each_direction(known, case.job.segments) if case.job.split == DEV else list(known)
    )
    samples = [one for one in samples if case.job.into in ("", one.target_lang)]
    translator = HuggingFaceTranslator(loaded, case.recipe.prompt_format, search_of(case.recipe))
    return [
        Translation(
            key=sample.key, system="stage2", source_lang=sample.source_lang,
            target_lang=sample.target_lang, source=sample.source, reference=sample.target,
            hypothesis=text,
        )
        for sample, text in zip(samples, translate_all(translator, samples), strict=True)
    ]  # fmt: skip


def text_nats(loaded: LoadedModel, text: Path | None) -> float | None:
    """Mean nats of a token of running text: what is left of the language model."""
    if text is None:
        return None
    total, count = 0.0, 0
    for line in text.read_text(encoding="utf-8").splitlines():
        ids = torch.tensor(loaded.prompts([line]), device=loaded.model.device)
        with torch.no_grad():
            loss = loaded.model(input_ids=ids, labels=ids).loss
        total, count = total + loss.item() * (ids.shape[1] - 1), count + ids.shape[1] - 1
    return total / count


def zero_shot(result: dict[str, Any], name: str) -> float:
    """The mean of a score over zero-shot directions."""
    return mean(score[name] for score in result["scores"] if not score["supervised"])


def supervised(result: dict[str, Any], name: str) -> float:
    """The mean of a score over supervised directions."""
    return mean(score[name] for score in result["scores"] if score["supervised"])


def best(jobs: Sequence[Job], before: dict[str, Any]) -> Job:
    """The one with the best zero-shot chrF, of those that keep supervised chrF if any does."""
    floor = supervised(before, "chrf") - 2
    keeping = [job for job in jobs if supervised(job.result, "chrf") >= floor]
    return max(keeping or jobs, key=lambda job: zero_shot(job.result, "chrf"))


def shortened(result: dict[str, Any]) -> dict[str, Any]:
    """A result without intervals, languages and signatures."""
    kept = ("source", "target", "supervised", "segments", "bleu", "chrf", "off_target_percent",
            "reference_off_target_percent", "verdicts")  # fmt: skip
    return result | {"scores": [{key: one[key] for key in kept} for one in result["scores"]]}


def do(jobs: Sequence[Job]) -> None:
    """Those that are not done, one after another, each in its own process."""
    for job in jobs:
        if not (job.folder / "result.json").exists():
            start = time.perf_counter()
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                pool.submit(work, job).result()
            result = job.result
            print(
                f"{job.method:22} {job.rate:g}x{job.weight:g}, {job.split} seed {job.seed}: "
                f"zero-shot OTR {zero_shot(result, 'off_target_percent'):5.1f} "
                f"chrF {zero_shot(result, 'chrf'):5.1f}, supervised chrF "
                f"{supervised(result, 'chrf'):5.1f}; trained {result['seconds']:.0f} s, "
                f"{result['megabytes']:,.0f} MB; all {time.perf_counter() - start:.0f} s",
                flush=True,
            )


def main() -> None:
    """Tune, train and test what is missing; or print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--precision")
    parser.add_argument("--text", type=Path)
    parser.add_argument("--segments", type=int, default=8)
    parser.add_argument("--rates", type=int, default=4, help="tried on dev, at most")
    parser.add_argument("--weights", type=int, default=3, help="tried on dev, at most")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    methods, seeds = given.methods.split(","), [int(seed) for seed in given.seeds.split(",")]
    if unknown := set(methods) - {*METHODS, STAGE1}:
        parser.error(f"{', '.join(sorted(unknown))}: no method; choose from {', '.join(METHODS)}")

    def job(method: str, rate: float, weight: float, seed: int, split: str = "test") -> Job:
        return Job(
            method=method, rate=rate, weight=weight, seed=seed, split=split, out=given.out,
            run=Path(given.run.replace("{seed}", str(seed))), steps=given.steps,
            precision=given.precision, segments=given.segments, text=given.text,
        )  # fmt: skip

    def finished(jobs: Sequence[Job]) -> list[Job]:
        """The jobs, made where they are missing; with --table only those that are there."""
        if not given.table:
            do(jobs)
        return [one for one in jobs if (one.folder / "result.json").exists()]

    dev = partial(job, seed=seeds[0], split=DEV)
    (before,) = finished([dev(STAGE1, 1.0, 0.0)])
    tests = finished([job(STAGE1, 1.0, 0.0, seed) for seed in seeds])
    for method in methods:
        default, *others = weights_of(method)[: given.weights]
        tried = finished([dev(method, rate, default) for rate in rates_of(method)[: given.rates]])
        if tried:
            rate = best(tried, before.result).rate
            tried += finished([dev(method, rate, weight) for weight in others])
            chosen = best(tried, before.result)
            tests += finished([job(method, chosen.rate, chosen.weight, seed) for seed in seeds])
    if given.table:
        print(markdown([one.folder for one in tests]))
        lines = [json.dumps(shortened(one.result)) for one in tests]
        (given.out / "results.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
