"""Disputed segments for annotation by people in pearmut (arXiv 2601.02933), and what they answer.

pearmut shows an item's `src` and `tgt` and returns its other keys unchanged, so each item carries
its verdict, which annotators do not see.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontarget.data.readers.segments.rows import read_jsonl
from ontarget.errors import CorpusError, error_text
from ontarget.languages.names import english_name, is_known
from ontarget.offtarget.verdicts import Verdict, is_off_target
from ontarget.stats import Proportion

SLIDER = "language"  # what annotators set: 0, 1 or 2
ALL_OF_IT = 2  # in the requested language
SYSTEM = "output"  # the model's name in pearmut, so that annotators cannot tell systems apart
RESET = "__RESET__"  # pearmut's mark of a task that is begun again
NEEDED = ("verdict", "target_lang", "hypothesis")
INSTRUCTIONS = (
    "Is the translation in the requested language? <b>2</b>: all of it, <b>1</b>: parts of it, "
    "<b>0</b>: no. Names, numbers and quotations do not count, and neither does quality."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputedSegment:
    """A segment with the verdict on it, and that of a second detector where there is one."""

    id: str
    target_lang: str
    source: str | None
    hypothesis: str
    verdict: str
    language: str  # detected; "" where there is none or more than one
    other_verdict: str | None = None

    @property
    def is_disputed(self) -> bool:
        """Whether it is anything but on target, or two detectors disagree about that."""
        wrong = is_off_target(self.verdict)
        return wrong is not False or (
            self.other_verdict is not None and is_off_target(self.other_verdict) is not wrong
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedSegment:
    """A segment with the majority of its annotators' answers."""

    id: str
    verdict: str
    language: str
    hypothesis: str
    answers: tuple[int, ...]  # one an annotator
    is_off_target: bool | None  # None: as many for as against


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationResult:
    """Answers about all segments. Ties are in no proportion."""

    segments: Sequence[AnnotatedSegment]
    precision: Proportion  # off-target to annotators, of off-target verdicts
    undecided: Proportion  # the same, of undecided verdicts
    ties: int


def read_disputed(path: Path, other: Path | None = None) -> list[DisputedSegment]:
    """The disputed segments of `evaluate --segments-out`, or of a run's `segments.jsonl`.

    `other` has the same segments with another detector's verdicts.

    Raises:
        CorpusError: a file is damaged or another, or the two have different segments.
    """
    segments = list(read_verdicts(path))
    if other is None:
        return [segment for segment in segments if segment.is_disputed]
    others = list(read_verdicts(other))
    if [s.hypothesis for s in segments] != [s.hypothesis for s in others]:
        raise CorpusError(
            f"{other}: has other segments than {path}; judge the same file twice, with another "
            "--detector"
        )
    pairs = zip(segments, others, strict=True)
    compared = (beside(segment, second.verdict) for segment, second in pairs)
    return [segment for segment in compared if segment.is_disputed]


def beside(segment: DisputedSegment, other_verdict: str) -> DisputedSegment:
    """The segment with a second detector's verdict."""
    content = {name: getattr(segment, name) for name in segment.__slots__}
    return DisputedSegment(**content | {"other_verdict": other_verdict})


def read_verdicts(path: Path) -> Iterator[DisputedSegment]:
    """Every segment of the file."""
    for place, row in read_jsonl(path, set()):
        missing = next((name for name in NEEDED if not isinstance(row.get(name), str)), None)
        if missing or row["verdict"] not in set(Verdict) or not is_known(row["target_lang"]):
            raise CorpusError(
                f"{place}: no judged segment ({missing or 'verdict or target_lang'} is missing or "
                "unknown); give what `ontarget evaluate --segments-out` wrote, or the file "
                "6_evaluate/segments.jsonl of a run"
            )
        parts = (
            ("file", "line") if "file" in row else ("system", "source_lang", "target_lang", "key")
        )
        yield DisputedSegment(
            id=":".join(str(row.get(part, "")) for part in parts),
            target_lang=row["target_lang"],
            source=row.get("source"),
            hypothesis=row["hypothesis"],
            verdict=row["verdict"],
            language=row.get("language", row.get("detected_lang", "")),
        )


def sample_segments(
    segments: Sequence[DisputedSegment], limit: int, seed: int
) -> list[DisputedSegment]:
    """At most `limit` of the segments, in their order; a segment's draw depends on it alone."""
    drawn = sorted(segments, key=lambda segment: random.Random(f"{seed}/{segment.id}").random())
    chosen = {segment.id for segment in drawn[:limit]}
    return [segment for segment in segments if segment.id in chosen]


