"""Test segments with the answers of all systems, and how much each answer went wrong."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ontarget.languages.names import english_name
from ontarget.offtarget.verdicts import NOT_OFF_TARGET, Verdict
from ontarget.records import Direction, JudgedTranslation
from ontarget.systems import NAMES

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
    """A test sentence in one direction; `answers` has one a system, always in the same order."""

    direction: Direction
    answers: tuple[JudgedTranslation, ...]

    @property
    def damage(self) -> tuple[float, ...]:
        """Of each answer, 0 to 2: 1 if it is off-target, and what it lacks of the best chrF.

        The best is that of the other systems, and 100 where there is no other; chrF counts as a
        share, 0 to 1.
        """
        return tuple(
            (answer.verdict not in NOT_OFF_TARGET)
            + max(0.0, self._best_beside(number) - answer.chrf) / 100
            for number, answer in enumerate(self.answers)
        )

    def _best_beside(self, number: int) -> float:
        others = (each.chrf for at, each in enumerate(self.answers) if at != number)
        return max(others, default=100.0)


def align_segments(
    answers: Iterable[JudgedTranslation], systems: Sequence[str]
) -> list[SegmentOutputs]:
    """Answers of `systems` side by side, in order of appearance.

    Raises:
        ValueError: a system has no answer to a segment that another one has answered, or two.
    """
    found: dict[tuple[Direction, str], dict[str, JudgedTranslation]] = {}
    for each in answers:
        if each.system in systems:
            direction = Direction(each.source_lang, each.target_lang)
            of_segment = found.setdefault((direction, each.key), {})
            if each.system in of_segment:
                raise ValueError(f"two answers of {each.system} to {each.key} ({direction})")
            of_segment[each.system] = each
    for (direction, key), by_system in found.items():
        if lacking := [system for system in systems if system not in by_system]:
            raise ValueError(f"no answer of {lacking[0]} to {key} ({direction})")
    return [
        SegmentOutputs(direction, tuple(by_system[system] for system in systems))
        for (direction, _), by_system in found.items()
    ]


def sort_by_damage(every: Iterable[SegmentOutputs]) -> list[SegmentOutputs]:
    """By damage in the last system, then in the one before, and so on."""
    return sorted(every, key=lambda segment: segment.damage[::-1], reverse=True)


def most_damaged(every: Sequence[SegmentOutputs], count: int) -> list[SegmentOutputs]:
    """The worst `count`, in given order."""
    chosen = set(map(id, sort_by_damage(every)[:count]))
    return [segment for segment in every if id(segment) in chosen]


def clip(text: str) -> str:
    """A text without what makes it longer than any translation is."""
    more = len(text) - LONGEST
    return text if more <= 0 else f"{text[:LONGEST]} [… {more} more characters]"


class StringPool:
    """Values by number, each held once."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __call__(self, value: str) -> int:
        """The number of a value; a new one gets the next."""
        return self.numbers.setdefault(value, len(self.numbers))


def json_columns(every: Sequence[SegmentOutputs]) -> dict[str, Any]:
    """Segments as columns of numbers into pools, for JSON.

    Texts are long and often the same (a source of several directions, a copy), so each is there
    once.
    """
    text, language = StringPool(), StringPool()
    directions = list(dict.fromkeys(segment.direction for segment in every))
    number_of = {direction: number for number, direction in enumerate(directions)}
    first = [segment.answers[0] for segment in every]
    systems = [answer.system for answer in every[0].answers] if every else []
    content: dict[str, Any] = {
        "key": [each.key for each in first],
        "direction": [number_of[segment.direction] for segment in every],
        "source": [text(clip(each.source)) for each in first],
        "reference": [text(clip(each.reference)) for each in first],
        "reference_verdict": [NUMBER[each.reference_verdict] for each in first],
        "reference_language": [language(each.reference_found_lang) for each in first],
        "answers": [answer_columns(every, at, text, language) for at in range(len(systems))],
    }
    return content | {
        "systems": [{"id": system, "name": NAMES.get(system, system)} for system in systems],
        "verdicts": [{"id": each.value, "name": VERDICT_NAMES[each]} for each in Verdict],
        "not_off_target": sorted(NOT_OFF_TARGET),
        "directions": [
            {"id": str(each), "title": direction_title(each), "langs": list(each)}
            for each in directions
        ],
        "languages": list(language.numbers),
        "texts": list(text.numbers),
    }


def answer_columns(
    every: Sequence[SegmentOutputs], at: int, text: StringPool, language: StringPool
) -> dict[str, list[int] | list[float]]:
    """The columns of one system, whose answers are number `at`."""
    answers = [segment.answers[at] for segment in every]
    return {
        "text": [text(clip(each.hypothesis)) for each in answers],
        "verdict": [NUMBER[each.verdict] for each in answers],
        "language": [language(each.found_lang) for each in answers],
        "chrf": [round(each.chrf, 1) for each in answers],
        "damage": [round(segment.damage[at], 3) for segment in every],
    }


def direction_title(direction: Direction) -> str:
    """`Italian → Dutch`."""
    return " → ".join(map(english_name, direction))
