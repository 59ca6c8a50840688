"""`constrain`: from parallel text to instructions with conflicts besides the language."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer

from ontarget import artifacts
from ontarget.cli.commands.data.convert import check_names, check_not_read
from ontarget.cli.console import write
from ontarget.data import constraints
from ontarget.data.cleaning.rules import REASONS as CLEANING
from ontarget.data.constraints import Constraint, Formality, OutputFormat
from ontarget.data.constraints.formality import COLUMN, WORDINGS
from ontarget.data.constraints.making import CONTROL, NO_RESPONSE, NO_VALUES, TEMPLATE
from ontarget.data.readers import as_entry
from ontarget.errors import CorpusError, visible

Kind = Literal["format", "glossary", "formality"]
REASONS: dict[Kind, dict[str, str]] = {  # why pairs are left out, in words
    "format": {NO_VALUES: "in fewer than two forms that can be told apart"},
    "glossary": {
        NO_VALUES: "without a term of the glossary in the source",
        NO_RESPONSE: "with none or several translations of the term",
    },
    "formality": {NO_VALUES: "marked neither formal nor informal"},
}


def constrain(  # noqa: PLR0913 - a command's options
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="Parallel text of any format.")],
    languages: Annotated[
        str, typer.Option(metavar="DIRECTIONS", help="en-it,it-en: which way pairs are read.")
    ],
    constraint: Annotated[Kind, typer.Option(help="What instructions ask for.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write; FILE.jsonl.")],
    glossary: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Terms, each with two or more translations, as TSV."),
    ] = None,
    template: Annotated[
        str,
        typer.Option(
            show_default=False,
            help="Of instructions, with {target}, {constraint} and, if wanted, {source}; by "
            f"default $'{visible(TEMPLATE)}' (bash).",
        ),
    ] = TEMPLATE,
    seed: Annotated[int, typer.Option(min=0, help="Which format each pair gets.")] = 1,
) -> None:
    """Write instructions for a format, a term or a formality, with those that an output disobeys.

    The corpus says in a column named formality which translations are formal and informal.

    Example: ontarget constrain train.tsv --languages en-it --constraint format --out format.jsonl
    """
    check_names([corpus], str(out))
    directions = languages.split(",")
    chosen = constraint_of(constraint, glossary, directions)
    if out.suffix != ".jsonl":
        raise CorpusError(f"--out {out}: is written as JSON lines; give a name ending in .jsonl")
    check_not_read(out, [as_entry(corpus)])
    if glossary is not None and glossary.resolve() == out.resolve():
        raise CorpusError(f"{out}: would replace {glossary}, which is read; write elsewhere")
    columns = {COLUMN: tuple(WORDINGS)} if constraint == "formality" else None
    pairs = constraints.read_pairs(corpus, directions, columns)
    left_out: Counter[str] = Counter()
    records = constraints.constrain(pairs, chosen, template, seed, left_out)
    with artifacts.publish_file(out) as file:
        count = artifacts.write_records(file, records)
        if not count:
            raise CorpusError(f"{corpus}: {nothing_made(left_out, constraint, directions)}")
    reasons = f" ({why_left_out(left_out, constraint)})" if left_out else ""
    write(f"{count:,} instructions: {out}; {left_out.total():,} pairs left out{reasons}")


def constraint_of(kind: Kind, glossary: Path | None, directions: list[str]) -> Constraint:
    """The constraint that the options name.

    Raises:
        CorpusError: the glossary is missing, not needed, or for several directions.
    """
    if glossary is not None and kind != "glossary":
        raise CorpusError(f"--constraint {kind}: --glossary is for glossary only; leave it out")
    if glossary is None and kind == "glossary":
        raise CorpusError("--constraint glossary: needs its terms; add --glossary FILE")
    if glossary is None:
        return OutputFormat() if kind == "format" else Formality()
    if len(directions) > 1:
        raise CorpusError("--glossary: its terms are of one direction; name one in --languages")
    return constraints.read_glossary(glossary)


def why_left_out(left_out: Counter[str], kind: Kind) -> str:
    """How many pairs are left out for each reason, the most frequent one first."""
    reasons = REASONS[kind] | {CONTROL: f"with {CLEANING['control']}"}
    return ", ".join(f"{count:,} {reasons[reason]}" for reason, count in left_out.most_common())


def nothing_made(left_out: Counter[str], kind: Kind, directions: list[str]) -> str:
    """Why a corpus has no pair for a constraint."""
    if not left_out:
        return f"no row has both languages of {', '.join(directions)}; give other directions"
    remedy = {
        "format": "give another corpus",
        "glossary": "give other terms, or another corpus",
        "formality": f"mark some in the column {COLUMN}",
    }
    reasons = why_left_out(left_out, kind)
    return f"none of its {left_out.total():,} pairs can be used ({reasons}); {remedy[kind]}"