def make_campaign(segments: Iterable[DisputedSegment], name: str, users: int) -> dict[str, Any]:
    """pearmut's campaign: one segment a document; each goes to the first annotator who is free."""
    return {
        "campaign_id": name,
        "info": {
            "assignment": "single-stream",
            "protocol": "DA",
            "users": users,
            "instructions": INSTRUCTIONS,
            "sliders": [{"name": SLIDER, "min": 0, "max": ALL_OF_IT, "step": 1}],
        },
        "data": [[make_item(segment)] for segment in segments],
    }


def make_item(segment: DisputedSegment) -> dict[str, Any]:
    """One segment; pearmut takes some tags in a text as HTML, so none is left in what it shows."""
    item = {
        "item_id": segment.id,
        "instructions": f"Requested language: <b>{english_name(segment.target_lang)}</b>",
        "tgt": {SYSTEM: without_tags(segment.hypothesis)},
        "verdict": segment.verdict,
        "other_verdict": segment.other_verdict,
        "language": segment.language,
        "target_lang": segment.target_lang,
        "hypothesis": segment.hypothesis,
    }
    return item if segment.source is None else item | {"src": without_tags(segment.source)}


def without_tags(text: str) -> str:
    """The text with angle brackets that begin no tag."""
    return text.replace("<", "\u2039").replace(">", "\u203a")


def read_annotations(path: Path) -> AnnotationResult:
    """What annotators answered: pearmut's downloaded annotations.json, or its annotations.jsonl.

    An annotator's last answer counts; those before a reset do not.

    Raises:
        CorpusError: the file is damaged, or has no answers about an exported campaign.
    """
    answers: dict[str, dict[str, int]] = defaultdict(dict)  # of each item, by annotator
    items: dict[str, Mapping[str, Any]] = {}
    for entry in read_entries(path):
        user = str(entry.get("user_id"))
        if entry.get("annotation") == RESET:
            for given in answers.values():
                given.pop(user, None)
            continue
        for item, answer in answers_of(entry):
            items[item["item_id"]] = item
            answers[item["item_id"]][user] = answer
    annotated = [
        summarize(items[id], list(given.values())) for id, given in answers.items() if given
    ]
    if not annotated:
        raise CorpusError(
            f"{path}: has no answers; give the annotations of a campaign that `ontarget annotate "
            "export` wrote, as pearmut's dashboard downloads them"
        )
    return AnnotationResult(
        segments=annotated,
        precision=share(segment for segment in annotated if is_off_target(segment.verdict)),
        undecided=share(s for s in annotated if is_off_target(s.verdict) is None),
        ties=sum(segment.is_off_target is None for segment in annotated),
    )


def share(segments: Iterable[AnnotatedSegment]) -> Proportion:
    """How many of the segments are off-target to annotators."""
    counts = Counter(segment.is_off_target for segment in segments)
    return Proportion(counts[True], counts[True] + counts[False])


def read_entries(path: Path) -> Iterator[Mapping[str, Any]]:
    """The entries of pearmut's log: lines, or one object of lists by campaign."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: {error_text(error)}; make the file readable") from error
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        yield from (row for _, row in read_jsonl(path, set()))
        return
    if isinstance(content, dict) and "annotation" not in content:
        for entries in content.values():
            yield from (entry for entry in entries if isinstance(entry, dict))
    elif isinstance(content, dict):
        yield content


def answers_of(entry: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], int]]:
    """The items of an entry that we exported, with the answers."""
    items, annotations = entry.get("item"), entry.get("annotation")
    if not isinstance(items, list) or not isinstance(annotations, list):
        return
    for item, annotation in zip(items, annotations, strict=False):  # skipped items have none
        given = annotation.get(SYSTEM) if isinstance(annotation, dict) else None
        answer = (given.get("sliders") or {}).get(SLIDER) if isinstance(given, dict) else None
        exported = isinstance(item, dict) and {"item_id", *NEEDED} <= item.keys()
        if exported and answer is not None:
            yield item, int(answer)


def summarize(item: Mapping[str, Any], answers: Sequence[int]) -> AnnotatedSegment:
    """The majority's answer; a text that is partly in another language is off-target."""
    wrong = sum(answer < ALL_OF_IT for answer in answers)
    right = len(answers) - wrong
    return AnnotatedSegment(
        id=item["item_id"],
        verdict=item["verdict"],
        language=item.get("language", ""),
        hypothesis=item["hypothesis"],
        answers=tuple(answers),
        is_off_target=None if wrong == right else wrong > right,
    )
