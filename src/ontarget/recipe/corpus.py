"""The corpus that a recipe names, as train, dev and test rows."""

from collections.abc import Collection, Iterable, Sequence

from ontarget.data.cleaning.rows import Audit, held_out_fingerprints
from ontarget.data.cleaning.rules import Cascade
from ontarget.data.directions import undirected
from ontarget.data.splits import (
    PhrasebookSizes,
    SplitFiles,
    Splits,
    check_directions,
    compose_splits,
    read_splits,
)
from ontarget.errors import CorpusError
from ontarget.models.special_tokens import rows_with_special_tokens
from ontarget.recipe.sections.corpus import Corpus, Phrasebook
from ontarget.records import Direction, Parallel

SHOWN = 3  # rows that a message names
NO_ROWS = "corpus.train: no row is left to train on; raise max_characters or give more text"


def split_files(corpus: Corpus) -> SplitFiles:
    """The corpora that a recipe names, and its limits."""
    return SplitFiles(
        train=corpus.train,
        dev=corpus.dev,
        test=corpus.test,
        dev_limit=corpus.dev_limit,
        test_limit=corpus.test_limit,
        max_characters=corpus.max_characters,
        drop_overlap=corpus.drop_overlap or corpus.clean is not None,
        monolingual=corpus.monolingual,
    )


def composed_splits(phrasebook: Phrasebook, languages: tuple[str, ...], seed: int) -> Splits:
    """The splits of the embedded phrasebook."""
    return compose_splits(PhrasebookSizes(**phrasebook.model_dump()), languages, seed)


def read_corpus(
    corpus: Corpus, languages: tuple[str, ...], seed: int, special_tokens: Iterable[str] = ()
) -> Splits:
    """The splits of the corpus files, or of the embedded phrasebook, all in memory.

    Training rows with one of the special tokens are left out.

    Raises:
        CorpusError: a file cannot be used, or a sentence of dev or test is in train too.
    """
    if corpus.phrasebook is not None:
        return composed_splits(corpus.phrasebook, languages, seed)
    return read_splits(split_files(corpus), languages, special_tokens)


def audit_of(
    corpus: Corpus,
    languages: Sequence[str],
    supervised: Sequence[Direction],
    held_out: Iterable[Parallel],
    special_tokens: Iterable[str] = (),
) -> Audit:
    """What the training pairs of a recipe are checked for."""
    return Audit(
        pairs=undirected(supervised),
        pivot=languages[0],
        cascade=corpus.clean or Cascade(),
        held_out=held_out_fingerprints(held_out),
        special_tokens=tuple(special_tokens),
    )


def check_special_tokens(
    name: str, rows: Iterable[Parallel], tokens: Iterable[str], remedy: str
) -> None:
    """Raise CorpusError where rows of `name` contain a special token: how many, and the first.

    The tokenizer would read it as a command: end the text early, or switch turns in a chat.
    """
    found = rows_with_special_tokens(tokens, list(rows))
    if found:
        first = ", ".join(f"{key} has {token!r}" for key, token in found[:SHOWN])
        more = ", ..." if len(found) > SHOWN else ""
        raise CorpusError(
            f"{name}: {len(found)} row(s) contain a special token of the model ({first}{more}); "
            f"remove it from the text{remedy}"
        )


def check_splits(
    splits: Splits,
    supervised: tuple[Direction, ...],
    zero_shot: tuple[Direction, ...],
    *,
    trains: bool,
    monolingual: Iterable[str] = (),
) -> None:
    """Raise CorpusError where a split lacks text in a direction or language that needs it."""
    check_held_out(splits, supervised + zero_shot)
    train = list(splits.train)
    if trains and not train:
        raise CorpusError(NO_ROWS)
    check_monolingual(list(splits.monolingual), monolingual)
    check_directions(train, "corpus.train", supervised)


def check_monolingual(rows: Collection[Parallel], languages: Iterable[str]) -> None:
    """Raise CorpusError where a language that has monolingual text has none left."""
    present = {language for row in rows for language in row.texts}
    for language in languages:
        if language not in present:
            raise CorpusError(
                f"corpus.monolingual.{language}: no text is left; raise max_characters, give more "
                "text or leave the language out"
            )


def check_held_out(splits: Splits, directions: tuple[Direction, ...]) -> None:
    """Raise CorpusError where dev or test lacks text in a direction."""
    check_directions(splits.dev, "corpus.dev", directions)
    check_directions(splits.test, "corpus.test", directions)
