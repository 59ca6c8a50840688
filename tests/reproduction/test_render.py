"""The page of a reproduction: its arithmetic against the paper's own statements."""

from pathlib import Path
from typing import Any

import pytest

from ontarget.records import Direction
from ontarget.reproduction.figures import Averages, DirectionFigures, Figures, TableRow
from ontarget.reproduction.planning import plan_runs
from ontarget.reproduction.published import published_table
from ontarget.reproduction.render.cells import beside, with_interval
from ontarget.reproduction.render.page import as_json, markdown_page, overview
from ontarget.reproduction.render.sections import reductions_section
from ontarget.reproduction.runs import TITLES, Choices, Reproduction
from ontarget.reproduction.settings import read_paper_table
from ontarget.stats import Estimate
from ontarget.training.monitoring.model_selection import ValidationResult

IT_NL, NL_IT = Direction("it", "nl"), Direction("nl", "it")


def averages(ratio: float, bleu: float) -> Averages:
    """Two directions, ten points below and above these figures."""
    return Averages(
        directions=(IT_NL, NL_IT),
        segments=40,
        off_target=Estimate(ratio, ratio - 5, ratio + 5),
        floor=0.5,
        bleu=Estimate(bleu, bleu - 1, bleu + 1),
        chrf=Estimate(2 * bleu, 2 * bleu - 1, 2 * bleu + 1),
        truncated=3,
        cells={
            IT_NL: DirectionFigures(ratio - 10, bleu - 10),
            NL_IT: DirectionFigures(ratio + 10, bleu + 10),
        },
    )


def row(key: str, ratio: float, bleu: float, run: str = "main", value: float | None = None) -> Any:
    return TableRow(
        key=key,
        title=TITLES.get(key, key),
        run=run,
        value=value,
        supervised=averages(ratio / 10, bleu + 20),
        zero_shot=averages(ratio, bleu),
    )


FIGURES = Figures(
    rows=(
        row("mt", 60.0, 12.0),
        row("stage2", 20.0, 15.0),
        row("alpha-0.3", 15.0, 11.0, "alpha-0.3", 0.3),
        row("alpha-0.01", 50.0, 13.0, "alpha-0.01", 0.01),
    ),
    curve=(
        ValidationResult(
            step=20, off_target_percent=30.0, reference_off_target_percent=0.0, chrf=33.0
        ),
    ),
    signatures=("off-target: x",),
    seconds={"main": 12.3},
)


@pytest.fixture
def reproduction() -> Reproduction:
    choices = Choices(scale="full", out=Path("runs/x"), parts=("alpha",))
    return plan_runs(read_paper_table("iwslt4"), choices)


def test_the_published_reductions_are_those_of_the_abstract() -> None:
    """The journal version: up to -62.4 points of off-target ratio and +9.7 BLEU."""
    section = reductions_section(FIGURES, published_table("iwslt4", "meta-llama/Llama-2-7b-hf"))
    assert "| LLaMA-2 7B | -62.4 | -82.0 (it-ro) | +9.7 | +13.1 (it-ro) |" in section
    assert "-53.3 points of OTR, +5.7 BLEU and +16.4 BLEURT" in section


def test_own_reductions_are_the_mean_and_the_largest_of_the_directions() -> None:
    section = reductions_section(FIGURES, published_table("iwslt4", "x"))
    assert "| own | -40.0 | -40.0 (it-nl) | +3.0 | +3.0 (it-nl) |" in section


def test_a_difference_has_the_interval_of_the_own_figure() -> None:
    assert beside(Estimate(10.0, 8.0, 13.0), 4.0) == [
        "10.0 [8.0, 13.0]",
        "4.0",
        "+6.0 [+4.0, +9.0]",
    ]
    assert beside(Estimate(10.0, 8.0, 13.0), None) == ["10.0 [8.0, 13.0]", "-", "-"]
    assert beside(None, 4.0) == ["-", "4.0", "-"] and with_interval(None) == "-"


def test_the_page_has_every_table_and_sweeps_in_order(reproduction: Reproduction) -> None:
    page = markdown_page(reproduction, FIGURES, ["ontarget", "reproduce", "iwslt4"])
    assert "| stage 2 | 20.0 \\[15.0, 25.0\\] | 2.6 | +17.4 \\[+12.4, +22.4\\] |" in page
    sweep = page.split("## Stage 2 by alpha")[1].split("##")[0]
    alphas = [line.split("|")[1].strip() for line in sweep.splitlines() if "stage 2" in line]
    assert alphas == ["0.01", "0.05", "0.3"]  # 0.05 is that of the table
    assert "| 20 | 30.0 | 33.0 |" in page
    assert "| stage 2 | 10.0, 5.0 / 2.7, 17.5 | 30.0, 25.0 / 1.5, 16.2 |" in page
    assert "MT (stage 1): 3; stage 2: 3" in page
    assert "    ontarget reproduce iwslt4\n" in page


def test_the_text_for_a_terminal_has_the_published_figures_beside() -> None:
    lines = overview(FIGURES, published_table("iwslt4", "meta-llama/Llama-2-7b-hf"))
    line = next(line for line in lines if line.startswith("stage 2"))
    assert line.split()[2:] == ["20.0", "2.6", "15.0", "14.7", "35.0"]
    assert not any("alpha" in line for line in lines)


def test_the_json_holds_every_row(reproduction: Reproduction) -> None:
    text = as_json(reproduction, FIGURES)
    assert all(f'"key": "{one.key}"' in text for one in FIGURES.rows)
    assert '"off_target_percent": 30.0' in text
