"""How the translations of a run are judged, as a record that costs nothing to import."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ontarget.errors import DetectorError
from ontarget.languages.tags import distinguishable
from ontarget.offtarget.detectors import DEFAULT
from ontarget.records import Direction

if TYPE_CHECKING:
    from ontarget.offtarget.metric import OffTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """How the translations of a run are judged: what `OffTarget` takes besides a direction."""

    pivot: str
    detector: str = DEFAULT
    candidates: tuple[str, ...] | None = None
    votes: int = 1

    def metric(self, direction: Direction) -> "OffTarget":
        """The metric of a direction.

        Raises:
            DetectorError: a code or detector is unknown, or not installed.
        """
        from ontarget.offtarget.metric import OffTarget

        return OffTarget(
            target_lang=direction.target_lang,
            source_lang=direction.source_lang,
            candidates=self.candidates,
            detector=self.detector,
            votes=self.votes,
            pivot=self.pivot,
        )

    def warnings(self, codes: Sequence[str]) -> list[str]:
        """What to know before citing ratios of these languages; [] for other than the default."""
        from ontarget.offtarget.calibration import grades

        if self.detector != DEFAULT or self.votes != 1 or self.candidates is not None:
            return []
        found = (grades.warning(code, tuple(c for c in codes if c != code)) for code in codes)
        return [text for text in found if text is not None]

    def check(self, codes: Sequence[str]) -> None:
        """Raise DetectorError where translations between these languages could not be judged."""
        for index, code in enumerate(codes):
            for earlier in codes[:index]:
                if not distinguishable(earlier, code):
                    raise DetectorError(
                        f"languages: no detector can tell {code!r} from {earlier!r}; keep one"
                    )
        for index, code in enumerate(codes):
            self.metric(Direction(code, codes[index - 1]))
