"""The report as one self-contained page, and as Markdown.

Text of corpora and models is hostile: in the page's markup all is escaped, and segments are JSON
that cannot end its element, packed where it is long; the page's script shows them as text only. A
policy forbids all network and every script but those of this package, told by their hashes.
"""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ontarget import __version__, systems
from ontarget.analysis import segments
from ontarget.analysis.segments import SegmentOutputs
from ontarget.analysis.significance import SystemPair
from ontarget.languages.names import english_name
from ontarget.offtarget.verdicts import Verdict
from ontarget.records import Direction, Score
from ontarget.report.figures import bars, heat_maps, matrix
from ontarget.report.figures.curves import Chart
from ontarget.report.figures.tables import Table, systems_of
from ontarget.report.render import tables
from ontarget.scoring import averages

SCRIPTS = ("report.js", "browser.js")
STYLES = ("report.css",)
MOST_PLAIN = 6_000_000  # bytes of segments that a page holds as they are; of more, packed
MOST_PACKED = 13_500_000
LEVEL = 3  # of gzip: beyond, times grow and sizes hardly shrink
UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")  # in JSON inside of HTML
EXAMPLES = 5  # segments a direction in Markdown


class EmbeddedSegments(NamedTuple):
    """Segments as the page's script reads them: the media type says how, the text is markup."""

    kind: str
    text: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """All the page shows."""

    title: str
    facts: tuple[tuple[str, str], ...]  # (what, value): seed, models, directions, ...
    notes: tuple[str, ...]  # sentences a reader must see with the numbers
    scores: tuple[Score, ...]
    ability: tuple[Score, ...]  # of a base made from scratch, asked in its own format
    charts: tuple[Chart, ...]
    pairs: tuple[SystemPair, ...]
    segments: tuple[SegmentOutputs, ...]  # to browse
    data: EmbeddedSegments  # the same
    left_out: int  # segments that there are besides
    recipe: str  # YAML
    versions: tuple[tuple[str, str], ...]


def render_html(report: ReportContent) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("ontarget.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scores = report.scores
    systems = {each: systems.title_of(each) for each in systems_of(scores)}
    scripts, styles = list(map(read_asset, SCRIPTS)), list(map(read_asset, STYLES))
    page = environment.get_template("report.html").render(
        report=report,
        policy=content_security_policy(scripts, styles),
        scripts=scripts,
        styles=styles,
        version=__version__,
        name=english_name,
        systems=systems,
        changes=heat_maps.draw_changes(scores),
        ability=averages.averages(report.ability),
        shown=tables.format_number,
        percent=tables.format_percent,
        heat_maps=heat_maps.draw_heat_maps(scores),
        score_table=heat_maps.score_table(scores),
        bars=bars.draw_bars(scores),
        verdicts=segments.VERDICT_NAMES,
        verdict_table=bars.verdict_table(scores),
        matrices=matrix.draw_matrices(report.pairs),
        pair_table=matrix.pair_table(report.pairs),
        curve_table=heat_maps.curve_table,
        signatures=list_signatures(scores),
        
    )  # fmt: skip
    return str(page)


def read_asset(name: str) -> Markup:
    """A script or style of this package."""
    return Markup((files("ontarget.report") / "templates" / name).read_text(encoding="utf-8"))


def content_security_policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """A content security policy: nothing but these runs, nothing is fetched, no text is markup."""
    return (
        f"default-src 'none'; script-src {' '.join(map(inline_hash, scripts))}; "
        f"style-src {' '.join(map(inline_hash, styles))}; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def inline_hash(text: str) -> str:
    """How a policy names an inline script or style."""
    found = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(found).decode()}'"


def fit_segments(
    every: Sequence[SegmentOutputs], count: int
) -> tuple[list[SegmentOutputs], EmbeddedSegments]:
    """The worst `count` segments and their data; fewer where a page would be too large."""
    while True:
        shown = segments.most_damaged(every, count)
        text = json.dumps(segments.json_columns(shown), ensure_ascii=False, separators=(",", ":"))
        plain = embed_json(text)
        if len(plain.encode()) <= MOST_PLAIN:
            return shown, EmbeddedSegments("application/json", plain)
        data = pack_json(text)
        if len(data) <= MOST_PACKED:
            return shown, EmbeddedSegments("application/gzip", data)
        count = int(0.95 * len(shown) * MOST_PACKED / len(data))


def embed_json(text: str) -> Markup:
    """JSON that cannot end the element it stands in."""
    return Markup(UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def pack_json(text: str) -> Markup:
    """JSON by gzip in base64; half a surrogate pair becomes its escape."""
    content = gzip.compress(text.encode(errors="backslashreplace"), LEVEL, mtime=0)
    return Markup(base64.b64encode(content).decode())


def list_signatures(scores: Sequence[Score]) -> list[str]:
    """Every signature behind the numbers, each once."""
    found = [each.detector for each in scores]
    found += [f"{metric} {text}" for each in scores for metric, text in each.signatures.items()]
    return list(dict.fromkeys(found))


def render_markdown(report: ReportContent) -> str:
    """The same report without its pictures."""
    scores = report.scores
    lines = [f"# {tables.escape_markdown(report.title)}\n"]
    lines += [tables.markdown(tables.header(scores), tables.overview(scores))]
    lines += ["OTR: off-target ratio. Averages over directions, unweighted.\n"]
    lines += [f"{tables.escape_markdown(note)}\n" for note in report.notes]
    if report.ability:
        lines += ["## The base model's own ability, asked in the format of its training\n"]
        lines += [tables.markdown(tables.header(report.ability), tables.overview(report.ability))]
    lines += ["## By direction\n"]
    lines += [tables.markdown(tables.BY_DIRECTION, tables.by_direction(scores))]
    lines += ["## Where did it go\n", table_markdown(bars.verdict_table(scores))]
    if report.pairs:
        lines += ["## System by system\n", table_markdown(matrix.pair_table(report.pairs))]
    lines += ["## Signatures\n"]
    lines += ["".join(f"- {tables.escape_markdown(text)}\n" for text in list_signatures(scores))]
    stated = (*report.facts, *report.versions)
    lines += ["".join(f"- {what}: {tables.escape_markdown(value)}\n" for what, value in stated)]
    lines += [worst_examples(report.segments)]
    return "\n".join(lines)


def table_markdown(table: Table) -> str:
    """A figure's numbers."""
    return tables.markdown(table.columns, [[cell.text for cell in row] for row in table.rows])


def worst_examples(every: Sequence[SegmentOutputs]) -> str:
    """The most damaged segments of each direction: source, reference, each answer, its verdict."""
    by_direction: dict[Direction, list[SegmentOutputs]] = {}
    for segment in every:
        by_direction.setdefault(segment.direction, []).append(segment)
    lines = []
    for direction, group in by_direction.items():
        worst = segments.sort_by_damage(group)[:EXAMPLES]
        names = [systems.title_of(each.system) for each in group[0].answers]
        rows = [
            [
                *(each.answers[0].source, each.answers[0].reference),
                *(
                    f"{a.hypothesis} ({segments.VERDICT_NAMES[Verdict(a.verdict)]})"
                    for a in each.answers
                ),
            ]
            for each in worst
        ]
        lines += [f"## Most damaged segments {direction}\n"]
        lines += [tables.markdown(["source", "reference", *names], rows)]
    return "\n".join(lines)
