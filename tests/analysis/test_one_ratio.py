"""There is one off-target ratio: all that compute it agree with a count by hand."""

from dataclasses import replace
from math import sqrt
from pathlib import Path

import pytest
from support.models import tiny
from support.texts import TEXTS
from support.translators import FixedTranslator

from ontarget import OffTarget
from ontarget.analysis.diagnosis.diagnose import DiagnosisSettings, diagnose
from ontarget.analysis.evaluate import evaluate_translations
from ontarget.analysis.evaluate_files import evaluate_files
from ontarget.analysis.results import ratio_fault
from ontarget.analysis.validation import validate
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.offtarget.detection import Detection
from ontarget.records import Direction, Sample, Translation

NL_IT = Direction("nl", "it")
IT, NL, EN = TEXTS["it"], TEXTS["nl"], TEXTS["en"]
SEGMENTS = [  # source, reference, hypothesis, verdict on the hypothesis
    (NL[0], IT[0], IT[0], "on_target"),
    (NL[1], IT[1], NL[1], "source_copy"),
    (NL[2], NL[2], EN[2], "pivot"),  # a reference in the wrong language
    (NL[3], IT[3], "", "empty"),
    ("Nee.", "No.", "Sì.", "undecided"),
    (NL[0], IT[0], IT[2], "on_target"),
]
OFF_TARGET, JUDGED = 3, 5
WRONG_REFERENCES, JUDGED_REFERENCES = 1, 5
PERCENT, FLOOR = 60.0, 20.0


def wilson_by_formula(count: int, total: int) -> tuple[float, float]:
    """Wilson (1927), in float64 and percent."""
    z, p = 1.959963984540054, count / total
    centre = (p + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z * sqrt(p * (1 - p) / total + z**2 / (4 * total**2)) / (1 + z**2 / total)
    return 100 * (centre - half), 100 * (centre + half)


def translations() -> list[Translation]:
    return [
        Translation(
            key=str(number), system="stage2", source_lang="nl", target_lang="it",
            source=source, reference=reference, hypothesis=hypothesis,
        )
        for number, (source, reference, hypothesis, _) in enumerate(SEGMENTS)
    ]  # fmt: skip


def samples() -> list[Sample]:
    return [
        Sample(
            key=str(number), source_lang="nl", asked_lang="it", target_lang="it",
            source=source, target=reference,
        )
        for number, (source, reference, _, _) in enumerate(SEGMENTS)
    ]  # fmt: skip


def test_step_6_counts_the_ratio_as_by_hand() -> None:
    metric = Detection(pivot="en").metric(NL_IT)
    judged, score = evaluate_translations(metric, translations(), supervised=False)
    assert [one.verdict for one in judged] == [verdict for *_, verdict in SEGMENTS]
    assert (score.off_target_percent, score.reference_off_target_percent) == (PERCENT, FLOOR)
    assert score.off_target_interval == pytest.approx(
        wilson_by_formula(OFF_TARGET, JUDGED), abs=6e-4
    )
    assert (score.segments, sum(score.verdicts.values())) == (6, 6)


def test_a_score_read_back_is_checked_against_the_same_count() -> None:
    metric = Detection(pivot="en").metric(NL_IT)
    _, score = evaluate_translations(metric, translations(), supervised=False)
    assert ratio_fault(score) is None
    fault = ratio_fault(replace(score, off_target_percent=50.0))
    assert fault == "off_target_percent: expected 60.000 by its verdicts"


def test_evaluating_files_counts_the_ratio_as_by_hand(tmp_path: Path) -> None:
    sources, references, hypotheses = (tmp_path / name for name in ("src", "ref", "hyp"))
    for column, path in enumerate((sources, references, hypotheses)):
        path.write_text("".join(f"{row[column]}\n" for row in SEGMENTS), encoding="utf-8")
    metric = OffTarget(target_lang="it", source_lang="nl")
    (evaluation,) = evaluate_files(metric, [hypotheses], [references], sources)
    score = evaluation.off_target
    assert (score.count, score.judged) == (OFF_TARGET, JUDGED)
    assert (score.percent, score.floor_percent) == (PERCENT, FLOOR)
    assert (score.low, score.high) == pytest.approx(wilson_by_formula(OFF_TARGET, JUDGED))


def test_diagnosis_and_validation_count_the_ratio_as_by_hand() -> None:
    fixed = FixedTranslator(
        {str(n): hypothesis for n, (_, _, hypothesis, _) in enumerate(SEGMENTS)}
    )
    detection = Detection(pivot="en")
    validated = validate(fixed, samples(), detection, step=1)
    assert validated.off_target_percent == PERCENT
    assert validated.reference_off_target_percent == FLOOR
    settings = DiagnosisSettings(
        languages=("en", "it", "nl"),
        supervised=(NL_IT,),
        prompt_format=PromptFormat(template=TEMPLATES["plain"]),
        detection=detection,
        seed=0,
    )
    (direction,) = diagnose(tiny(), fixed, samples(), settings).measures.directions
    assert (direction.name, direction.percent) == ("nl-it", PERCENT)
    assert direction.reference_percent == FLOOR
    assert (direction.off_target, direction.judged) == (OFF_TARGET, JUDGED)
