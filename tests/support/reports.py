"""A report made by hand."""

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
ANSWER = JudgedTranslation(
    key="t:1/it-nl", system="stage1", source_lang="it", target_lang="nl", source="Ciao a tutti.",
    reference="Dag allemaal.", hypothesis="Hello all.", verdict="pivot", found_lang="en",
    reference_verdict="on_target", reference_found_lang="nl", chrf=10.0,
)  # fmt: skip
HOSTILE = "</bdi><script>alert(1)</script><img src=//evil onerror=x> | `x` \u202e {{ 7 * 7 }} &lt;"


def a_segment(number: int, text: str = "Hallo.", **changes: object) -> list[JudgedTranslation]:
    """Three answers, the last of them on target."""
    key = f"t:{number}/{changes.get('source_lang', 'it')}-{changes.get('target_lang', 'nl')}"
    common = replace(ANSWER, key=key, **changes)  # type: ignore[arg-type]
    return [
        replace(common, system="base", hypothesis="", verdict="empty", found_lang="", chrf=0.0),
        replace(common, hypothesis=text),
        replace(common, system="stage2", hypothesis="Dag.", verdict="on_target", found_lang="nl",
                chrf=60.0),
    ]  # fmt: skip


def some_segments(text: str = "Hallo.") -> list[SegmentOutputs]:
    """One in each of two directions; `text` is in the first."""
    first = a_segment(1, text, source=text, reference=text)
    return align_segments(first + a_segment(2, source_lang="nl", target_lang="it"), SYSTEMS)


def a_report(text: str = "Hallo.", every: list[SegmentOutputs] | None = None) -> ReportContent:
    """A report of two directions, with `text` wherever text of others can be."""
    made = some_segments(text) if every is None else every
    there = [replace(SCORE, system=each) for each in SYSTEMS]
    there[0] = replace(there[0], off_target_percent=None, off_target_interval=None)
    there[2] = replace(there[2], off_target_percent=2.0, off_target_interval=(0.1, 9.0), bleu=70.0)
    return ReportContent(
        title=text,
        facts=(("model", text),),
        notes=(text,),
        scores=(*there, *(replace(each, source="nl", target="it") for each in there)),
        ability=(replace(SCORE, system="base-by-cue", bleu=55.5),),
        charts=(draw_chart("Stage 2", "nats per token",
                      [{"step": 1.0, "likelihood": 2.0, "unlikelihood": 5.0}] * 2,
                      ("likelihood", "unlikelihood")),),
        pairs=tuple(significance.compare_pairs(made, supervised=False)),
        segments=tuple(made),
        data=fit_segments(made, len(made))[1],
        left_out=0,
        recipe=f"name: {text}",
        versions=(("torch", text),),
    )  # fmt: skip
