"""Test segments with the outputs of all systems, and how damaged each output is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ontarget.languages.names import display_name
from ontarget.offtarget.verdicts import NOT_OFF_TARGET, Verdict
from ontarget.records import Direction, JudgedTranslation
from ontarget.systems import title_of

VERDICT_NAMES = {
    Verdict.ON_TARGET: "on target",
    Verdict.SOURCE_COPY: "copy of the source",
    Verdict.SOURCE_LANGUAGE: "in the source's language",
    Verdict.PIVOT: "in the pivot language",
    Verdict.OTHER: "in another language",
    Verdict.MIXED: "mixed languages",
    Verdict.EMPTY: "empty",
    Verdict.UNDECIDED: "could not be judged",
}
NUMBER = {verdict.value: number for number, verdict in enumerate(Verdict)}
LONGEST = 2000  # characters of a text that are shown


@dataclass(frozen=True, slots=True)
class SegmentOutputs:
    """A test segment in one direction with one output a system, always in the same order."""

    direction: Direction
    outputs: tuple[JudgedTranslation, ...]

    @property
    def damage(self) -> tuple[float, ...]:
        """The damage of each output, 0 to 2: 1 if off-target, plus its distance from the best chrF.

        The best is that of the other systems, or 100 if there is no other; chrF counts as 0 to 1.
        """
        return tuple(
            (output.verdict not in NOT_OFF_TARGET)
            + max(0.0, self._best_other(index) - output.chrf) / 100
            for index, output in enumerate(self.outputs)
        )

    def _best_other(self, index: int) -> float:
        others = (output.chrf for other, output in enumerate(self.outputs) if other != index)
        return max(others, default=100.0)


def align_segments(
    translations: Iterable[JudgedTranslation], systems: Sequence[str]
) -> list[SegmentOutputs]:
    """The outputs of `systems` for each segment, in order of first appearance.

    Raises:
        ValueError: a system has no output for a segment that another has, or two.
    """
    segments: dict[tuple[Direction, str], dict[str, JudgedTranslation]] = {}
    for output in translations:
        if output.system in systems:
            direction = Direction(output.source_lang, output.target_lang)
            by_system = segments.setdefault((direction, output.key), {})
            if output.system in by_system:
                raise ValueError(f"two outputs of {output.system} for {output.key} ({direction})")
            by_system[output.system] = output
    for (direction, key), by_system in segments.items():
        if missing := [system for system in systems if system not in by_system]:
            raise ValueError(f"no output of {missing[0]} for {key} ({direction})")
    return [
        SegmentOutputs(direction, tuple(by_system[system] for system in systems))
        for (direction, _), by_system in segments.items()
    ]


def sort_by_damage(segments: Iterable[SegmentOutputs]) -> list[SegmentOutputs]:
    """Most damaged first, by the last system, then by the one before, and so on."""
    return sorted(segments, key=lambda segment: segment.damage[::-1], reverse=True)


def most_damaged(segments: Sequence[SegmentOutputs], count: int) -> list[SegmentOutputs]:
    """The `count` most damaged segments, in their original order."""
    chosen = set(map(id, sort_by_damage(segments)[:count]))
    return [segment for segment in segments if id(segment) in chosen]


def clip(text: str) -> str:
    """At most `LONGEST` characters of a text, and how many were left out."""
    more = len(text) - LONGEST
    return text if more <= 0 else f"{text[:LONGEST]} [… {more} more characters]"


class StringPool:
    """Distinct strings, numbered in order of first use."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        """The number of a string; a new one gets the next number."""
        return self.numbers.setdefault(text, len(self.numbers))


def json_columns(segments: Sequence[SegmentOutputs]) -> dict[str, Any]:
    """Segments as columns of numbers into pools of strings, for JSON.

    Texts are long and often repeated (a source in several directions, a copy), so each distinct
    text is stored once.
    """
    text, language = StringPool(), StringPool()
    directions = list(dict.fromkeys(segment.direction for segment in segments))
    number_of = {direction: number for number, direction in enumerate(directions)}
    first = [segment.outputs[0] for segment in segments]
    systems = [output.system for output in segments[0].outputs] if segments else []
    content: dict[str, Any] = {
        "key": [output.key for output in first],
        "direction": [number_of[segment.direction] for segment in segments],
        "source": [text(clip(output.source)) for output in first],
        "reference": [text(clip(output.reference)) for output in first],
        "reference_verdict": [NUMBER[output.reference_verdict] for output in first],
        "reference_language": [language(output.reference_detected_lang) for output in first],
        "outputs": [
            output_columns(segments, index, text, language) for index in range(len(systems))
        ],
    }
    return content | {
        "systems": [{"id": system, "name": title_of(system)} for system in systems],
        "verdicts": [{"id": verdict.value, "name": VERDICT_NAMES[verdict]} for verdict in Verdict],
        "not_off_target": sorted(NOT_OFF_TARGET),
        "directions": [
            {"id": str(direction), "title": direction_title(direction), "langs": list(direction)}
            for direction in directions
        ],
        "languages": list(language.numbers),
        "texts": list(text.numbers),
    }


def output_columns(
    segments: Sequence[SegmentOutputs], index: int, text: StringPool, language: StringPool
) -> dict[str, list[int] | list[float]]:
    """The columns of the system whose outputs are at `index`."""
    outputs = [segment.outputs[index] for segment in segments]
    return {
        "text": [text(clip(output.hypothesis)) for output in outputs],
        "verdict": [NUMBER[output.verdict] for output in outputs],
        "language": [language(output.detected_lang) for output in outputs],
        "chrf": [round(output.chrf, 1) for output in outputs],
        "damage": [round(segment.damage[index], 3) for segment in segments],
    }


def direction_title(direction: Direction) -> str:
    """`Italian → Dutch`."""
    return " → ".join(map(display_name, direction))
