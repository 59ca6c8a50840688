"""Ways to repair the language of a model of stage 1, on the same samples, steps and batches.

    python benchmarks/head_to_head.py RUN OUT --seeds 1,2,3 [--methods paper,dpo/instruction]
        [--steps 30] [--precision bfloat16] [--text english.txt]
    python benchmarks/head_to_head.py RUN OUT --seeds 1,2,3 --table    # and OUT/results.json

RUN is a folder of `ontarget run` after stage 1; `{seed}` in it becomes each seed. Every method
takes `steps` optimizer steps of the same samples, with the batch, schedule and adapter of the run's
stage 2. It is tuned with the first seed on dev sentences: three values (`--tries`), of alpha for
ours and of the learning rate for the others. Of those that keep supervised chrF within two points
of stage 1 the one with the best zero-shot chrF is taken. Then all seeds are tested. Losses of TRL
need `trl` (extra `bench`).

Each training has its own process; its seconds include the answers that its pairs are made of, and
its memory is the peak beyond the loaded model. What is in OUT is not made again.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import contrasts
import torch
from contrasts import Source
from head_to_head_table import markdown
from measure import peak_megabytes
from peft import PeftModel

from ontarget import artifacts
from ontarget.analysis.evaluate import evaluate_translations
from ontarget.artifacts import ArrowRecords
from ontarget.data.conflicts import Experiment, draw_conflicts, draw_own_conflicts, instructions_of
from ontarget.data.sampling import choose, first_of_each_direction
from ontarget.decoding.base import Search, translate_all
from ontarget.decoding.hf.translator import HuggingFaceTranslator
from ontarget.models import adapters
from ontarget.models.loading import LoadedModel, load_model, move_to_accelerator
from ontarget.recipe import stage, training_data, yaml_file
from ontarget.recipe.corpus import read_corpus
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.sections.training import Unlikelihood
from ontarget.recipe.training_data import ConflictSamples
from ontarget.records import Direction, Parallel, Sample, Translation
from ontarget.training.batches.sequences import Example, TokenSequence
from ontarget.training.schedule import Schedule
from ontarget.training.train import train

os.environ |= {
    "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TRL_EXPERIMENTAL_SILENCE": "1",
}  # fmt: skip
STAGE1 = "stage 1"
OURS: dict[str, dict[str, Any]] = {  # settings of the section `unlikelihood`
    "paper": {"tokens": "all", "draw": "any_other_instruction"},
    "wrong targets": {"tokens": "all", "draw": "wrong_target"},
    "deciding tokens": {"conflicts": "references", "tokens": "reach"},
    "own answers": {},
}
ALPHAS = {"paper": (0.05, 0.3, 1.0), "wrong targets": (0.05, 0.3, 1.0)}  # others: 0.3, 1, 3
PREFERENCES = ("dpo", "kto", "cpo", "simpo", "orpo")
METHODS = (
    *OURS, "likelihood", "likelihood/self-made", "dpo/self-made", "grpo",
    *(f"{loss}/{kind}" for kind in ("instruction", "own", "response") for loss in PREFERENCES),
)  # fmt: skip
DEV, RATES = "dev", (0.3, 1.0, 0.1)  # times the learning rate of the run's stage 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training and its test."""

    method: str
    value: float  # of alpha, or the factor of the learning rate
    seed: int
    split: str
    run: Path
    out: Path
    steps: int | None
    precision: str | None
    text: Path | None
    segments: int  # dev sentences in each direction

    @property
    def folder(self) -> Path:
        """Where its result is."""
        return (
            self.out / self.method.replace("/", "+") / f"{self.value:.3g}-{self.split}-{self.seed}"
        )

    @property
    def result(self) -> dict[str, Any]:
        """What was measured."""
        return dict(json.loads((self.folder / "result.json").read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a training of a job is made from."""

    job: Job
    recipe: Recipe
    loaded: LoadedModel
    samples: list[Sample]  # one for each place in a step
    section: Unlikelihood

    @classmethod
    def of(cls, job: Job) -> "Case":
        """The model of stage 1, and samples drawn by the job's seed."""
        recipe = yaml_file.load_recipe(job.run / "recipe.yaml")
        assert recipe.unlikelihood is not None
        names = (
            "steps", "batch", "micro_batch", "learning_rate", "schedule", "max_tokens",
            "row_tokens", "adapter", "precision", "optimizer",
        )  # fmt: skip
        own = recipe.unlikelihood.model_dump(include=set(names))
        own |= {k: v for k in ("steps", "precision") if (v := getattr(job, k)) is not None}
        if job.method in OURS:
            own |= OURS[job.method] | {"alpha": job.value}
        elif job.method != STAGE1:
            own["learning_rate"] *= job.value
        section = Unlikelihood.model_validate(own)
        known = ArrowRecords(job.run / "1_prepare" / "train.arrow", Sample)
        samples = choose(known, (section.steps or 1) * section.batch, job.seed)
        loaded = load_model(str(job.run / "3_mle" / "model"))
        move_to_accelerator(loaded.model)
        return cls(job=job, recipe=recipe, loaded=loaded, samples=samples, section=section)

    @property
    def schedule(self) -> Schedule:
        """How it is trained."""
        alpha = self.section.alpha if self.job.method in OURS else 0.0
        return stage.schedule_of(self.section, len(self.samples), self.job.seed, alpha=alpha)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights that answer and are tested; trained are weights in float32."""
        return torch.bfloat16 if self.section.precision == "bfloat16" else torch.float32

    @property
    def source(self) -> Source:
        """What contrasts are made from."""
        recipe = self.recipe
        wanted = {sample.key.rpartition("/")[0] for sample in self.samples}
        rows: dict[str, Parallel] = {}
        if self.job.method.endswith("/response"):
            corpus = read_corpus(recipe.corpus, recipe.languages, recipe.seed)
            rows = {row.key: row for row in corpus.train if row.key in wanted}
        return Source(
            loaded=self.loaded, form=recipe.prompt_format, search=search_of(recipe),
            languages=recipe.languages, samples=self.samples, rows=rows, seed=self.job.seed,
            dtype=self.dtype,
        )  # fmt: skip

    def conflicts(self) -> list[Sample]:
        """The conflict samples of one of our methods."""
        recipe, seed = self.recipe, self.job.seed
        if self.section.conflicts == "own":
            directions = recipe.supervised_directions
            return list(draw_own_conflicts(self.samples, recipe.languages, seed, directions))
        sides = [[s.source_lang for s in self.samples], [s.asked_lang for s in self.samples]]
        experiment = Experiment(languages=recipe.languages, instructions=instructions_of(*sides))
        return list(draw_conflicts(self.samples, self.section.draw, experiment, seed))


def search_of(recipe: Recipe) -> Search:
    """Greedy, with the lengths of the run."""
    settings = recipe.translate
    return Search(beams=1, max_new_tokens=settings.max_new_tokens, batch=settings.batch or 32)


def train_ours(case: Case, folder: Path) -> Any:
    """With our Trainer."""
    form, most, conflicts = case.recipe.prompt_format, case.section.max_tokens, None
    if case.job.method in OURS:
        conflicts = ConflictSamples(samples=case.conflicts(), section=case.section)
    examples = training_data.make_examples(
        case.loaded, form, case.samples, most, conflicts=conflicts
    )
    if case.job.method == "likelihood/self-made":
        examples = [both for pair in zip(examples, self_made(case), strict=False) for both in pair]
    answers = training_data.own_answers(case.loaded, form, case.section.plausibility)
    result = train(case.loaded, examples, case.schedule, folder, answers=answers)
    return result.adapter or case.loaded.model


def self_made(case: Case) -> list[Example]:
    """The pairs of zero-shot directions that the model makes itself, as examples."""
    return [
        Example(
            rows=(
                TokenSequence(
                    key="", tokens=(*one.prompt, *one.chosen), prompt_tokens=len(one.prompt)
                ),
            )
        )
        for one in contrasts.self_made(case.source)
    ]


def train_theirs(case: Case, folder: Path) -> Any:
    """With a trainer of TRL."""
    import preference

    training = preference.Training(loaded=case.loaded, schedule=case.schedule, folder=folder)
    if case.job.method == "grpo":
        return train_by_reward(case, training)
    loss, _, kind = case.job.method.partition("/")
    pairs = list(contrasts.KINDS[kind](case.source))  # type: ignore[index]
    return preference.LOSSES[loss](training, pairs)


def train_by_reward(case: Case, training: Any) -> Any:
    """GRPO on prompts of zero-shot directions."""
    import preference

    asked = contrasts.zero_shot_requests(case.source)
    decode = partial(case.loaded.tokenizer.decode, skip_special_tokens=True)  # GRPO adds BOS
    texts = [str(decode(tokens)) for tokens in case.source.prompts(asked)]
    return preference.grpo(training, texts, asked, search_of(case.recipe).max_new_tokens)


def tuned(case: Case, folder: Path) -> Any:
    """The trained model."""
    method = case.job.method
    ours = method in OURS or method.startswith("likelihood")
    return (train_ours if ours else train_theirs)(case, folder)


def work(job: Job) -> None:
    """Train, translate, score; in a process of its own."""
    torch.manual_seed(job.seed)
    case = Case.of(job)
    seconds, megabytes, model = 0.0, 0.0, case.loaded.model
    if job.method != STAGE1:
        made: list[Any] = []
        with TemporaryDirectory() as folder:
            start = time.perf_counter()
            megabytes = peak_megabytes(lambda: made.append(tuned(case, Path(folder))))
            seconds = time.perf_counter() - start
        (model,) = made
    if isinstance(model, PeftModel):
        model = adapters.merge_adapter(model)
    loaded = replace(case.loaded, model=model.to(case.dtype).eval())
    translations = translate(loaded, case)
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
            "method": job.method, "value": job.value, "seed": job.seed, "split": job.split,
            "seconds": seconds, "megabytes": megabytes, "steps": case.section.steps,
            "batch": case.section.batch, "learning_rate": case.section.learning_rate,
            "text_nats": text_nats(loaded, job.text), "scores": scores,
        },
    )  # fmt: skip


def translate(loaded: LoadedModel, case: Case) -> list[Translation]:
    """Greedy translations of the split in all directions."""
    known = artifacts.read_jsonl(case.job.run / "1_prepare" / f"{case.job.split}.jsonl", Sample)
    samples = (
        first_of_each_direction(known, case.job.segments) if case.job.split == DEV else list(known)
    )
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


def values_of(method: str) -> tuple[float, ...]:
    """What is tried on dev."""
    if method == STAGE1:
        return (1.0,)
    return ALPHAS.get(method, (0.3, 1.0, 3.0)) if method in OURS else RATES


def zero_shot(result: dict[str, Any], name: str) -> float:
    """The mean of a score over zero-shot directions."""
    return mean(score[name] for score in result["scores"] if not score["supervised"])


def supervised(result: dict[str, Any], name: str) -> float:
    """The mean of a score over supervised directions."""
    return mean(score[name] for score in result["scores"] if score["supervised"])


def best_value(results: Sequence[dict[str, Any]], before: dict[str, Any]) -> float:
    """The value with the best zero-shot chrF, of those that keep supervised chrF if any does."""
    floor = supervised(before, "chrf") - 2
    keeping = [result for result in results if supervised(result, "chrf") >= floor]
    return float(max(keeping or results, key=lambda result: zero_shot(result, "chrf"))["value"])


def do(jobs: Sequence[Job]) -> None:
    """Those that are not done, one after another, each in its own process."""
    for job in jobs:
        if not (job.folder / "result.json").exists():
            start = time.perf_counter()
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                pool.submit(work, job).result()
            result = job.result
            print(
                f"{job.method:22} {job.value:5.3g} {job.split:4} seed {job.seed}: zero-shot "
                f"OTR {zero_shot(result, 'off_target_percent'):5.1f} "
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
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    methods, seeds = given.methods.split(","), [int(seed) for seed in given.seeds.split(",")]
    if unknown := set(methods) - {*METHODS, STAGE1}:
        parser.error(f"{', '.join(sorted(unknown))}: no method; choose from {', '.join(METHODS)}")

    def job(method: str, value: float, seed: int, split: str) -> Job:
        return Job(
            method=method, value=value, seed=seed, split=split, out=given.out, text=given.text,
            run=Path(given.run.replace("{seed}", str(seed))), steps=given.steps,
            precision=given.precision, segments=given.segments,
        )  # fmt: skip

    dev = partial(job, seed=seeds[0], split=DEV)
    before = dev(STAGE1, 1.0)
    tests = [job(STAGE1, 1.0, seed, "test") for seed in seeds]
    if not given.table:
        do([before, *tests])
    for method in methods:
        tried = [dev(method, value) for value in values_of(method)[: given.tries]]
        if given.table and not all((one.folder / "result.json").exists() for one in tried):
            continue
        do(tried)
        value = best_value([one.result for one in tried], before.result)
        of_method = [job(method, value, seed, "test") for seed in seeds]
        if not given.table:
            do(of_method)
        tests += of_method
    if given.table:
        tested = [one for one in tests if (one.folder / "result.json").exists()]
        print(markdown([one.folder for one in tested]))
        artifacts.write_json(given.out / "results.json", [one.result for one in tested])


if __name__ == "__main__":
    main()
