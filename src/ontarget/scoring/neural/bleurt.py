"""BLEURT (Sellam et al. 2020, Pu et al. 2021): `bleurt.score_files` of google-research."""

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
    """References alone."""
    return ModelInputs(REFERENCES, REFERENCES)


def make_call(texts: SegmentTexts, model: str) -> ProgramCall:
    """Segments as lines; a checkpoint left out would be a toy of its tests."""
    files = {
        "candidates": segment_lines(texts.hypotheses),
        "references": segment_lines(texts.references or ()),
    }
    arguments = ["-m", "bleurt.score_files", f"-bleurt_checkpoint={model}"]
    arguments += ["-candidate_file=candidates", "-reference_file=references"]
    return ProgramCall([*arguments, f"-scores_file={OUTPUT}"], files)


def parse_scores(written: str) -> list[float]:
    """From one number a line.

    Raises:
        ValueError: a line is none.
    """
    try:
        found = [float(line) for line in written.split("\n") if line]
    except ValueError as error:
        raise ValueError("one of its lines is no number") from error
    return check_finite(found)


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
    uses=inputs_of,
    job=make_call,
    scores=parse_scores,
)
