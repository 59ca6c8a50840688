"""COMET (arXiv 2009.09025): `comet-score` of unbabel-comet 2.2.7.

Its dependency torchmetrics 0.10 imports pkg_resources, which setuptools dropped in version 81.
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
REFERENCE_FREE = ("kiwi", "-qe")  # in names of models that take no reference
OPTIONAL_REFERENCES = ("xcomet", ".ckpt")  # work either way; a checkpoint's name does not tell


def inputs_of(model: str) -> ModelInputs:
    """Inferred from the model's name; where the name does not tell, the program checks."""
    name = model.lower()
    if any(mark in name for mark in REFERENCE_FREE):
        return ModelInputs(SOURCES, SOURCES)
    is_optional = any(mark in name for mark in OPTIONAL_REFERENCES)
    return ModelInputs(SOURCES if is_optional else BOTH, BOTH)


def make_call(texts: SegmentTexts, model: str) -> ProgramCall:
    """Segments as lines (COMET strips them); all segment scores in one JSON file."""
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


def parse_scores(output: str) -> list[float]:
    """The `COMET` of every segment in an object `{file: [segment, ...]}` with one file.

    Raises:
        ValueError: the output is not such an object, or a score is not a finite number.
    """
    try:
        (segments,) = json.loads(output).values()
        scores = [segment["COMET"] for segment in segments]
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError("not JSON with one file's segments and their COMET scores") from error
    return check_finite(scores)


PROGRAM = Program(
    name="comet",
    title="COMET",
    executable="comet-score",
    package="unbabel-comet",
    model="Unbabel/wmt22-comet-da",
    fetches=True,
    install=("python3 -m venv {folder}", "{folder}/bin/pip install unbabel-comet 'setuptools<81'"),
    requirements=("unbabel-comet==2.2.7", "setuptools<81"),
    inputs_of=inputs_of,
    make_call=make_call,
    parse_scores=parse_scores,
)
