"""`corpora`: the public corpora that a recipe can name, and how to get one."""

from collections.abc import Iterator
from typing import Annotated

import typer

from ontarget.cli.console import write
from ontarget.errors import CorpusError
from ontarget.languages.names import is_known, unknown_code
from ontarget.languages.tags import standard


def corpora(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One of them, such as opus:Tatoeba.")
    ] = None,
    languages: Annotated[
        str, typer.Option(metavar="CODES", help="Source and target for the command.")
    ] = "en,it",
) -> None:
    """List public corpora with licence and citation; or show how to fetch one, and if it is there.

    Example: ontarget corpora opus:Tatoeba --languages en,it
    """
    from ontarget.data.readers.collections.checksums import nearest
    from ontarget.data.readers.collections.named import corpora as table

    if name is None:
        write(*overview())
        return
    if name not in table():
        raise CorpusError(
            f"{name}: no corpus has this name{nearest(name, table())}; see `ontarget corpora`"
        )
    write(*description(name, parse_pair(languages)))


def parse_pair(option: str) -> list[str]:
    """The source and target of `--languages`.

    Raises:
        CorpusError: they are not two known languages.
    """
    codes = [code.strip() for code in option.split(",")]
    if len(set(codes)) != 2 or len(codes) != 2:
        raise CorpusError(f"--languages {option}: expected two languages, as in en,it")
    for code in codes:
        if not is_known(standard(code)):
            raise CorpusError(f"--languages {option}: {unknown_code(code)}")
    return codes


def overview() -> Iterator[str]:
    """A line a corpus: name, licence, paper."""
    from ontarget.data.readers.collections.named import corpora as table

    rows = table().values()
    width = max(len(corpus.name) for corpus in rows)
    most = max(len(corpus.licence) for corpus in rows)
    for corpus in rows:
        yield f"{corpus.name:{width}}  {corpus.licence:{most}}  {corpus.paper}"


def description(name: str, languages: list[str]) -> Iterator[str]:
    """Licence, citation, command and state of one corpus."""
    from ontarget.data.readers.collections.named import corpora as table
    from ontarget.data.readers.collections.named import fetched

    corpus = table()[name]
    yield corpus.name
    yield f"licence   {corpus.licence}"
    yield f"cite      {corpus.cite}, {corpus.paper}"
    yield f"fetch     {corpus.command(languages)}"
    if corpus.through:
        yield f"read as   {corpus.through.format(pair='-'.join(languages))}"
    elif corpus.format is None:
        yield f"files     {corpus.folder}: a format that cannot be read; convert them to TSV"
    else:
        yield f"files     {corpus.folder}: {len(fetched(corpus)) or 'none'}"
