"""The model card: what a model is, how it was made and measured, how to ask it.

Text of recipes is hostile: all that enters the page is escaped for Markdown, or quoted as YAML or
Python.
"""

from dataclasses import dataclass

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ontarget import systems
from ontarget.languages.names import english_name
from ontarget.languages.tags import primary
from ontarget.records import Score
from ontarget.report import page
from ontarget.report.render import tables
from ontarget.scoring import averages

FILE = "README.md"  # where the Hub looks for it
TAGS = ("ontarget", "translation", "arxiv:2403.14399")
Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardStage:
    """One training and its settings in words."""

    title: str
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """All the card says."""

    repo_id: str
    system: str  # stage1 or stage2
    languages: tuple[str, ...]
    base: str  # in words
    base_id: str | None  # of the hub
    stand_in: bool  # the base was made from scratch
    stages: tuple[CardStage, ...]
    data: Facts
    decoding: str
    scores: tuple[Score, ...]  # of all systems
    kind: str  # decoder-only or encoder-decoder
    usage: str  # Python that translates a sentence
    wording: str  # how it is asked, in a sentence
    versions: Facts


def render_card(card: ModelCard) -> str:
    """The card as README.md of the model's repository."""
    environment = Environment(
        loader=PackageLoader("ontarget.report"),
        undefined=StrictUndefined,
        finalize=escape_value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    own = [score for score in card.scores if score.system == card.system]
    floor = tables.reference_row(card.scores)[1::3]
    text = environment.get_template("card.md").render(
        card=card,
        front=Markup(front_matter(card)),
        article="An" if card.kind.startswith("e") else "A",
        what=systems.NAMES[card.system],
        spoken=", ".join(f"{english_name(code)} ({code})" for code in card.languages),
        usage=Markup(card.usage),
        overview=Markup(tables.markdown(tables.header(card.scores), tables.overview(card.scores))),
        left_out=tables.unjudged_note(card.scores),
        details=Markup(tables.markdown(tables.BY_DIRECTION, tables.by_direction(own))),
        signatures=page.list_signatures(own),
        floors=dict(zip(map(systems.SETTINGS.get, averages.settings(own)), floor, strict=True)),
        segments=sorted({score.segments for score in own}),
    )
    return str(text)


def escape_value(value: object) -> str:
    """What the template shows: Markup as it is, anything else escaped for Markdown."""
    return value if isinstance(value, Markup) else tables.escape_markdown(str(value))


def front_matter(card: ModelCard) -> str:
    """The YAML that the Hub reads; languages without script and territory, as it knows them."""
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
