"""Samples and conflicts as other trainers read them: signed (KTO) or paired (DPO, CPO, ORPO).

The formats are TRL's: unpaired preferences have `prompt`, `completion` and `label`, preferences
have `prompt`, `chosen` and `rejected`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from ontarget.records import Sample

Group = tuple[Sample, list[Sample]]  # a sample and its conflicts
COPY = re.compile(r"~\d+$")  # what `data.mixing` adds to the row of a repeated sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How a sample is put into words: texts, or messages of a chat."""

    prompt: Callable[[Sample], Any]
    response: Callable[[str], Any]


@dataclass(slots=True)
class LabelCounts:
    """What was written, and what could not be."""

    samples: int = 0  # true ones, with a label; in pairs 0
    conflicts: int = 0  # with a label, or in a pair
    asking_right_language: int = 0  # written with the label of a conflict; left out of pairs
    without_response: int = 0  # left out: their row has no other text in the requested language


def with_conflicts(
    samples: Iterable[Sample], conflicts: Iterable[Sample], per_sample: int
) -> Iterator[Group]:
    """Each sample with its conflicts, which stand in the order of the samples."""
    remaining = iter(conflicts)
    for sample in samples:
        yield sample, list(islice(remaining, per_sample))


def signed(
    groups: Iterable[Group], wording: Wording, counts: LabelCounts
) -> Iterator[dict[str, Any]]:
    """The labels of stage 2: true for a sample, false for its response under a conflict."""
    for sample, conflicts in groups:
        counts.samples += 1
        yield labelled(sample, wording, label=True)
        for conflict in conflicts:
            counts.conflicts += 1
            counts.asking_right_language += conflict.asks_right_language
            yield labelled(conflict, wording, label=False)


def labelled(sample: Sample, wording: Wording, *, label: bool) -> dict[str, Any]:
    """One prompt with one response."""
    return {
        "prompt": wording.prompt(sample),
        "completion": wording.response(sample.target),
        "label": label,
    }


def paired(
    groups: Iterable[Group], wording: Wording, counts: LabelCounts
) -> Iterator[dict[str, Any]]:
    """A conflict's prompt, a response in the language that it requests, and the conflict's own.

    The first response is the text of the same multi-parallel row, whose samples stand together in
    training files. A conflict without one is left out.
    """
    for _, row in groupby(groups, key=lambda group: row_of(group[0])):
        of_row = list(row)
        sides = [side for sample, _ in of_row for side in sides_of(sample)]
        texts = dict(reversed(sides))
        for _, conflicts in of_row:
            for conflict in conflicts:
                chosen = texts.get(conflict.asked_lang)
                if conflict.asks_right_language:
                    counts.asking_right_language += 1
                elif chosen is None or chosen == conflict.target:
                    counts.without_response += 1
                else:
                    counts.conflicts += 1
                    yield {
                        "prompt": wording.prompt(conflict),
                        "chosen": wording.response(chosen),
                        "rejected": wording.response(conflict.target),
                    }


def row_of(sample: Sample) -> str:
    """The key of a sample's row: `train.tsv:17` of `train.tsv:17/it-nl` and `train.tsv:17~2/it-nl`.

    A copy stands behind its sample, before the others of the row.
    """
    row, _, direction = sample.key.rpartition("/")
    return COPY.sub("", row) or direction


def sides_of(sample: Sample) -> list[tuple[str, str]]:
    """Language and text of both sides; a general instruction has no languages."""
    if sample.is_general:
        return []
    return [(sample.source_lang, sample.source), (sample.target_lang, sample.target)]
