"""BLEURT (arXiv 2004.04696, 2110.06341): `bleurt.score_files` of google-research/bleurt."""

from ontarget.scoring.neural.program import (
    OUTPUT,
    ModelInputs,
    Program,
    ProgramCall,
    SegmentTexts,
    check_finite,
    segment_lines,
)

REFERENCES = frozenset({"references"})


def inputs_of(_: str) -> ModelInputs:
    """References only."""
    return ModelInputs(REFERENCES, REFERENCES)


def make_call(texts: SegmentTexts, model: str) -> ProgramCall:
    """Segments as lines. The checkpoint is always named: the default is a tiny test model."""
    files = {
        "candidates": segment_lines(texts.hypotheses),
        "references": segment_lines(texts.references or ()),
    }
    arguments = ["-m", "bleurt.score_files", f"-bleurt_checkpoint={model}"]
    arguments += ["-candidate_file=candidates", "-reference_file=references"]
    return ProgramCall([*arguments, f"-scores_file={OUTPUT}"], files)


def parse_scores(output: str) -> list[float]:
    """One number per line.

    Raises:
        ValueError: a line is not a finite number.
    """
    try:
        scores = [float(line) for line in output.split("\n") if line]
    except ValueError as error:
        raise ValueError("one of the lines is not a number") from error
    return check_finite(scores)


PROGRAM = Program(
    name="bleurt",
    title="BLEURT",
    executable="python",
    package="bleurt",
    model="BLEURT-20",
    fetches=False,
    install=(
        "python3 -m venv {folder}",
        "{folder}/bin/pip install git+https://github.com/google-research/bleurt",
        "curl -o {folder}/BLEURT-20.zip https://storage.googleapis.com/bleurt-oss-21/BLEURT-20.zip",
        "unzip -d {folder} {folder}/BLEURT-20.zip",
    ),
    inputs_of=inputs_of,
    make_call=make_call,
    parse_scores=parse_scores,
)
