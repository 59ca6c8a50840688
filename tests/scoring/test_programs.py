"""What outside programs are given and what is read of what they write."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.scoring.neural import PROGRAMS
from ontarget.scoring.neural.program import OUTPUT, ProgramCall, SegmentTexts

RECORDED = Path(__file__).parent / "recorded"
MODELS = {"comet": "Unbabel/wmt22-comet-da", "metricx": "google/metricx-24-hybrid-xl-v2p6"}
segment = st.text(
    st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=20
) | st.sampled_from(["", "\t", "\u2028", "\x0b\x0c\x1c\x85", '"}\\n{', "--model=x", "2021-01-01"])
columns = st.integers(1, 5).flatmap(
    lambda count: st.tuples(*[st.lists(segment, min_size=count, max_size=count)] * 3)
)
every_program = pytest.mark.parametrize("name", PROGRAMS)


def job(name: str, texts: SegmentTexts) -> ProgramCall:
    return PROGRAMS[name].job(texts, MODELS.get(name, "/models/BLEURT-20"))


def read_as_lines(content: str, folder: Path) -> list[str]:
    """As COMET reads a file: text mode, universal line ends."""
    path = folder / "read"
    path.write_bytes(content.encode())
    with path.open(encoding="utf-8") as opened:
        return [line.removesuffix("\n") for line in opened.readlines()]


@given(columns)
def test_each_segment_is_one_line_whatever_is_in_it(
    tmp_path_factory: pytest.TempPathFactory, texts: tuple[list[str], list[str], list[str]]
) -> None:
    hypotheses, sources, references = texts
    folder = tmp_path_factory.mktemp("lines")
    comet = job("comet", SegmentTexts(hypotheses, sources, references)).files
    bleurt = job("bleurt", SegmentTexts(hypotheses, None, references)).files
    metricx = job("metricx", SegmentTexts(hypotheses, sources, references)).files
    for content, wanted in (
        (comet["hypotheses.txt"], hypotheses), (comet["sources.txt"], sources),
        (comet["references.txt"], references), (bleurt["candidates"], hypotheses),
        (bleurt["references"], references),
    ):  # fmt: skip
        assert read_as_lines(content, folder) == wanted
    lines = [json.loads(line) for line in read_as_lines(metricx["segments.jsonl"], folder)]
    assert [each["hypothesis"] for each in lines] == hypotheses
    assert [each["source"] for each in lines] == sources
    assert [each["reference"] for each in lines] == references


@pytest.mark.parametrize("name", ["comet", "bleurt"])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_segment_with_a_line_end_is_refused_where_it_would_be_two(name: str, end: str) -> None:
    with pytest.raises(ValueError, match="segment 2 has a line end in it; expected one line a"):
        job(name, SegmentTexts(["a", f"b{end}c"], ["a", "b"], ["a", "b"]))


def test_the_command_of_comet() -> None:
    with_reference = job("comet", SegmentTexts(["h"], ["s"], ["r"])).arguments
    assert with_reference == [
        "--translations", "hypotheses.txt", "--sources", "sources.txt", "--references",
        "references.txt", "--model=Unbabel/wmt22-comet-da", f"--to_json={OUTPUT}", "--only_system",
    ]  # fmt: skip
    alone = job("comet", SegmentTexts(["h"], ["s"], None))
    assert "--references" not in alone.arguments and "references.txt" not in alone.files


def test_the_command_of_metricx() -> None:
    assert job("metricx", SegmentTexts(["h"], ["s"], ["r"])).arguments == [
        "-m", "metricx24.predict", "--tokenizer", "google/mt5-xl",
        "--model_name_or_path=google/metricx-24-hybrid-xl-v2p6", "--max_input_length", "1536",
        "--batch_size", "1", "--input_file", "segments.jsonl", "--output_file", OUTPUT,
    ]  # fmt: skip
    alone = job("metricx", SegmentTexts(["h"], ["s"], None))
    assert alone.arguments[-1] == "--qe"
    assert json.loads(alone.files["segments.jsonl"])["reference"] == ""
    older = PROGRAMS["metricx"].job(SegmentTexts(["h"], None, ["r"]), "google/metricx-23-xl-v2p0")
    assert older.arguments[1] == "metricx23.predict" and "1024" in older.arguments


def test_the_command_of_bleurt() -> None:
    assert job("bleurt", SegmentTexts(["h"], None, ["r"])).arguments == [
        "-m", "bleurt.score_files", "-bleurt_checkpoint=/models/BLEURT-20",
        "-candidate_file=candidates", "-reference_file=references", f"-scores_file={OUTPUT}",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "model", "needs", "takes"),
    [
        ("comet", "Unbabel/wmt22-comet-da", "references sources", "references sources"),
        ("comet", "Unbabel/wmt22-cometkiwi-da", "sources", "sources"),
        ("comet", "Unbabel/wmt23-cometkiwi-da-xl", "sources", "sources"),
        ("comet", "wmt20-comet-qe-da", "sources", "sources"),
        ("comet", "Unbabel/XCOMET-XL", "sources", "references sources"),
        ("comet", "/models/own.ckpt", "sources", "references sources"),
        ("metricx", "google/metricx-24-hybrid-large-v2p6", "sources", "references sources"),
        ("metricx", "google/metricx-23-xl-v2p0", "references", "references"),
        ("metricx", "google/metricx-23-qe-xl-v2p0", "sources", "sources"),
        ("bleurt", "BLEURT-20", "references", "references"),
    ],
)
def test_a_models_name_tells_which_texts_it_uses(
    name: str, model: str, needs: str, takes: str
) -> None:
    uses = PROGRAMS[name].uses(model)
    assert (" ".join(sorted(uses.needs)), " ".join(sorted(uses.takes))) == (needs, takes)


@every_program
def test_the_default_model_is_one_that_the_program_has_a_rule_for(name: str) -> None:
    program = PROGRAMS[name]
    assert program.name == name and program.uses(program.model).needs


def test_the_recorded_scores_of_comet_are_those_it_printed() -> None:
    printed = (RECORDED / "comet-score.txt").read_text(encoding="utf-8")
    wanted = re.findall(r"Segment \d+\tscore: (-?[\d.]+)", printed)
    found = PROGRAMS["comet"].scores((RECORDED / "comet-score.json").read_text(encoding="utf-8"))
    assert len(wanted) == 6 and [f"{score:.4f}" for score in found] == wanted


def test_recorded_scores_of_metricx_and_bleurt_are_read_in_order() -> None:
    metricx = (RECORDED / "metricx24.jsonl").read_text(encoding="utf-8")
    assert PROGRAMS["metricx"].scores(metricx) == [0.3125, 24.75, 1.4609375]
    bleurt = (RECORDED / "bleurt-scores.txt").read_text(encoding="utf-8")
    assert PROGRAMS["bleurt"].scores(bleurt) == pytest.approx([0.98722, -0.11873, 1.0035], abs=1e-4)


NO_COMET = "it is no JSON of one file's segments, each with its COMET"
NO_METRICX, NO_BLEURT = "one of its lines is no JSON with a pred", "one of its lines is no number"
BAD = [
    ("comet", "", NO_COMET),
    ("comet", "[1]", NO_COMET),
    ("comet", "[" * 100_000, NO_COMET),
    ("comet", "{}", NO_COMET),
    ("comet", '{"a": [], "b": []}', NO_COMET),
    ("comet", '{"a": [{"mt": "x"}]}', NO_COMET),
    ("comet", '{"a": 1}', NO_COMET),
    ("comet", '{"a": [{"COMET": NaN}]}', "score 1 is 'nan'; expected a finite number"),
    ("comet", '{"a": [{"COMET": 1}, {"COMET": null}]}', "score 2 is 'None'; expected a finite"),
    ("comet", '{"a": [{"COMET": true}]}', "score 1 is 'True'; expected a finite number"),
    ("comet", '{"a": [{"COMET": "0.5"}]}', "score 1 is '0.5'; expected a finite number"),
    ("comet", '{"a": [{"COMET": 1' + "0" * 400 + "}]}", "score 1 is '1000"),
    ("metricx", "nan", NO_METRICX),
    ("metricx", "[1]", NO_METRICX),
    ("metricx", "{}", NO_METRICX),
    ("metricx", '{"prediction": Infinity}', "score 1 is 'inf'; expected a finite number"),
    ("metricx", '{"prediction": 1}\n{"prediction": NaN}\n', "score 2 is 'nan'; expected a finite"),
    ("bleurt", "0.5\nhello\n", NO_BLEURT),
    ("bleurt", "nan\n", "score 1 is 'nan'; expected a finite number"),
]


@pytest.mark.parametrize(("name", "written", "message"), BAD)
def test_output_that_is_no_number_a_segment_is_refused(
    name: str, written: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        PROGRAMS[name].scores(written)
