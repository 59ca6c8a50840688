"""`constrain`: from parallel text to instructions with conflicts besides the language."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from ontarget import artifacts
from ontarget.cli.commands.data.convert import check_names, check_not_read
from ontarget.cli.console import write
from ontarget.data import constraints
from ontarget.data.constraints import Constraint, Formality, OutputFormat, Pair
from ontarget.data.constraints.formality import COLUMN, WORDINGS
from ontarget.data.constraints.making import TEMPLATE
from ontarget.data.readers import as_entry
from ontarget.errors import CorpusError

Kind = Literal["format", "glossary", "formality"]


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
        str, typer.Option(help="Of instructions, with {source}, {target} and {constraint}.")
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
    pairs = CountedPairs(constraints.read_pairs(corpus, directions, columns))
    with artifacts.publish_file(out) as file:
        count = artifacts.write_records(file, constraints.constrain(pairs, chosen, template, seed))
        if not count:
            raise CorpusError(f"{corpus}: {nothing_made(pairs.count, constraint, directions)}")
    write(f"{count:,} instructions: {out}; {pairs.count - count:,} pairs left out")


class CountedPairs:
    """Pairs, and how many were read."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self.pairs, self.count = pairs, 0

    def __iter__(self) -> Iterator[Pair]:
        for pair in self.pairs:
            self.count += 1
            yield pair


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


def nothing_made(pairs: int, kind: Kind, directions: list[str]) -> str:
    """Why a corpus has no pair for a constraint."""
    if not pairs:
        return f"no row has both languages of {', '.join(directions)}; give other directions"
    reasons = {
        "format": "can be written in two forms that differ",
        "glossary": "has a term of the glossary and exactly one of its translations",
        "formality": "is marked as formal or informal",
    }
    return f"none of its {pairs:,} pairs {reasons[kind]}; give another corpus"
