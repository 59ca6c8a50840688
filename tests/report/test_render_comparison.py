"""Comparisons as Markdown, LaTeX and JSON: the same numbers, and texts that stay texts."""

import json
import re
import string
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.comparisons import (
    NO_RATIO,
    SCORE,
    ZERO_SHOT,
    ZERO_SHOT_BACK,
    a_comparison,
    results,
)

from ontarget.analysis import compare
from ontarget.records import Direction
from ontarget.report.render import comparison
from ontarget.report.render.formatting import format_difference
from ontarget.scoring import resampling

IT_NL = Direction("it", "nl")
ROWS = [
    ["supervised, mean of 1", "", "1.0", "12.5", "12.5", "0.0", "60.0", "58.0", "-2.0", "70.0",
     "70.0", "0.0"],
    ["zero-shot, mean of 2", "", "1.0", "75.0", "0.5", "-74.5", "5.8", "80.2", "+74.5", "25.0",
     "85.0", "+60.0"],
    ["en-it", "8", "1.0", "12.5 [2.2, 47.1]", "12.5 [2.2, 47.1]", "0.0*", "60.0", "58.0", "-2.0*",
     "70.0", "70.0", "0.0*"],
    ["it-nl", "8", "1.0", "100.0 [2.2, 47.1]", "0.0 [0.0, 32.4]", "-100.0*", "5.0", "80.2",
     "+75.2*", "25.0", "85.0", "+60.0*"],
    ["nl-it", "8", "1.0", "50.0 [2.2, 47.1]", "1.0 [0.0, 32.4]", "-49.0*", "6.5", "80.2", "+73.8*",
     "25.0", "85.0", "+60.0*"],
]  # fmt: skip
HOSTILE = "x_1 & 50% #$~^{}\\end{tabular}|<b>\x1b[31m\u202e\n| * `"
SYMBOLS = {
    "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textless": "<",
    "textgreater": ">", "textbar": "|", "allowbreak": "", "char34": '"', "char96": "`",
}  # fmt: skip


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quick; with eight segments, more resamples would tell no more."""
    monkeypatch.setattr(resampling, "RESAMPLES", 100)
    monkeypatch.setattr(resampling, "TRIALS", 500)


def cells_of(page: str) -> list[list[str]]:
    """The rows of the table on a Markdown page, as a CommonMark parser reads them."""
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    cells = [
        "".join(child.content for child in token.children or [])
        for opening, token in zip(tokens, tokens[1:], strict=False)
        if opening.type in ("th_open", "td_open")
    ]
    width = len(comparison.TITLES)
    return [cells[start : start + width] for start in range(0, len(cells), width)]


def test_the_markdown_table_has_averages_then_directions() -> None:
    page = comparison.markdown(a_comparison())
    assert cells_of(page) == [comparison.TITLES, *ROWS]
    assert page.splitlines()[-3:] == [
        "- off-target: lid:x\\|set:open(176)", "- bleu: tok:13a", "- chrf: nc:6",
    ]  # fmt: skip
    assert "- A: stage 2, runs/a\n- B: stage 2, runs/b\n" in page


def test_the_latex_table_has_the_same_cells() -> None:
    lines = comparison.latex(a_comparison()).splitlines()
    rows = [line.removesuffix(" \\\\") for line in lines if line.endswith("\\\\")]
    cells = [row.replace("\\%", "%").replace("$-$", "-").split(" & ") for row in rows]
    assert [[cell.strip() for cell in row] for row in cells] == [comparison.TITLES, *ROWS]
    rules = [line for line in lines if line.endswith("rule")]
    assert rules == ["\\toprule", "\\midrule", "\\midrule", "\\bottomrule"]
    assert lines[1] == "\\begin{tabular}{lrrrrrrrrrrr}"
    assert "off-target: lid:x\\textbar\\allowbreak{}set:open(176)\\par" in lines
    assert lines[-1] == "}"


def test_json_has_the_numbers_and_both_p_values() -> None:
    content = json.loads(comparison.json_text(a_comparison()))
    assert list(content) == ["a", "b", "averages", "directions", "only_in", "signatures"]
    assert content["a"] == {"run": "runs/a", "system": "stage2"}
    assert content["averages"][1] == {
        "setting": "zero-shot",
        "directions": 2,
        "reference_off_target": {"a": 1.0, "b": 1.0, "difference": 0.0},
        "off_target": {"a": 75.0, "b": 0.5, "difference": -74.5},
        "bleu": {"a": 5.75, "b": 80.25, "difference": 74.5},
        "chrf": {"a": 25.0, "b": 85.0, "difference": 60.0},
    }
    row = content["directions"][1]
    assert row["segments"] == {"a": 8, "b": 8, "shared": 8}
    assert (row["direction"], row["setting"]) == ("it-nl", "zero-shot")
    ratio = row["off_target"]
    assert ratio.pop("randomisation_p") == pytest.approx(0.0078125)
    assert ratio == {
        "a": 100.0, "b": 0.0, "difference": -100.0, "bootstrap_p": None, "significant": True,
        "a_interval": [2.242, 47.09], "b_interval": [0.0, 32.441],
    }  # fmt: skip
    assert row["bleu"]["bootstrap_p"] < 0.05
    assert content["only_in"] == {"a": [], "b": []}
    assert content["signatures"]["bleu"] == ["tok:13a"]


def test_notes_name_directions_that_differ_or_are_left_out() -> None:
    a = results([replace(ZERO_SHOT, supervised=True), SCORE])
    notes = comparison.notes(compare.compare(a, results([ZERO_SHOT, ZERO_SHOT_BACK])))
    assert "it-nl: supervised in A, zero-shot in B; counted as in B" in notes
    assert "only in A, left out: en-it" in notes and "only in B, left out: nl-it" in notes
    without_ratio = results([replace(ZERO_SHOT, **NO_RATIO)])
    for pair in ((a, without_ratio), (without_ratio, a)):
        notes = comparison.notes(compare.compare(*pair))
        assert "no off-target ratio, left out of that average: it-nl" in notes


def test_notes_count_the_segments_that_both_systems_translated() -> None:
    a = results([ZERO_SHOT])
    outputs = a.outputs[IT_NL]
    other_sources = tuple(replace(output, source=f"{output.source}!") for output in outputs[:6])
    none_shared = compare.compare(a, replace(a, outputs={IT_NL: other_sources}))
    assert "test segments in both systems: none in it-nl; not tested" in comparison.notes(
        none_shared
    )
    row = json.loads(comparison.json_text(none_shared))["directions"][0]
    assert row["bleu"]["significant"] is None
    two_shared = compare.compare(a, replace(a, outputs={IT_NL: (*other_sources, *outputs[6:])}))
    note = "test segments in both systems: 2 in it-nl; only these were tested"
    assert note in comparison.notes(two_shared)


def test_values_that_differ_between_the_runs_are_shown_side_by_side() -> None:
    longer = results([ZERO_SHOT])
    shorter = replace(
        results([replace(ZERO_SHOT, reference_off_target_percent=2.0, segments=7, bleu=5.04)]),
        outputs={IT_NL: longer.outputs[IT_NL][:7]},
    )
    for pair in ((longer, shorter), (shorter, longer)):
        note = "test segments in both systems: 7 in it-nl; only these were tested"
        assert note in comparison.notes(compare.compare(*pair))
    (row,) = comparison.direction_rows(compare.compare(longer, shorter))
    assert row[1:3] == ["8 / 7", "1.0 / 2.0"]
    assert row[8] == "0.0"  # not +0.0
    assert (format_difference(-0.04), format_difference(-0.06)) == ("0.0", "-0.1")


def test_a_missing_ratio_is_a_dash_or_null() -> None:
    without_ratio = results([replace(ZERO_SHOT, **NO_RATIO)])
    compared = compare.compare(results([ZERO_SHOT]), without_ratio)
    assert comparison.direction_rows(compared)[0][3:6] == ["100.0 [2.2, 47.1]", "-", "-"]
    ratio = json.loads(comparison.json_text(compared))["directions"][0]["off_target"]
    assert (ratio["b"], ratio["difference"], ratio["b_interval"]) == (None, None, None)


def test_names_from_files_cannot_break_the_table_or_the_terminal() -> None:
    score = replace(SCORE, target=HOSTILE, detector=HOSTILE)
    compared = compare.compare(results([score], run=HOSTILE), results([score], run=HOSTILE))
    page, paper = comparison.markdown(compared), comparison.latex(compared)
    assert len(cells_of(page)) == 3 and cells_of(page)[2][1] == "8"
    assert "<b>" not in MarkdownIt("commonmark").enable("table").render(page)
    assert paper.count("\\end{tabular}") == 1
    rows = [line for line in paper.splitlines() if line.endswith("\\\\")]
    assert [len(re.findall(r"(?<!\\)&", row)) for row in rows] == [11, 11, 11]
    for text in (page, paper, comparison.json_text(compared)):
        assert all(character.isprintable() or character == "\n" for character in text)


def read_latex(text: str) -> str:
    """What LaTeX would print; any command but the few allowed ones fails the test."""
    printed = ""
    while text:
        if command := re.match(r"\\([a-z]+\d*)(\{\})?", text):
            printed += SYMBOLS[command[1]]
        elif command := re.match(r"\\([{}&%$#_])", text):
            printed += command[1]
        elif command := re.match(r"\{\}", text):
            pass
        else:
            command = re.match(r"(?!--)[^\\{}&%$#_~^<>|\"`]", text)
            assert command, text
            printed += command[0]
        text = text[command.end() :]
    return printed


@given(st.text(st.sampled_from("\\{}&%$#_~^<>|\"`'-[]* ab\n") | st.characters()))
@example(string.punctuation)
@example("---")
@example("[1em]")
def test_latex_prints_the_text_that_was_escaped(text: str) -> None:
    escaped = comparison.escape_latex(text)
    assert read_latex(escaped) == " ".join(text.split())
    assert not escaped.startswith(("[", "*"))
