"""MetricX (Juraska et al. 2024): `metricx24.predict` and `metricx23.predict` of google-research.

An error score: 0 is best, 25 worst. Its batches must be of one segment, for it pads none
(google-research/metricx, issue 2).
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
)

OLDER = "metricx-23"  # in the names of models that take sources or references, never both
INPUT = "segments.jsonl"
LONGEST = {"metricx23": 1024, "metricx24": 1536}  # tokens in training


def inputs_of(model: str) -> ModelInputs:
    """Judged by the model's name; those of 2024 work with references and without."""
    name = model.lower()
    if OLDER in name:
        its = frozenset({"sources" if "-qe" in name else "references"})
        return ModelInputs(its, its)
    return ModelInputs(frozenset({"sources"}), BOTH)


def make_call(texts: SegmentTexts, model: str) -> ProgramCall:
    """Segments as JSON lines; what there is none of is empty."""
    module = "metricx23" if OLDER in model.lower() else "metricx24"
    nothing = [""] * len(texts.hypotheses)
    columns = zip(
        texts.sources or nothing, texts.hypotheses, texts.references or nothing, strict=True
    )
    names = ("source", "hypothesis", "reference")
    lines = (json.dumps(dict(zip(names, each, strict=True))) + "\n" for each in columns)
    arguments = [
        "-m", f"{module}.predict", "--tokenizer", "google/mt5-xl", f"--model_name_or_path={model}",
        "--max_input_length", str(LONGEST[module]), "--batch_size", "1",
        "--input_file", INPUT, "--output_file", OUTPUT,
    ]  # fmt: skip
    return ProgramCall(arguments + ["--qe"] * (texts.references is None), {INPUT: "".join(lines)})


def parse_scores(written: str) -> list[float]:
    """From JSON lines, each with its `prediction`.

    Raises:
        ValueError: one is no such object.
    """
    try:
        found = [json.loads(line)["prediction"] for line in written.split("\n") if line]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError("one of its lines is no JSON with a prediction") from error
    return check_finite(found)


PROGRAM = Program(
    name="metricx",
    title="MetricX",
    executable="python",
    package="metricx",
    model="google/metricx-24-hybrid-large-v2p6",
    fetches=True,
    install=(
        "python3 -m venv {folder}",
        "git clone https://github.com/google-research/metricx {folder}/source",
        "{folder}/bin/pip install -r {folder}/source/requirements.txt",
    ),
    uses=inputs_of,
    job=make_call,
    scores=parse_scores,
)
