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

from ontarget import __version__, figures, segments, shares, tables, versus
from ontarget.charts import Chart
from ontarget.languages import english_name
from ontarget.records import Direction, Score
from ontarget.segments import Segment
from ontarget.significance import Pair
from ontarget.verdicts import Verdict

SCRIPTS = ("report.js", "browser.js")
STYLES = ("report.css",)
MOST_PLAIN = 6_000_000  # bytes of segments that a page holds as they are; of more, packed
MOST_PACKED = 13_500_000
LEVEL = 3  # of gzip: beyond, times grow and sizes hardly shrink
UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")  # in JSON inside of HTML
EXAMPLES = 5  # segments a direction in Markdown


class Data(NamedTuple):
    """Segments as the page's script reads them: the media type says how, the text is markup."""

    kind: str
    text: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All the page shows."""

    title: str
    facts: tuple[tuple[str, str], ...]  # (what, value): seed, models, directions, ...
    notes: tuple[str, ...]  # sentences a reader must see with the numbers
    scores: tuple[Score, ...]
    ability: tuple[Score, ...]  # of a base made from scratch, asked in its own format
    charts: tuple[Chart, ...]
    pairs: tuple[Pair, ...]
    segments: tuple[Segment, ...]  # to browse
    data: Data  # the same
    left_out: int  # segments that there are besides
    recipe: str  # YAML
    versions: tuple[tuple[str, str], ...]


def html(report: Report) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("ontarget"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scores = report.scores
    systems = {each: figures.name_of(each) for each in figures.systems_of(scores)}
    scripts, styles = list(map(own, SCRIPTS)), list(map(own, STYLES))
    page = environment.get_template("report.html").render(
        report=report,
        policy=policy(scripts, styles),
        scripts=scripts,
        styles=styles,
        version=__version__,
        name=english_name,
        systems=systems,
        changes=figures.changes(scores),
        ability=tables.averages(report.ability),
        shown=tables.shown,
        percent=tables.percent,
        heat_maps=figures.heat_maps(scores),
        score_table=figures.score_table(scores),
        bars=shares.bars(scores),
        verdicts=segments.WORDS,
        verdict_table=shares.verdict_table(scores),
        matrices=versus.matrices(report.pairs),
        pair_table=versus.pair_table(report.pairs),
        curve_table=figures.curve_table,
        signatures=signatures(scores),
        
    )  # fmt: skip
    return str(page)


def own(name: str) -> Markup:
    """A script or style of this package."""
    return Markup((files("ontarget") / "templates" / name).read_text(encoding="utf-8"))


def policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """A content security policy: nothing but these runs, nothing is fetched, no text is markup."""
    return (
        f"default-src 'none'; script-src {' '.join(map(digest, scripts))}; "
        f"style-src {' '.join(map(digest, styles))}; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def digest(text: str) -> str:
    """How a policy names an inline script or style."""
    found = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(found).decode()}'"


def fitted(every: Sequence[Segment], count: int) -> tuple[list[Segment], Data]:
    """The worst `count` segments and their data; fewer where a page would be too large."""
    while True:
        shown = segments.kept(every, count)
        text = json.dumps(segments.columns(shown), ensure_ascii=False, separators=(",", ":"))
        plain = embedded(text)
        if len(plain.encode()) <= MOST_PLAIN:
            return shown, Data("application/json", plain)
        data = packed(text)
        if len(data) <= MOST_PACKED:
            return shown, Data("application/gzip", data)
        count = int(0.95 * len(shown) * MOST_PACKED / len(data))


def embedded(text: str) -> Markup:
    """JSON that cannot end the element it stands in."""
    return Markup(UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def packed(text: str) -> Markup:
    """JSON by gzip in base64; half a surrogate pair becomes its escape."""
    content = gzip.compress(text.encode(errors="backslashreplace"), LEVEL, mtime=0)
    return Markup(base64.b64encode(content).decode())


def signatures(scores: Sequence[Score]) -> list[str]:
    """Every signature behind the numbers, each once."""
    found = [each.detector for each in scores]
    found += [f"{metric} {text}" for each in scores for metric, text in each.signatures.items()]
    return list(dict.fromkeys(found))


def markdown(report: Report) -> str:
    """The same report without its pictures."""
    scores = report.scores
    lines = [f"# {tables.escaped(report.title)}\n"]
    lines += [tables.markdown(tables.header(scores), tables.overview(scores))]
    lines += ["OTR: off-target ratio. Averages over directions, unweighted.\n"]
    lines += [f"{tables.escaped(note)}\n" for note in report.notes]
    if report.ability:
        lines += ["## The base model's own ability, asked in the format of its training\n"]
        lines += [tables.markdown(tables.header(report.ability), tables.overview(report.ability))]
    lines += ["## By direction\n"]
    lines += [tables.markdown(tables.BY_DIRECTION, tables.by_direction(scores))]
    lines += ["## Where did it go\n", as_markdown(shares.verdict_table(scores))]
    if report.pairs:
        lines += ["## System by system\n", as_markdown(versus.pair_table(report.pairs))]
    lines += ["## Signatures\n"]
    lines += ["".join(f"- {tables.escaped(text)}\n" for text in signatures(scores))]
    stated = (*report.facts, *report.versions)
    lines += ["".join(f"- {what}: {tables.escaped(value)}\n" for what, value in stated)]
    lines += [examples(report.segments)]
    return "\n".join(lines)


def as_markdown(table: figures.Table) -> str:
    """A figure's numbers."""
    return tables.markdown(table.columns, [[cell.text for cell in row] for row in table.rows])


def examples(every: Sequence[Segment]) -> str:
    """The most damaged segments of each direction: source, reference, each answer, its verdict."""
    by_direction: dict[Direction, list[Segment]] = {}
    for segment in every:
        by_direction.setdefault(segment.direction, []).append(segment)
    lines = []
    for direction, group in by_direction.items():
        worst = segments.worst_first(group)[:EXAMPLES]
        names = [figures.name_of(each.system) for each in group[0].answers]
        rows = [
            [
                *(each.answers[0].source, each.answers[0].reference),
                *(f"{a.hypothesis} ({segments.WORDS[Verdict(a.verdict)]})" for a in each.answers),
            ]
            for each in worst
        ]
        lines += [f"## Most damaged segments {direction}\n"]
        lines += [tables.markdown(["source", "reference", *names], rows)]
    return "\n".join(lines)
