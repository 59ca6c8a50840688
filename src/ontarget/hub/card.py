"""The model card: what a model is, how it was trained and evaluated, and how to use it.

Text from recipes is untrusted: everything in the page is escaped for Markdown or quoted as YAML or
Python.
"""

from dataclasses import dataclass

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ontarget import systems
from ontarget.languages.names import display_name
from ontarget.languages.tags import primary
from ontarget.records import Score
from ontarget.report import page
from ontarget.report.render import formatting, tables
from ontarget.scoring import averages

FILE = "README.md"  # where the Hub expects the card
TAGS = ("ontarget", "translation", "arxiv:2403.14399")
Facts = tuple[tuple[str, str], ...]  # (name, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardStage:
    """One training stage and its settings."""

    title: str
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """Content of the card."""

    repo_id: str
    system: str  # stage1 or stage2
    languages: tuple[str, ...]
    base: str  # description of the base model
    base_id: str | None  # the base model on the Hub
    stand_in: bool  # the base model was trained from scratch
    stages: tuple[CardStage, ...]
    data: Facts
    decoding: str
    scores: tuple[Score, ...]  # of all systems
    kind: str  # decoder-only or encoder-decoder
    snippet: str  # Python code that translates a sentence
    prompt_note: str  # note about the prompt, one or two sentences
    versions: Facts


def render_card(card: ModelCard) -> str:
    """The card as Markdown with YAML front matter."""
    environment = Environment(
        loader=PackageLoader("ontarget.report"),
        undefined=StrictUndefined,
        finalize=escape_value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    scores = [score for score in card.scores if score.system == card.system]
    references = tables.reference_row(card.scores)[1::3]
    settings = [systems.SETTINGS[supervised] for supervised in averages.settings(scores)]
    text = environment.get_template("card.md").render(
        card=card,
        front_matter=Markup(front_matter(card)),
        article="An" if card.kind.startswith("e") else "A",
        system=systems.title_of(card.system),
        languages=", ".join(f"{display_name(code)} ({code})" for code in card.languages),
        snippet=Markup(card.snippet),
        overview=Markup(
            formatting.markdown_table(
                tables.overview_header(card.scores), tables.overview_rows(card.scores)
            )
        ),
        notes=tables.notes(card.scores),
        details=Markup(
            formatting.markdown_table(tables.DIRECTION_HEADER, tables.direction_rows(scores))
        ),
        signatures=page.list_signatures(scores),
        reference_ratios=dict(zip(settings, references, strict=True)),
        segments=sorted({score.segments for score in scores}),
    )
    return str(text)


def escape_value(value: object) -> str:
    """The text of a template expression: Markup unchanged, everything else escaped."""
    return value if isinstance(value, Markup) else formatting.escape_markdown(str(value))


def front_matter(card: ModelCard) -> str:
    """The YAML metadata that the Hub reads; languages without script and territory."""
    task = "text-generation" if card.kind == "decoder-only" else "translation"
    content = {
        "language": list(dict.fromkeys(primary(code) for code in card.languages)),
        "library_name": "transformers",
        "pipeline_tag": task,
        "tags": list(TAGS),
        "metrics": ["bleu", "chrf"],
        **({"base_model": card.base_id} if card.base_id else {}),
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
