"""Two systems compared: hand-computed numbers, exact tests enumerated, texts that stay texts."""

import json
import re
import string
from collections import Counter
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as some
from markdown_it import MarkdownIt
from support.texts import TEXTS

from ontarget import errors, stats
from ontarget.analysis import compare
from ontarget.analysis.compare import Comparison, SystemResults
from ontarget.records import Direction, JudgedTranslation, Score
from ontarget.report.render import comparison
from ontarget.scoring import resampling

ANSWER = JudgedTranslation(
    key="test:0",
    system="stage2",
    source_lang="it",
    target_lang="nl",
    source="a",
    reference="b",
    hypothesis="c",
    verdict="on_target",
    found_lang="nl",
    reference_verdict="on_target",
    reference_found_lang="nl",
    chrf=50.0,
)
SCORE = Score(
    system="stage2",
    source="en",
    target="it",
    supervised=True,
    segments=8,
    bleu=60.0,
    chrf=70.0,
    off_target_percent=12.5,
    off_target_interval=(2.242, 47.09),
    reference_off_target_percent=1.0,
    verdicts={},
    languages={},
    detector="lid:x|set:open(176)",
    signatures={"bleu": "tok:13a", "chrf": "nc:6"},
)
FIRST_ZERO = replace(
    SCORE, source="it", target="nl", supervised=False, bleu=5.0, chrf=25.0, off_target_percent=100.0
)
SECOND_ZERO = replace(FIRST_ZERO, source="nl", target="it", bleu=6.5, off_target_percent=50.0)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fast; at eight segments no more is known from many draws."""
    monkeypatch.setattr(resampling, "RESAMPLES", 100)
    monkeypatch.setattr(resampling, "TRIALS", 500)


def system(
    scores: list[Score], hypotheses: list[str] | None = None, run: str = "runs/x"
) -> SystemResults:
    """Each direction answers eight Dutch sentences; what is English was found to be."""
    references = TEXTS["nl"] * 2
    texts = references if hypotheses is None else hypotheses
    answers = {
        Direction(score.source, score.target): tuple(
            replace(
                ANSWER,
                key=f"test:{number}",
                source_lang=score.source,
                target_lang=score.target,
                reference=reference,
                hypothesis=text,
                verdict="pivot" if text in TEXTS["en"] else "on_target",
            )
            for number, (text, reference) in enumerate(zip(texts, references, strict=True))
        )
        for score in scores
    }
    return SystemResults(run=run, name="stage2", scores=tuple(scores), answers=answers)


def test_means_of_both_are_over_the_directions_that_both_have_a_ratio_of() -> None:
    unknown = {"off_target_percent": None, "off_target_interval": None}
    a = system([replace(FIRST_ZERO, off_target_percent=90.0),
                replace(SECOND_ZERO, off_target_percent=10.0)])  # fmt: skip
    b = system([replace(FIRST_ZERO, **unknown), replace(SECOND_ZERO, off_target_percent=10.0)])
    for one, other in ((a, b), (b, a)):
        found = compare.compare(one, other)
        (mean,) = found.means
        assert (mean.a.off_target_percent, mean.b.off_target_percent) == (10.0, 10.0)
        left_out = f"no ratio, left out of its means: {found.rows[0].direction}"
        assert left_out in comparison.notes(found)


def sample() -> Comparison:
    """The second is better off-target by far, and a little worse where it was fine."""
    a = system([SCORE, FIRST_ZERO, SECOND_ZERO], TEXTS["en"] * 2, "runs/a")
    better = {"bleu": 80.25, "chrf": 85.0, "off_target_interval": (0.0, 32.441)}
    b = [
        replace(SCORE, bleu=58.0, off_target_percent=12.5),
        replace(FIRST_ZERO, off_target_percent=0.0, **better),
        replace(SECOND_ZERO, off_target_percent=1.0, **better),
    ]
    return compare.compare(a, system(b, run="runs/b"))


def test_means_are_over_the_directions_of_a_setting() -> None:
    supervised, zero_shot = sample().means
    assert supervised.supervised and not zero_shot.supervised
    assert (supervised.a.bleu, supervised.b.bleu) == (60, 58)
    assert (zero_shot.a.off_target_percent, zero_shot.b.off_target_percent) == (75, 0.5)
    assert (zero_shot.a.bleu, zero_shot.b.bleu) == (5.75, 80.25)
    assert zero_shot.b.reference_off_target_percent == 1


def test_only_common_directions_are_compared_in_the_seconds_setting() -> None:
    a = system([replace(FIRST_ZERO, supervised=True), SCORE])
    found = compare.compare(a, system([FIRST_ZERO, SECOND_ZERO]))
    assert [row.direction for row in found.rows] == [Direction("it", "nl")]
    (mean,) = found.means
    assert (mean.supervised, mean.a.directions, mean.b.directions) == (False, 1, 1)
    assert found.only_in == {"A": [Direction("en", "it")], "B": [Direction("nl", "it")]}
    notes = comparison.notes(found)
    assert "it-nl: supervised in A, zero-shot in B; counted as in B" in notes
    assert "in A alone, left out: en-it" in notes and "in B alone, left out: nl-it" in notes


def test_both_means_are_over_the_same_directions() -> None:
    a = system([replace(FIRST_ZERO, supervised=True), SCORE])
    supervised, zero_shot = compare.compare(a, system([FIRST_ZERO, SCORE])).means
    assert (supervised.a.bleu, supervised.b.bleu) == (60, 60)
    assert (zero_shot.a.bleu, zero_shot.b.bleu) == (5, 5)


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^no direction in common: en-it in the first, it-nl, nl"):
        compare.compare(system([SCORE]), system([FIRST_ZERO, SECOND_ZERO]))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"detector": "lid:y"},
            "en-it: off-target measured with lid:x|set:open(176) and with lid:y, numbers that "
            "cannot be compared; evaluate both runs with the same evaluate.detector, candidates, "
            "languages and versions",
        ),
        (
            {"signatures": {"bleu": "tok:char", "chrf": "nc:6"}},
            "en-it: bleu measured with tok:13a and with tok:char",
        ),
        ({"signatures": {"bleu": "tok:13a"}}, "en-it: chrf measured with nc:6 and with nothing"),
    ],
)
def test_what_was_measured_differently_is_refused(change: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}"):
        compare.compare(system([SCORE]), system([replace(SCORE, **change)]))


@given(some.integers(0, 6), some.integers(0, 6))
def test_the_sign_test_counts_all_outcomes_as_unequal(first: int, second: int) -> None:
    outcomes = list(product((-1, 1), repeat=first + second))
    as_unequal = sum(abs(sum(each)) >= abs(first - second) for each in outcomes)
    assert stats.sign_test(first, second) == pytest.approx(as_unequal / len(outcomes))


def test_the_sign_test_takes_many_segments() -> None:
    assert stats.sign_test(50_000, 50_000) == 1
    assert stats.sign_test(0, 10_000) == 0 == stats.sign_test(10_000, 0)
    assert stats.sign_test(49_500, 50_500) == pytest.approx(0.00158, abs=2e-5)  # normal


SEGMENTS = some.lists(some.tuples(*[some.sampled_from("ab")] * 3), max_size=12)


@given(SEGMENTS, SEGMENTS)
def test_shared_segments_are_the_intersection(
    a: list[tuple[str, str, str]], b: list[tuple[str, str, str]]
) -> None:
    answers = [
        [replace(ANSWER, key=k, source=s, reference=r, hypothesis=name) for k, s, r in segments]
        for name, segments in (("one", a), ("other", b))
    ]
    found = compare.shared_segments(*answers)
    assert len(found) == (Counter(a) & Counter(b)).total()
    for one, other in found:
        assert (one.hypothesis, other.hypothesis) == ("one", "other")
        assert replace(one, hypothesis="") == replace(other, hypothesis="")


def test_a_system_does_not_differ_from_itself() -> None:
    found = compare.compare(system([FIRST_ZERO]), system([FIRST_ZERO]))
    (row,) = found.rows
    assert row.shared == 8
    for chance in row.chance.values():
        assert chance.randomisation_p == 1 and chance.bootstrap_p in (1, None)
        assert not chance.is_excluded


def test_eight_of_eight_are_no_chance() -> None:
    _, zero_shot, _ = sample().rows
    for chance in zero_shot.chance.values():  # all stay or all move: 2 of 256 draws
        assert chance.randomisation_p == pytest.approx(2 / 2**8)
        assert chance.is_excluded
    assert zero_shot.chance["off_target"].bootstrap_p is None


@pytest.mark.parametrize("changed", [0, 1, 2, 5])
def test_few_changed_segments_may_always_be_chance(changed: int) -> None:
    texts = [*TEXTS["en"], *TEXTS["en"]][:changed] + (TEXTS["nl"] * 2)[changed:]
    (row,) = compare.compare(system([FIRST_ZERO]), system([FIRST_ZERO], texts)).rows
    for measure, chance in row.chance.items():
        assert chance.randomisation_p >= min(1, 2 / 2**changed) - 1e-12, measure
        assert not (chance.is_excluded and changed < 5)


def test_worthless_answers_differ_in_no_score() -> None:
    a, b = (system([FIRST_ZERO], [text] * 8) for text in ("", "?"))
    (row,) = compare.compare(a, b).rows
    for measure in ("bleu", "chrf"):
        assert row.chance[measure].randomisation_p == row.chance[measure].bootstrap_p == 1


def test_other_segments_are_not_tested() -> None:
    other = system([FIRST_ZERO])
    answers = other.answers[Direction("it", "nl")]
    moved = tuple(replace(each, source=f"{each.source}!") for each in answers[:6])
    a, b = system([FIRST_ZERO]), replace(other, answers={Direction("it", "nl"): moved})
    found = compare.compare(a, b)
    assert found.rows[0].shared == 0 and found.rows[0].chance == {}
    assert "test segments that both have: none in it-nl; not tested" in comparison.notes(found)
    assert json.loads(comparison.json_text(found))["directions"][0]["bleu"]["significant"] is None
    part = replace(other, answers={Direction("it", "nl"): (*moved, *answers[6:])})
    notes = comparison.notes(compare.compare(a, part))
    assert "test segments that both have: 2 in it-nl; tested on these alone" in notes


def test_averages_above_the_limit_are_told_with_the_worst_directions() -> None:
    scores = [
        replace(FIRST_ZERO, target=target, off_target_percent=percent)
        for target, percent in (("ro", 1.0), ("nl", 9.25), ("de", 2.0), ("en", 4.0))
    ]
    judged = system([SCORE, *scores])
    assert compare.off_target_guard(judged, 3.0) == [
        "runs/x: supervised off-target of stage2 is 12.500 %, above 3 % (mean of 1; worst: "
        "en-it 12.5 %)",
        "runs/x: zero-shot off-target of stage2 is 4.062 %, above 3 % (mean of 4; worst: "
        "it-nl 9.2 %, it-en 4.0 %, it-de 2.0 %)",
    ]
    assert len(compare.off_target_guard(judged, 4.0625)) == 1
    assert compare.off_target_guard(judged, 12.5) == []


def test_rounding_in_the_file_is_no_violation() -> None:
    """18 off-target segments of 720, 60 a direction, are 2.5 %; their rounded mean is more."""
    percents = [round(100 * count / 60, 3) for count in [4] * 3 + [1] * 6 + [0] * 3]
    assert sum(percents) / 12 > 2.5002
    scores = [
        replace(SCORE, target=f"x{at}", off_target_percent=each) for at, each in enumerate(percents)
    ]
    assert compare.off_target_guard(system(scores), 2.5) == []
    assert len(compare.off_target_guard(system(scores), 2.499)) == 1


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


def cells_of(page: str) -> list[list[str]]:
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    cells = [
        "".join(child.content for child in each.children or [])
        for before, each in zip(tokens, tokens[1:], strict=False)
        if before.type in ("th_open", "td_open")
    ]
    width = len(comparison.TITLES)
    return [cells[start : start + width] for start in range(0, len(cells), width)]


def test_the_markdown_table_has_means_then_directions() -> None:
    page = comparison.markdown(sample())
    assert cells_of(page) == [comparison.TITLES, *ROWS]
    assert page.splitlines()[-3:] == [
        "- off-target: lid:x\\|set:open(176)", "- bleu: tok:13a", "- chrf: nc:6",
    ]  # fmt: skip
    assert "- A: stage 2 (+ unlikelihood), runs/a\n- B: stage 2 (+ unlikelihood), runs/b\n" in page


def test_the_latex_table_has_the_same_cells() -> None:
    lines = comparison.latex(sample()).splitlines()
    rows = [line.removesuffix(" \\\\") for line in lines if line.endswith("\\\\")]
    found = [row.replace("\\%", "%").replace("$-$", "-").split(" & ") for row in rows]
    assert [[cell.strip() for cell in row] for row in found] == [comparison.TITLES, *ROWS]
    rules = [line for line in lines if line.endswith("rule")]
    assert rules == ["\\toprule", "\\midrule", "\\midrule", "\\bottomrule"]
    assert lines[1] == "\\begin{tabular}{lrrrrrrrrrrr}"
    assert "off-target: lid:x\\textbar\\allowbreak{}set:open(176)\\par" in lines
    assert lines[-1] == "}"


def test_json_has_the_numbers_and_both_p_values() -> None:
    found = json.loads(comparison.json_text(sample()))
    assert list(found) == ["a", "b", "averages", "directions", "only_in", "signatures"]
    assert found["a"] == {"run": "runs/a", "system": "stage2"}
    assert found["averages"][1] == {
        "setting": "zero-shot",
        "directions": 2,
        "reference_off_target": {"a": 1.0, "b": 1.0, "difference": 0.0},
        "off_target": {"a": 75.0, "b": 0.5, "difference": -74.5},
        "bleu": {"a": 5.75, "b": 80.25, "difference": 74.5},
        "chrf": {"a": 25.0, "b": 85.0, "difference": 60.0},
    }
    row = found["directions"][1]
    assert row["segments"] == {"a": 8, "b": 8, "shared": 8}
    assert (row["direction"], row["setting"]) == ("it-nl", "zero-shot")
    ratio = row["off_target"]
    assert ratio.pop("randomisation_p") == pytest.approx(0.0078125)
    assert ratio == {
        "a": 100.0, "b": 0.0, "difference": -100.0, "bootstrap_p": None, "significant": True,
        "a_interval": [2.242, 47.09], "b_interval": [0.0, 32.441],
    }  # fmt: skip
    assert row["bleu"]["bootstrap_p"] < 0.05
    assert found["only_in"] == {"a": [], "b": []}
    assert found["signatures"]["bleu"] == ["tok:13a"]


def test_numbers_that_differ_between_the_runs_stand_side_by_side() -> None:
    other = replace(FIRST_ZERO, reference_off_target_percent=2.0, segments=7, bleu=5.04)
    longer, shorter = system([FIRST_ZERO]), system([other])
    shorter = replace(shorter, answers={at: x[:7] for at, x in shorter.answers.items()})
    for pair in ((longer, shorter), (shorter, longer)):
        notes = comparison.notes(compare.compare(*pair))
        assert "test segments that both have: 7 in it-nl; tested on these alone" in notes
    (row,) = comparison.direction_rows(compare.compare(longer, shorter))
    assert row[1:3] == ["8 / 7", "1.0 / 2.0"]
    assert row[8] == "0.0"  # not +0.0
    assert (
        comparison.format_difference(-0.04) == "0.0"
        and comparison.format_difference(-0.06) == "-0.1"
    )


HOSTILE = "x_1 & 50% #$~^{}\\end{tabular}|<b>\x1b[31m\u202e\n| * `"


def test_names_from_files_break_neither_table_nor_terminal() -> None:
    score = replace(SCORE, target=HOSTILE, detector=HOSTILE)
    found = compare.compare(system([score], run=HOSTILE), system([score], run=HOSTILE))
    page, paper = comparison.markdown(found), comparison.latex(found)
    assert len(cells_of(page)) == 3 and cells_of(page)[2][1] == "8"
    assert "<b>" not in MarkdownIt("commonmark").enable("table").render(page)
    assert paper.count("\\end{tabular}") == 1
    assert [len(re.findall(r"(?<!\\)&", x)) for x in paper.splitlines() if x.endswith("\\\\")] == [
        11, 11, 11,
    ]  # fmt: skip
    for text in (page, paper, comparison.json_text(found)):
        assert all(each.isprintable() or each == "\n" for each in text)


SYMBOLS = {
    "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textless": "<",
    "textgreater": ">", "textbar": "|", "allowbreak": "", "char34": '"', "char96": "`",
}  # fmt: skip


def read_latex(text: str) -> str:
    """What LaTeX sets, of the few commands that may be there; anything else is a fault."""
    found = ""
    while text:
        if command := re.match(r"\\([a-z]+\d*)(\{\})?", text):
            found += SYMBOLS[command[1]]
        elif command := re.match(r"\\([{}&%$#_])", text):
            found += command[1]
        elif command := re.match(r"\{\}", text):
            pass
        else:
            command = re.match(r"(?!--)[^\\{}&%$#_~^<>|\"`]", text)
            assert command, text
            found += command[0]
        text = text[command.end() :]
    return found


@given(some.text(some.sampled_from("\\{}&%$#_~^<>|\"`'-[]* ab\n") | some.characters()))
@example(string.punctuation)
@example("---")
@example("[1em]")
def test_latex_sets_what_was_written(text: str) -> None:
    made = comparison.escape_latex(text)
    assert read_latex(made) == " ".join(text.split())
    assert not made.startswith(("[", "*"))


@given(some.text())
def test_what_is_visible_can_be_printed(text: str) -> None:
    assert errors.visible(text).isprintable()
    assert not text.isprintable() or errors.visible(text) == text


def test_segments_that_one_of_two_cannot_be_judged_in_are_not_tested() -> None:
    """Four English answers of eight are 1 in 8 by chance; undecided, they are no evidence."""
    english = [*TEXTS["en"], *TEXTS["nl"]]
    a, b = system([FIRST_ZERO], english), system([FIRST_ZERO])
    (row,) = compare.compare(a, b).rows
    assert row.chance["off_target"].randomisation_p == 0.125
    answers = tuple(
        replace(each, verdict="undecided") if each.verdict == "pivot" else each
        for each in a.answers[Direction("it", "nl")]
    )
    undecided = replace(a, answers={Direction("it", "nl"): answers})
    (row,) = compare.compare(undecided, b).rows
    assert row.chance["off_target"].randomisation_p == 1


def test_a_ratio_that_is_not_known_is_a_dash_and_no_release() -> None:
    unknown = replace(FIRST_ZERO, off_target_percent=None, off_target_interval=None)
    found = compare.compare(system([FIRST_ZERO]), system([unknown]))
    assert comparison.direction_rows(found)[0][3:6] == ["100.0 [2.2, 47.1]", "-", "-"]
    row = json.loads(comparison.json_text(found))["directions"][0]["off_target"]
    assert (row["b"], row["difference"], row["b_interval"]) == (None, None, None)
    assert compare.off_target_guard(found.b, 3.0) == [
        "runs/x: zero-shot off-target of stage2 is not known in it-nl, so not at most 3 %: no "
        "segment there could be judged"
    ]


def test_one_direction_without_a_ratio_is_no_release() -> None:
    known = replace(SECOND_ZERO, off_target_percent=0.0)
    unknown = replace(FIRST_ZERO, off_target_percent=None, off_target_interval=None)
    (line,) = compare.off_target_guard(system([known, unknown]), 3.0)
    assert "not known in it-nl, so not at most 3 %" in line
    above = replace(known, off_target_percent=4.0)
    assert "is 4.000 %, above 3 % (mean of 1; worst: nl-it 4.0 %)" in "".join(
        compare.off_target_guard(system([above, unknown]), 3.0)[1:]
    )
