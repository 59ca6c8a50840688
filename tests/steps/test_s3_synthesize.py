"""Step 3's pairs for stage 2: which translations are kept, and what stage 2 reads of them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Writer
from support.runs import FinishedRun, Log, from_model, run

from ontarget import artifacts
from ontarget.artifacts import ArrowRecords
from ontarget.data.directions import around_pivot
from ontarget.data.synthetic import SyntheticPair
from ontarget.decoding.base import Hypothesis
from ontarget.errors import CorpusError, RecipeError
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.offtarget.detection import Detection
from ontarget.pipeline.graph import steps_of
from ontarget.recipe.sections.training import Base, Unlikelihood
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import SynthesizeSettings
from ontarget.recipe.yaml_file import load_recipe
from ontarget.records import Sample
from ontarget.steps import s3_synthesize

LANGUAGES = ("en", "it", "de")
ENGLISH = "The weather was very bad yesterday, so we stayed at home all day."
RIGHT = {
    "it": "Ieri il tempo era molto brutto, quindi siamo rimasti a casa tutto il giorno.",
    "de": "Gestern war das Wetter sehr schlecht, deshalb blieben wir den ganzen Tag zu Hause.",
}


def samples(rows: int = 8) -> list[Sample]:
    return [
        Sample(
            key=f"a.tsv:{row}/en-{code}", source_lang="en", asked_lang=code, target_lang=code,
            source=f"{ENGLISH} {row}", target=f"{RIGHT[code]} {row}",
        )
        for row in range(rows)
        for code in RIGHT
    ]  # fmt: skip


def context(folder: Path, *, share: float = 0.5, steps: int | None = 4) -> StepContext[Any]:
    for name in ("1_prepare", "3_synthesize"):
        (folder / name).mkdir(exist_ok=True)
    artifacts.write_arrow(folder / "1_prepare" / "train.arrow", samples(), Sample)
    settings = SynthesizeSettings(
        seed=1, base=Base(model="m"), prompt_format=PromptFormat(template=TEMPLATES["plain"]),
        supervised=around_pivot(LANGUAGES), detection=Detection(pivot="en"), precision="float32",
        general=False, share=share, samples=None if steps is None else 4 * steps,
    )  # fmt: skip
    return StepContext(
        settings=settings, inputs={"1_prepare": folder / "1_prepare"},
        out=folder / "3_synthesize", start="", unfinished=folder, logs=folder, run_name="",
        report_to=(), tell=Log().tell,
    )  # fmt: skip


def answers(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[SyntheticPair]:
    """The model answers so; the pairs that it was asked for, in a list that fills."""
    asked: list[SyntheticPair] = []

    def translated(context: StepContext[Any], pairs: list[SyntheticPair]) -> list[Hypothesis]:
        asked.extend(pairs)
        return [answer(pair) for pair in pairs]

    monkeypatch.setattr(s3_synthesize, "translated", translated)
    return asked


def test_translations_that_are_off_target_empty_or_cut_are_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four answers in turn: right, in English, none, and one that was cut."""
    given: list[str] = []

    def answer(pair: SyntheticPair) -> Hypothesis:
        given.append(pair.sample.key)
        right = RIGHT[pair.sample.target_lang]
        return [
            Hypothesis(right),
            Hypothesis("This answer is in English, whatever language was requested."),
            Hypothesis(""),
            Hypothesis(right, truncated=True),
        ][len(given) % 4 - 1]

    asked = answers(monkeypatch, answer)
    result = s3_synthesize.run(context(tmp_path))
    kept = list(ArrowRecords(tmp_path / "3_synthesize" / "synthetic.arrow", Sample))
    assert [one.key for one in kept] == given[::4]
    assert all(one.target == RIGHT[one.target_lang] for one in kept)
    assert len(asked) == 8
    assert result == {
        "pairs": 2,
        "left_out": {"source_language": 2, "empty": 2, "cut at the greatest length": 2},
    }


@pytest.mark.parametrize(
    ("share", "steps", "count"),
    [
        (0.5, 2, 4),  # of 8 samples
        (0.3, 2, 2),
        (0.99, 1, 3),  # of 4; one true sample is left
        (0.5, 100, 8),  # of the 16 that there are, not of 400
        (0.25, None, 4),
    ],
)
def test_pairs_take_the_place_of_a_share_of_the_samples_that_stage_2_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float, steps: int | None, count: int
) -> None:
    asked = answers(monkeypatch, lambda pair: Hypothesis(RIGHT[pair.sample.target_lang]))
    s3_synthesize.run(context(tmp_path, share=share, steps=steps))
    assert len(asked) == count


