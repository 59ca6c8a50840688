"""A run without a terminal."""

from typing import Any

from ontarget.pipeline.graph import Step


class Log:
    """A `pipeline.Show` that remembers."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.kept: list[str] = []

    def began(self, unit: Step) -> None: ...

    def tell(self, text: str, done: int, total: int) -> None:
        assert 0 <= done <= total, text

    def ended(self, unit: Step, seconds: float, result: dict[str, Any]) -> None:
        self.made.append(unit.folder)

    def skipped(self, unit: Step) -> None:
        self.kept.append(unit.folder)
