"""The report as one self-contained page. Text of corpora and models is hostile: all is escaped."""

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from ontarget import __version__, tables
from ontarget.charts import Chart
from ontarget.languages import english_name
from ontarget.records import Direction, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one system answered, and the language found in it ("" for none)."""

    system: str
    text: str
    found_lang: str
    wrong: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test sentence with every system's answer."""

    source: str
    reference: str
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All the page shows."""

    title: str
    facts: tuple[tuple[str, str], ...]  # (what, value): seed, models, directions, ...
    notes: tuple[str, ...]  # sentences a reader must see before the numbers
    scores: tuple[Score, ...]
    ability: tuple[Score, ...]  # of a base made from scratch, asked in its own format
    charts: tuple[Chart, ...]
    cases: dict[Direction, tuple[Case, ...]]


def html(report: Report) -> str:
    """The page: no script, no address to fetch from."""
    environment = Environment(
        loader=PackageLoader("ontarget"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scores = report.scores
    page = environment.get_template("report.html").render(
        report=report,
        version=__version__,
        names=tables.NAMES,
        name=english_name,
        systems=list(dict.fromkeys(each.system for each in scores)),
        directions=list(dict.fromkeys(Direction(each.source, each.target) for each in scores)),
        titles=tables.header(scores),
        overview=tables.overview(scores),
        ability=tables.averages(report.ability),
        details_titles=tables.BY_DIRECTION,
        details=tables.by_direction(scores),
        heat=heat(scores),
        heat_languages=spoken(scores),
        bleu={(each.system, each.source, each.target): each.bleu for each in scores},
        signatures=signatures(scores),
        validated=any(line.name == "off-target" for each in report.charts for line in each.lines),
    )
    return str(page)


def heat(scores: Sequence[Score]) -> dict[str, list[list[Score | None]]]:
    """Per system a square of scores: a row a source language, a column a target language."""
    languages = spoken(scores)
    found = {(each.system, each.source, each.target): each for each in scores}
    return {
        system: [[found.get((system, row, column)) for column in languages] for row in languages]
        for system in dict.fromkeys(each.system for each in scores)
    }


def spoken(scores: Sequence[Score]) -> list[str]:
    """The languages of the scores, in order of appearance."""
    return list(dict.fromkeys(lang for each in scores for lang in (each.source, each.target)))


def signatures(scores: Sequence[Score]) -> list[str]:
    """Every signature behind the numbers, each once."""
    found = [each.detector for each in scores]
    found += [f"{metric} {text}" for each in scores for metric, text in each.signatures.items()]
    return list(dict.fromkeys(found))


def markdown(report: Report) -> str:
    """The same report without its pictures."""
    lines = [f"# {tables.escaped(report.title)}\n"]
    lines += [f"{tables.escaped(note)}\n" for note in report.notes]
    lines += [tables.markdown(tables.header(report.scores), tables.overview(report.scores))]
    lines += ["OTR: off-target ratio. Averages over directions, unweighted.\n"]
    if report.ability:
        lines += ["## The base model's own ability, asked in the format of its training\n"]
        lines += [tables.markdown(tables.header(report.ability), tables.overview(report.ability))]
    lines += ["## By direction\n"]
    lines += [tables.markdown(tables.BY_DIRECTION, tables.by_direction(report.scores))]
    lines += ["## Signatures\n"]
    lines += ["".join(f"- `{text}`\n" for text in signatures(report.scores))]
    lines += ["".join(f"- {what}: {tables.escaped(value)}\n" for what, value in report.facts)]
    for direction, cases in report.cases.items():
        if cases:
            lines += [f"## Examples {direction}\n", examples(cases)]
    return "\n".join(lines)


def examples(cases: Sequence[Case]) -> str:
    """Test sentences as a Markdown table: source, reference, each answer with its language."""
    systems = [tables.NAMES.get(each.system, each.system) for each in cases[0].attempts]
    rows = [
        [case.source, case.reference, *(f"{a.text} ({a.found_lang or '?'})" for a in case.attempts)]
        for case in cases
    ]
    return tables.markdown(["source", "reference", *systems], rows)
