"""A report of literal scores and segments."""

from dataclasses import replace

from ontarget.analysis import significance
from ontarget.analysis.segments import SegmentOutputs, align_segments
from ontarget.offtarget.verdicts import Verdict
from ontarget.records import JudgedTranslation, Score
from ontarget.report.figures.curves import draw_chart
from ontarget.report.page import ReportContent, fit_segments

SYSTEMS = ("base", "stage1", "stage2")
VERDICTS = dict.fromkeys([each.value for each in Verdict], 0)
SCORE = Score(
    system="stage1", source="it", target="nl", supervised=False, segments=20, bleu=6.0, chrf=28.0,
    off_target_percent=98.0, off_target_interval=(90.0, 99.6), reference_off_target_percent=3.0,
    verdicts=VERDICTS | {"pivot": 18, "on_target": 1, "undecided": 1},
    languages={"en": 18, "nl": 1}, detector="lid:x", signatures={"bleu": "nrefs:1"},
)  # fmt: skip
OUTPUT = JudgedTranslation(
    key="t:1/it-nl", system="stage1", source_lang="it", target_lang="nl", source="Ciao a tutti.",
    reference="Dag allemaal.", hypothesis="Hello all.", verdict="pivot", detected_lang="en",
    reference_verdict="on_target", reference_detected_lang="nl", chrf=10.0,
)  # fmt: skip
HOSTILE = "</bdi><script>alert(1)</script><img src=//evil onerror=x> | `x` \u202e {{ 7 * 7 }} &lt;"


def a_segment(number: int, text: str = "Hallo.", **changes: object) -> list[JudgedTranslation]:
    """The outputs of three systems; the last one is on target."""
    key = f"t:{number}/{changes.get('source_lang', 'it')}-{changes.get('target_lang', 'nl')}"
    common = replace(OUTPUT, key=key, **changes)  # type: ignore[arg-type]
    return [
        replace(common, system="base", hypothesis="", verdict="empty", detected_lang="", chrf=0.0),
        replace(common, hypothesis=text),
        replace(common, system="stage2", hypothesis="Dag.", verdict="on_target", detected_lang="nl",
                chrf=60.0),
    ]  # fmt: skip


def some_segments(text: str = "Hallo.") -> list[SegmentOutputs]:
    """One segment in each of two directions; `text` is in the first."""
    first = a_segment(1, text, source=text, reference=text)
    return align_segments(first + a_segment(2, source_lang="nl", target_lang="it"), SYSTEMS)


def a_report(text: str = "Hallo.", segments: list[SegmentOutputs] | None = None) -> ReportContent:
    """A report of two directions, with `text` in all places for untrusted text."""
    segments = some_segments(text) if segments is None else segments
    scores = [replace(SCORE, system=system) for system in SYSTEMS]
    scores[0] = replace(scores[0], off_target_percent=None, off_target_interval=None)
    scores[2] = replace(
        scores[2], off_target_percent=2.0, off_target_interval=(0.1, 9.0), bleu=70.0
    )
    return ReportContent(
        title=text,
        facts=(("model", text),),
        notes=(text,),
        scores=(*scores, *(replace(score, source="nl", target="it") for score in scores)),
        ability=(replace(SCORE, system="base-by-cue", bleu=55.5),),
        charts=(draw_chart("Stage 2", "nats per token",
                      [{"step": 1.0, "likelihood": 2.0, "unlikelihood": 5.0}] * 2,
                      ("likelihood", "unlikelihood")),),
        pairs=tuple(significance.compare_pairs(segments, supervised=False)),
        segments=tuple(segments),
        data=fit_segments(segments, len(segments))[1],
        left_out=0,
        recipe=f"name: {text}",
        versions=(("torch", text),),
    )  # fmt: skip
