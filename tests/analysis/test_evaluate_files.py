"""Texts on their way to neural programs, which read one line a segment."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ontarget.analysis import evaluate_files as module
from ontarget.data.readers.lines import as_lines
from ontarget.data.readers.segments.files import TextFile


def test_neural_programs_get_one_line_a_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def neural(scorer: Any, systems: Any, sources: Any, references: Any, tell: Any) -> list[Any]:
        calls.append(([system.texts for system in systems], sources, references))
        return ["measured"] * len(systems)

    monkeypatch.setattr(module, "neural", neural)
    scorer = SimpleNamespace(program=SimpleNamespace(name="comet"))
    system = SimpleNamespace(hypotheses=["a\nb", "c"], off_target=[None, None], statistics={})
    references = module.References(
        {TextFile(Path("r"), "csv"): ["d\r\ne", "f"]},
        {TextFile(Path("s"), "csv"): ["g", "h\u2028i"]},
    )
    measure: Any = module.measure_all  # with stand-ins for records
    measure = getattr(measure, "__wrapped__", measure)
    measured = measure([system], references, SimpleNamespace(scorers=[scorer], tell=print))
    assert calls == [([["a b", "c"]], ["g", "h i"], [["d e", "f"]])]
    assert measured == [{"comet": "measured"}]


def test_a_text_without_line_breaks_stays_as_it_is() -> None:
    assert as_lines(["  a\tb ", ""]) == ["  a\tb ", ""]
