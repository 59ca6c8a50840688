"""Two systems with literal scores and eight segments a direction, to compare."""

from dataclasses import replace

from ontarget.analysis import compare
from ontarget.analysis.compare import Comparison, SystemResults
from ontarget.records import Direction, JudgedTranslation, Score
from support.texts import TEXTS

OUTPUT = JudgedTranslation(
    key="test:0", system="stage2", source_lang="it", target_lang="nl", source="a", reference="b",
    hypothesis="c", verdict="on_target", detected_lang="nl", reference_verdict="on_target",
    reference_detected_lang="nl", chrf=50.0,
)  # fmt: skip
SCORE = Score(
    system="stage2", source="en", target="it", supervised=True, segments=8, bleu=60.0, chrf=70.0,
    off_target_percent=12.5, off_target_interval=(2.242, 47.09), reference_off_target_percent=1.0,
    verdicts={}, languages={}, detector="lid:x|set:open(176)",
    signatures={"bleu": "tok:13a", "chrf": "nc:6"},
)  # fmt: skip
ZERO_SHOT = replace(
    SCORE, source="it", target="nl", supervised=False, bleu=5.0, chrf=25.0, off_target_percent=100.0
)
ZERO_SHOT_BACK = replace(ZERO_SHOT, source="nl", target="it", bleu=6.5, off_target_percent=50.0)
NO_RATIO = {"off_target_percent": None, "off_target_interval": None}


def results(
    scores: list[Score], hypotheses: list[str] | None = None, run: str = "runs/x"
) -> SystemResults:
    """Eight Dutch references in each direction; English hypotheses have the verdict pivot.

    Without `hypotheses`, the system's outputs are the references.
    """
    references = TEXTS["nl"] * 2
    texts = references if hypotheses is None else hypotheses
    outputs = {
        Direction(score.source, score.target): tuple(
            replace(
                OUTPUT,
                key=f"test:{number}",
                source_lang=score.source,
                target_lang=score.target,
                reference=reference,
                hypothesis=text,
                verdict="pivot" if text in TEXTS["en"] else "on_target",
            )
            for number, (text, reference) in enumerate(zip(texts, references, strict=True))
        )
        for score in scores
    }
    return SystemResults(run=run, name="stage2", scores=tuple(scores), outputs=outputs)


def a_comparison() -> Comparison:
    """B is far better in the zero-shot directions and slightly worse in the supervised one."""
    a = results([SCORE, ZERO_SHOT, ZERO_SHOT_BACK], TEXTS["en"] * 2, "runs/a")
    better = {"bleu": 80.25, "chrf": 85.0, "off_target_interval": (0.0, 32.441)}
    b = [
        replace(SCORE, bleu=58.0, off_target_percent=12.5),
        replace(ZERO_SHOT, off_target_percent=0.0, **better),
        replace(ZERO_SHOT_BACK, off_target_percent=1.0, **better),
    ]
    return compare.compare(a, results(b, run="runs/b"))
