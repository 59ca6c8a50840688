"""`annotate export`: the disputed segments as a campaign of pearmut."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ontarget import artifacts
from ontarget.cli.console import write
from ontarget.errors import CorpusError


def export_campaign(  # noqa: PLR0913 - a command's options
    segments: Annotated[
        Path,
        typer.Argument(metavar="SEGMENTS", help="Written by `evaluate --segments-out`."),
    ],
    other: Annotated[
        Path | None,
        typer.Argument(metavar="OTHER", help="The same segments, judged by another detector."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The campaign, for `pearmut add`.")] = Path(
        "campaign.json"
    ),
    limit: Annotated[int, typer.Option(min=1, help="Segments at most.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the draw, if there are more.")] = 0,
    users: Annotated[int, typer.Option(min=1, help="Annotators, who share the segments.")] = 1,
) -> None:
    """Write the segments that are off-target, mixed, undecided or disputed as a campaign.

    Example: ontarget annotate export segments.jsonl --out campaign.json --limit 200
    """
    from ontarget.analysis import annotation

    disputed = annotation.read_disputed(segments, other)
    if not disputed:
        raise CorpusError(f"{segments}: no segment is disputed, so there is nothing to annotate")
    if out.resolve() in {path.resolve() for path in (segments, other) if path is not None}:
        raise CorpusError(f"--out {out}: is an input; give another path")
    chosen = annotation.sample_segments(disputed, limit, seed)
    campaign = annotation.make_campaign(chosen, out.stem, users)
    with artifacts.lock_output(out), artifacts.publish_file(out) as file:
        file.write(json.dumps(campaign, indent=2, ensure_ascii=False) + "\n")
    write(f"{out}: {len(chosen)} of {len(disputed)} disputed segments; load it: pearmut add {out}")
