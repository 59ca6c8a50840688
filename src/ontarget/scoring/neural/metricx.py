"""MetricX (Juraska et al. 2024): `metricx24.predict` and `metricx23.predict` of google-research.

Scores are errors: 0 is best, 25 is worst. The batch size must be 1, because the program does not
pad batches (google-research/metricx, issue 2).
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

METRICX_23 = "metricx-23"  # in names of models that take sources or references, never both
INPUT = "segments.jsonl"
MAX_INPUT_TOKENS = {"metricx23": 1024, "metricx24": 1536}  # as in training


def inputs_of(model: str) -> ModelInputs:
    """Inferred from the model's name; references are optional for models of 2024."""
    name = model.lower()
    if METRICX_23 in name:
        only = frozenset({"sources" if "-qe" in name else "references"})
        return ModelInputs(only, only)
    return ModelInputs(frozenset({"sources"}), BOTH)


def make_call(texts: SegmentTexts, model: str) -> ProgramCall:
    """Segments as JSON lines; missing sources or references are empty strings."""
    module = "metricx23" if METRICX_23 in model.lower() else "metricx24"
    empty = [""] * len(texts.hypotheses)
    rows = zip(texts.sources or empty, texts.hypotheses, texts.references or empty, strict=True)
    lines = (
        json.dumps({"source": source, "hypothesis": hypothesis, "reference": reference}) + "\n"
        for source, hypothesis, reference in rows
    )
    arguments = [
        "-m", f"{module}.predict", "--tokenizer", "google/mt5-xl", f"--model_name_or_path={model}",
        "--max_input_length", str(MAX_INPUT_TOKENS[module]), "--batch_size", "1",
        "--input_file", INPUT, "--output_file", OUTPUT,
    ]  # fmt: skip
    return ProgramCall(arguments + ["--qe"] * (texts.references is None), {INPUT: "".join(lines)})


def parse_scores(output: str) -> list[float]:
    """The `prediction` of every JSON line.

    Raises:
        ValueError: a line has no prediction, or a score is not a finite number.
    """
    try:
        scores = [json.loads(line)["prediction"] for line in output.split("\n") if line]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError("one of the lines is not JSON with a prediction") from error
    return check_finite(scores)


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
    inputs_of=inputs_of,
    make_call=make_call,
    parse_scores=parse_scores,
)
