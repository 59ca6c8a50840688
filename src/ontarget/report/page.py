"""The report of a run as one self-contained HTML page, and as Markdown.

Text of corpora and models is untrusted. In the page's markup it is escaped; segments are embedded
as JSON that cannot end its script element, compressed if it is large, and shown by the page's
script as text only. The content security policy forbids network access and all scripts and styles
but our own, which it names by hash.
"""

import base64
import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from ontarget import __version__
from ontarget.analysis import segments
from ontarget.analysis.segments import SegmentOutputs
from ontarget.analysis.significance import SystemPair
from ontarget.languages.names import display_name
from ontarget.offtarget.verdicts import Verdict
from ontarget.records import Direction, JudgedTranslation, Score
from ontarget.report.assets import content_security_policy, page_template, read_asset
from ontarget.report.figures import bars, changes, curves, heat_maps, matrix
from ontarget.report.figures.curves import Chart
from ontarget.report.figures.tables import Table, systems_of
from ontarget.report.render import formatting, tables
from ontarget.report.render.formatting import escape_markdown, markdown_table
from ontarget.scoring import averages
from ontarget.systems import is_step, title_of

SCRIPTS = ("report.js", "browser.js")
STYLES = ("report.css",)
MOST_PLAIN = 6_000_000  # bytes of segments that are embedded uncompressed
MOST_PACKED = 13_500_000  # bytes of compressed segments, in base64
LEVEL = 3  # of gzip: higher levels take much longer and hardly save space
UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")  # in JSON within HTML
EXAMPLES = 5  # segments per direction in the Markdown version


class EmbeddedSegments(NamedTuple):
    """The content of the page's data element: its media type and its text."""

    kind: str
    text: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """Everything that the page shows."""

    title: str
    facts: tuple[tuple[str, str], ...]  # (name, value): seed, model, languages, ...
    notes: tuple[str, ...]  # sentences that qualify the numbers
    scores: tuple[Score, ...]
    ability: tuple[Score, ...]  # of a base model trained from scratch, prompted in its own format
    charts: tuple[Chart, ...]
    pairs: tuple[SystemPair, ...]
    segments: tuple[SegmentOutputs, ...]  # shown in the segment browser
    data: EmbeddedSegments  # the same segments, embedded
    left_out: int  # number of segments that are not shown
    recipe: str  # YAML
    versions: tuple[tuple[str, str], ...]


def render_html(report: ReportContent) -> str:
    """The HTML page."""
    scores = report.scores
    scripts, styles = list(map(read_asset, SCRIPTS)), list(map(read_asset, STYLES))
    return page_template("report.html").render(
        report=report,
        policy=content_security_policy(scripts, styles),
        scripts=scripts,
        styles=styles,
        version=__version__,
        language_name=display_name,
        titles={system: title_of(system) for system in systems_of(scores)},
        changes=changes.draw_changes(scores),
        ability=averages.averages(report.ability),
        format_number=formatting.format_number,
        format_percent=formatting.format_percent,
        heat_maps=heat_maps.draw_heat_maps(scores),
        last_step=max(n for n, name in enumerate(systems_of(scores)) if is_step(name)),
        score_table=heat_maps.score_table(scores),
        bars=bars.draw_bars(scores),
        verdict_table=bars.verdict_table(scores),
        matrices=matrix.draw_matrices(report.pairs),
        pair_table=matrix.pair_table(report.pairs),
        curve_table=curves.curve_table,
        signatures=list_signatures(scores),
    )


def fit_segments(
    candidates: Sequence[SegmentOutputs], count: int
) -> tuple[list[SegmentOutputs], EmbeddedSegments]:
    """The `count` most damaged segments, or fewer if the page would be too large."""
    while True:
        shown = segments.most_damaged(candidates, count)
        text = json.dumps(segments.json_columns(shown), ensure_ascii=False, separators=(",", ":"))
        plain = embed_json(text)
        if len(plain.encode()) <= MOST_PLAIN:
            return shown, EmbeddedSegments("application/json", plain)
        packed = pack_json(text)
        if len(packed) <= MOST_PACKED:
            return shown, EmbeddedSegments("application/gzip", packed)
        count = int(0.95 * len(shown) * MOST_PACKED / len(packed))


def embed_json(text: str) -> Markup:
    """JSON that cannot end the script element that contains it."""
    return Markup(UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def pack_json(text: str) -> Markup:
    """JSON compressed with gzip, in base64; lone surrogates are escaped."""
    content = gzip.compress(text.encode(errors="backslashreplace"), LEVEL, mtime=0)
    return Markup(base64.b64encode(content).decode())


def list_signatures(scores: Sequence[Score]) -> list[str]:
    """The distinct signatures of detectors and metrics."""
    signatures = [score.detector for score in scores]
    for score in scores:
        signatures += [f"{metric} {signature}" for metric, signature in score.signatures.items()]
    return list(dict.fromkeys(signatures))


def render_markdown(report: ReportContent) -> str:
    """The same report as Markdown, without figures."""
    scores, ability = report.scores, report.ability
    parts = [f"# {escape_markdown(report.title)}\n", overview_markdown(scores)]
    parts += ["OTR: off-target ratio. Averages over directions are unweighted.\n"]
    parts += [f"{escape_markdown(note)}\n" for note in report.notes]
    if ability:
        parts += ["## The base model's own ability, prompted in the format of its training\n"]
        parts += [overview_markdown(ability)]
    parts += ["## Results by direction\n"]
    parts += [markdown_table(tables.DIRECTION_HEADER, tables.direction_rows(scores))]
    parts += ["## Verdicts and detected languages\n", table_markdown(bars.verdict_table(scores))]
    if report.pairs:
        parts += ["## Systems compared\n", table_markdown(matrix.pair_table(report.pairs))]
    parts += ["## Signatures\n"]
    parts += ["".join(f"- {escape_markdown(text)}\n" for text in list_signatures(scores))]
    facts = (*report.facts, *report.versions)
    parts += ["".join(f"- {name}: {escape_markdown(value)}\n" for name, value in facts)]
    parts += [worst_examples(report.segments)]
    return "\n".join(parts)


def overview_markdown(scores: Sequence[Score]) -> str:
    """Averages of each system."""
    return markdown_table(tables.overview_header(scores), tables.overview_rows(scores))


def table_markdown(table: Table) -> str:
    """The table of a figure."""
    return markdown_table(table.columns, [[cell.text for cell in row] for row in table.rows])


def worst_examples(candidates: Sequence[SegmentOutputs]) -> str:
    """The most damaged segments of each direction: source, reference, and all translations."""
    by_direction: dict[Direction, list[SegmentOutputs]] = {}
    for segment in candidates:
        by_direction.setdefault(segment.direction, []).append(segment)
    parts = []
    for direction, group in by_direction.items():
        worst = segments.sort_by_damage(group)[:EXAMPLES]
        header = ["source", "reference", *(title_of(each.system) for each in group[0].outputs)]
        rows = [
            [
                *(segment.outputs[0].source, segment.outputs[0].reference),
                *map(describe_output, segment.outputs),
            ]
            for segment in worst
        ]
        parts += [f"## Most damaged segments, {direction}\n", markdown_table(header, rows)]
    return "\n".join(parts)


def describe_output(output: JudgedTranslation) -> str:
    """A translation and its verdict."""
    return f"{output.hypothesis} ({segments.VERDICT_NAMES[Verdict(output.verdict)]})"
