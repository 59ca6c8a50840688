"""COMET (Rei et al. 2022): `comet-score` of unbabel-comet 2.2.7.

Its torchmetrics 0.10 imports pkg_resources, which setuptools has had until version 80.
"""

import json

from ontarget.scoring.neural.program import (
    BOTH,
    OUTPUT,
    ModelInputs,
    Program,
    ProgramCall,
    SegmentTexts,
    check_finite,
    segment_lines,
)

SOURCES = frozenset({"sources"})
REFERENCE_FREE = ("kiwi", "-qe")  # in the names of models that never see a reference
EITHER_WAY = ("xcomet", ".ckpt")  # with and without; of a checkpoint only the program knows


def inputs_of(model: str) -> ModelInputs:
    """Judged by the model's name; the program refuses what the name does not tell."""
    name = model.lower()
    if any(mark in name for mark in REFERENCE_FREE):
        return ModelInputs(SOURCES, SOURCES)
    return ModelInputs(SOURCES if any(mark in name for mark in EITHER_WAY) else BOTH, BOTH)


def make_call(texts: SegmentTexts, model: str) -> ProgramCall:
    """Segments as lines, which it strips; the scores of all of them in one JSON file."""
    files = {
        "hypotheses.txt": segment_lines(texts.hypotheses),
        "sources.txt": segment_lines(texts.sources or ()),
    }
    arguments = ["--translations", "hypotheses.txt", "--sources", "sources.txt"]
    if texts.references is not None:
        files["references.txt"] = segment_lines(texts.references)
        arguments += ["--references", "references.txt"]
    return ProgramCall(
        [*arguments, f"--model={model}", f"--to_json={OUTPUT}", "--only_system"], files
    )


def parse_scores(written: str) -> list[float]:
    """From an object with one file's list of segments, each with its `COMET`.

    Raises:
        ValueError: it is no such object.
    """
    try:
        (segments,) = json.loads(written).values()
        found = [each["COMET"] for each in segments]
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError("it is no JSON of one file's segments, each with its COMET") from error
    return check_finite(found)


PROGRAM = Program(
    name="comet",
    title="COMET",
    executable="comet-score",
    package="unbabel-comet",
    model="Unbabel/wmt22-comet-da",
    fetches=True,
    install=("python3 -m venv {folder}", "{folder}/bin/pip install unbabel-comet 'setuptools<81'"),
    uses=inputs_of,
    job=make_call,
    scores=parse_scores,
)
