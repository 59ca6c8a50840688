"""BLEURT (Sellam et al. 2020, Pu et al. 2021): `bleurt.score_files` of google-research."""

from ontarget.qe.program import OUTPUT, Job, Program, Texts, Uses, finite, rows

REFERENCES = frozenset({"references"})


def uses(_: str) -> Uses:
    """References alone."""
    return Uses(REFERENCES, REFERENCES)


def job(texts: Texts, model: str) -> Job:
    """Segments as lines; a checkpoint left out would be a toy of its tests."""
    files = {"candidates": rows(texts.hypotheses), "references": rows(texts.references or ())}
    arguments = ["-m", "bleurt.score_files", f"-bleurt_checkpoint={model}"]
    arguments += ["-candidate_file=candidates", "-reference_file=references"]
    return Job([*arguments, f"-scores_file={OUTPUT}"], files)


def scores(written: str) -> list[float]:
    """From one number a line.

    Raises:
        ValueError: a line is none.
    """
    try:
        found = [float(line) for line in written.split("\n") if line]
    except ValueError as error:
        raise ValueError("one of its lines is no number") from error
    return finite(found)


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
    uses=uses,
    job=job,
    scores=scores,
)
