"""`annotate import`: what annotators say of the verdicts."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ontarget.cli.console import one_line, write

if TYPE_CHECKING:
    from ontarget.analysis.annotation import AnnotatedSegment, AnnotationResult
    from ontarget.stats import Proportion

SHOWN = 60  # characters of a segment in the listing
ANSWERS = {True: "off-target", False: "on target", None: "tie"}


def import_answers(
    annotations: Annotated[
        Path, typer.Argument(metavar="ANNOTATIONS", help="annotations.json or .jsonl of pearmut.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Print how many off-target verdicts annotators confirm, and list those that they do not.

    Example: ontarget annotate import annotations.json
    """
    from ontarget.analysis import annotation

    result = annotation.read_annotations(annotations)
    if as_json:
        typer.echo(json_text(result))
    else:
        write(*text_lines(result))


def json_text(result: "AnnotationResult") -> str:
    """One object; percentages are 0-100, and null where nothing was judged."""
    shares = {"precision": result.precision, "off_target_of_undecided": result.undecided}
    return json.dumps(
        {
            name: {**asdict(share), "percent": share.percent, "interval": share.interval}
            for name, share in shares.items()
        }
        | {"ties": result.ties, "segments": [asdict(segment) for segment in result.segments]},
        ensure_ascii=False,
    )


def text_lines(result: "AnnotationResult") -> list[str]:
    """The shares, and the segments on which verdict and annotators differ."""
    from ontarget.offtarget.verdicts import is_off_target

    verdicts = [(segment, is_off_target(segment.verdict)) for segment in result.segments]
    differing = [
        segment
        for segment, wrong in verdicts
        if wrong is not None and segment.is_off_target is not wrong
    ]
    return [
        f"precision of off-target verdicts: {share_text(result.precision)}",
        f"off-target of undecided segments: {share_text(result.undecided)}",
        f"segments {len(result.segments)}, ties {result.ties}",
        *(["", "verdict  detected  annotators  segment"] if differing else []),
        *map(segment_line, differing),
    ]


def share_text(share: "Proportion") -> str:
    """The percentage with its counts and 95 % interval, or a dash."""
    if share.percent is None or share.interval is None:
        return "-"
    low, high = share.interval
    return f"{share.percent:.1f} % ({share.count} of {share.total}) [{low:.1f}, {high:.1f}]"


def segment_line(segment: "AnnotatedSegment") -> str:
    """A segment in the listing."""
    answer = ANSWERS[segment.is_off_target]
    text = one_line(segment.hypothesis)[:SHOWN]
    return one_line(f"{segment.verdict}  {segment.language or '-'}  {answer}  {segment.id}  {text}")
