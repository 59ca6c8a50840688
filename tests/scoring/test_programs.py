"""What neural metrics pass to their programs, and how they parse the output."""

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


def make_call(name: str, texts: SegmentTexts) -> ProgramCall:
    return PROGRAMS[name].make_call(texts, MODELS.get(name, "/models/BLEURT-20"))


def read_as_lines(content: str, folder: Path) -> list[str]:
    """Read a file as COMET does: in text mode, with universal newlines."""
    path = folder / "read"
    path.write_bytes(content.encode())
    with path.open(encoding="utf-8") as file:
        return [line.removesuffix("\n") for line in file.readlines()]


@given(columns)
def test_each_segment_is_one_line_whatever_it_contains(
    tmp_path_factory: pytest.TempPathFactory, texts: tuple[list[str], list[str], list[str]]
) -> None:
    hypotheses, sources, references = texts
    folder = tmp_path_factory.mktemp("lines")
    comet = make_call("comet", SegmentTexts(hypotheses, sources, references)).files
    bleurt = make_call("bleurt", SegmentTexts(hypotheses, None, references)).files
    metricx = make_call("metricx", SegmentTexts(hypotheses, sources, references)).files
    for content, expected in (
        (comet["hypotheses.txt"], hypotheses), (comet["sources.txt"], sources),
        (comet["references.txt"], references), (bleurt["candidates"], hypotheses),
        (bleurt["references"], references),
    ):  # fmt: skip
        assert read_as_lines(content, folder) == expected
    lines = [json.loads(line) for line in read_as_lines(metricx["segments.jsonl"], folder)]
    assert [line["hypothesis"] for line in lines] == hypotheses
    assert [line["source"] for line in lines] == sources
    assert [line["reference"] for line in lines] == references


@pytest.mark.parametrize("name", ["comet", "bleurt"])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_segment_with_a_line_break_is_an_error_in_line_files(name: str, end: str) -> None:
    with pytest.raises(ValueError, match="segment 2 contains a line break; expected one line a"):
        make_call(name, SegmentTexts(["a", f"b{end}c"], ["a", "b"], ["a", "b"]))


def test_the_command_of_comet() -> None:
    with_reference = make_call("comet", SegmentTexts(["h"], ["s"], ["r"])).arguments
    assert with_reference == [
        "--translations", "hypotheses.txt", "--sources", "sources.txt", "--references",
        "references.txt", "--model=Unbabel/wmt22-comet-da", f"--to_json={OUTPUT}", "--only_system",
    ]  # fmt: skip
    reference_free = make_call("comet", SegmentTexts(["h"], ["s"], None))
    assert "--references" not in reference_free.arguments
    assert "references.txt" not in reference_free.files


def test_the_command_of_metricx() -> None:
    assert make_call("metricx", SegmentTexts(["h"], ["s"], ["r"])).arguments == [
        "-m", "metricx24.predict", "--tokenizer", "google/mt5-xl",
        "--model_name_or_path=google/metricx-24-hybrid-xl-v2p6", "--max_input_length", "1536",
        "--batch_size", "1", "--input_file", "segments.jsonl", "--output_file", OUTPUT,
    ]  # fmt: skip
    reference_free = make_call("metricx", SegmentTexts(["h"], ["s"], None))
    assert reference_free.arguments[-1] == "--qe"
    assert json.loads(reference_free.files["segments.jsonl"])["reference"] == ""
    older = PROGRAMS["metricx"].make_call(
        SegmentTexts(["h"], None, ["r"]), "google/metricx-23-xl-v2p0"
    )
    assert older.arguments[1] == "metricx23.predict" and "1024" in older.arguments


def test_the_command_of_bleurt() -> None:
    assert make_call("bleurt", SegmentTexts(["h"], None, ["r"])).arguments == [
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
def test_inputs_are_inferred_from_the_name_of_the_model(
    name: str, model: str, needs: str, takes: str
) -> None:
    inputs = PROGRAMS[name].inputs_of(model)
    assert (" ".join(sorted(inputs.needs)), " ".join(sorted(inputs.takes))) == (needs, takes)


@every_program
def test_the_default_model_has_inputs(name: str) -> None:
    program = PROGRAMS[name]
    assert program.name == name and program.inputs_of(program.model).needs


def test_parsed_scores_of_comet_are_those_that_it_printed() -> None:
    printed = (RECORDED / "comet-score.txt").read_text(encoding="utf-8")
    expected = re.findall(r"Segment \d+\tscore: (-?[\d.]+)", printed)
    scores = PROGRAMS["comet"].parse_scores(
        (RECORDED / "comet-score.json").read_text(encoding="utf-8")
    )
    assert len(expected) == 6 and [f"{score:.4f}" for score in scores] == expected


def test_recorded_output_of_metricx_and_bleurt_is_parsed_in_order() -> None:
    metricx = (RECORDED / "metricx24.jsonl").read_text(encoding="utf-8")
    assert PROGRAMS["metricx"].parse_scores(metricx) == [0.3125, 24.75, 1.4609375]
    bleurt = (RECORDED / "bleurt-scores.txt").read_text(encoding="utf-8")
    assert PROGRAMS["bleurt"].parse_scores(bleurt) == pytest.approx(
        [0.98722, -0.11873, 1.0035], abs=1e-4
    )


NOT_COMET = "not JSON with one file's segments and their COMET scores"
NOT_METRICX = "one of the lines is not JSON with a prediction"
NOT_BLEURT = "one of the lines is not a number"
BAD = [
    ("comet", "", NOT_COMET),
    ("comet", "[1]", NOT_COMET),
    ("comet", "[" * 100_000, NOT_COMET),
    ("comet", "{}", NOT_COMET),
    ("comet", '{"a": [], "b": []}', NOT_COMET),
    ("comet", '{"a": [{"mt": "x"}]}', NOT_COMET),
    ("comet", '{"a": 1}', NOT_COMET),
    ("comet", '{"a": [{"COMET": NaN}]}', "score 1 is 'nan'; expected a finite number"),
    ("comet", '{"a": [{"COMET": 1}, {"COMET": null}]}', "score 2 is 'None'; expected a finite"),
    ("comet", '{"a": [{"COMET": true}]}', "score 1 is 'True'; expected a finite number"),
    ("comet", '{"a": [{"COMET": "0.5"}]}', "score 1 is '0.5'; expected a finite number"),
    ("comet", '{"a": [{"COMET": 1' + "0" * 400 + "}]}", "score 1 is '1000"),
    ("metricx", "nan", NOT_METRICX),
    ("metricx", "[1]", NOT_METRICX),
    ("metricx", "{}", NOT_METRICX),
    ("metricx", '{"prediction": Infinity}', "score 1 is 'inf'; expected a finite number"),
    ("metricx", '{"prediction": 1}\n{"prediction": NaN}\n', "score 2 is 'nan'; expected a finite"),
    ("bleurt", "0.5\nhello\n", NOT_BLEURT),
    ("bleurt", "nan\n", "score 1 is 'nan'; expected a finite number"),
]


@pytest.mark.parametrize(("name", "output", "message"), BAD)
def test_output_without_a_finite_number_per_segment_is_an_error(
    name: str, output: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        PROGRAMS[name].parse_scores(output)
