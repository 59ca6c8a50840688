"""What `ontarget compare` reads: one system's part of a run's evaluation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ontarget import artifacts
from ontarget.analysis.compare import Comparison, SystemResults, compare, direction_of
from ontarget.errors import ArtifactError
from ontarget.records import Direction, JudgedTranslation, Score
from ontarget.steps import inputs

AGAIN = "run `ontarget evaluate RECIPE --force-from evaluate`"


def run(a: SystemResults, b: SystemResults) -> Comparison:
    """Both systems compared.

    Raises:
        ArtifactError: they have no direction in common, or were measured differently.
    """
    try:
        return compare(a, b)
    except ValueError as error:
        raise ArtifactError(f"{a.run} and {b.run}: {error}") from error


def read(folder: Path, name: str) -> SystemResults:
    """A system of the run in `folder`.

    Raises:
        ArtifactError: there is no such run or system, it is not evaluated, or a file is damaged.
    """
    if not folder.is_dir():
        raise ArtifactError(f"{folder}: no such run; give the folder that a recipe names as out")
    evaluated = folder / "6_evaluate"
    paths = [evaluated / "scores.jsonl", evaluated / "segments.jsonl"]
    for path in paths:
        if not path.is_file():
            raise ArtifactError(
                f"{path}: missing, so the run is not evaluated yet; "
                "run `ontarget evaluate RECIPE` first"
            )
    every = inputs.scores(paths[0])
    scores = tuple(score for score in every if score.system == name)
    if not scores:
        there = ", ".join(dict.fromkeys(score.system for score in every)) or "none"
        raise ArtifactError(f"{folder}: has no system {name!r}; it has {there}")
    answers: dict[Direction, list[JudgedTranslation]] = {
        direction_of(score): [] for score in scores
    }
    for answer in inputs.answers(paths[1]):
        direction = Direction(answer.source_lang, answer.target_lang)
        if answer.system == name and direction in answers:
            answers[direction].append(answer)
    refuse_incomplete(paths[1], scores, answers)
    if (evaluated / artifacts.STAMP).is_file() and artifacts.read_stamp(evaluated) is None:
        raise ArtifactError(f"{evaluated}: is not as step 6 left it, a file was altered; {AGAIN}")
    return SystemResults(
        run=str(folder),
        name=name,
        scores=scores,
        answers={direction: tuple(each) for direction, each in answers.items()},
    )


def refuse_incomplete(
    path: Path, scores: Sequence[Score], answers: Mapping[Direction, Sequence[JudgedTranslation]]
) -> None:
    """Raise ArtifactError unless each direction is there once, with all its segments."""
    if len(answers) < len(scores):
        raise ArtifactError(
            f"{path.with_name('scores.jsonl')}: a direction of {scores[0].system} stands there "
            f"twice; {AGAIN}"
        )
    for score in scores:
        found = len(answers[direction_of(score)])
        if found != score.segments:
            raise ArtifactError(
                f"{path}: {found} segments of {score.system} in {direction_of(score)}, expected "
                f"{score.segments} as in scores.jsonl; {AGAIN}"
            )