def test_a_share_of_a_single_sample_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, lambda pair: Hypothesis(""))
    one = context(tmp_path, steps=1)
    one = replace(one, settings=replace(one.settings, samples=1))
    with pytest.raises(CorpusError) as raised:
        s3_synthesize.run(one)
    assert str(raised.value) == (
        "unlikelihood.synthetic: 0.5 of stage 2's samples are no pair that could be drawn; raise "
        "steps or batch, or leave it out"
    )


def test_a_model_without_a_usable_translation_is_an_error_that_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, lambda pair: Hypothesis("", truncated=len(pair.sample.key) < 2))
    with pytest.raises(CorpusError) as raised:
        s3_synthesize.run(context(tmp_path))
    assert str(raised.value) == (
        "unlikelihood.synthetic: none of 8 translations in supervised directions can be used "
        "(empty 8), so the model does not translate yet; train stage 1 (longer), or set synthetic "
        "to 0"
    )


def test_languages_without_a_third_one_have_no_synthetic_pairs(write_recipe: Writer) -> None:
    recipe = write_recipe(
        languages=["en", "it"],
        unlikelihood={"steps": 1, "conflicts": "references", "synthetic": 0.5},
    )
    with pytest.raises(RecipeError) as raised:
        load_recipe(recipe)
    assert "unlikelihood.synthetic: no supervised pair gives one of a zero-shot" in str(
        raised.value
    )


def test_synthetic_pairs_come_with_the_paper_s_conflicts_unless_others_are_named() -> None:
    chosen = Unlikelihood.model_validate({"steps": 1, "synthetic": 0.5})
    assert (chosen.conflicts, chosen.tokens, chosen.alpha) == ("references", "all", 0.3)
    assert chosen.draw == "any_other_instruction"
    own = Unlikelihood.model_validate({"steps": 1, "synthetic": 0.5, "conflicts": "own"})
    assert (own.tokens, own.alpha) == ("reach", 1.0)


def test_alpha_0_without_synthetic_pairs_would_repeat_stage_1(write_recipe: Writer) -> None:
    with pytest.raises(RecipeError) as raised:
        load_recipe(write_recipe(unlikelihood={"steps": 1, "alpha": 0.0}))
    assert (
        "unlikelihood: alpha: 0 leaves unlikelihood out, so this stage would repeat stage 1; add "
        "synthetic: 0.5, or raise alpha" in str(raised.value)
    )


@pytest.mark.parametrize("alpha", [1.0, 0.0])
def test_stage_2_trains_on_true_samples_and_on_the_pairs_that_the_model_made(
    write_recipe: Writer,
    finished_run: FinishedRun,
    monkeypatch: pytest.MonkeyPatch,
    alpha: float,
) -> None:
    """3 steps of 4 samples, half of them pairs; with alpha 0 no conflict is drawn or trained."""
    monkeypatch.setattr(
        s3_synthesize, "translated", lambda context, pairs: [Hypothesis("10")] * len(pairs)
    )
    section = {"steps": 3, "batch": 4, "micro_batch": 2, "preflight": 0, "synthetic": 0.5}
    recipe = write_recipe(
        base=from_model(finished_run, "3_mle"), mle=None, control=False,
        unlikelihood=section | {"alpha": alpha},
        translate={"beams": 1, "max_new_tokens": 4, "systems": ["stage2"]},
    )  # fmt: skip
    run(recipe)
    out = load_recipe(recipe).out
    folders = [step.folder for step in steps_of(load_recipe(recipe))]
    made = folders[: folders.index("4_unlikelihood") + 1]
    assert made[-2:] == ["3_synthesize", "4_unlikelihood"]
    assert ("2_conflict" in made) == (out / "2_conflict").exists() == bool(alpha)
    pairs = json.loads((out / "3_synthesize" / "step.json").read_text())["result"]["pairs"]
    trained = json.loads((out / "4_unlikelihood" / "step.json").read_text())["result"]
    curve = artifacts.read_jsonl(out / "4_unlikelihood" / "curve.jsonl", dict)
    assert (pairs, trained["samples"]) == (6, 12)
    assert all(bool(point["unlikelihood"]) == bool(alpha) for point in curve)
    report = (out / "7_report" / "report.md").read_text()
    assert "Of the 12 samples of stage 2 6 are synthetic pairs of zero-shot directions; 0" in report
