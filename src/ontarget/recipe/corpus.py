"""The corpus that a recipe names, as train, dev and test rows."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

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
from ontarget.recipe.sections import Corpus
from ontarget.records import Direction, Parallel

SHOWN = 3  # rows that a message names


def read_corpus(corpus: Corpus, languages: tuple[str, ...], seed: int) -> Splits:
    """The splits of the corpus files, or of the embedded phrasebook.

    Raises:
        CorpusError: a file cannot be used, or a sentence of dev or test is in train too.
    """
    if corpus.phrasebook is not None:
        sizes = PhrasebookSizes(**corpus.phrasebook.model_dump())
        return compose_splits(sizes, languages, seed)
    files = SplitFiles(
        train=corpus.train,
        dev=corpus.dev,
        test=corpus.test,
        dev_limit=corpus.dev_limit,
        test_limit=corpus.test_limit,
        max_characters=corpus.max_characters,
        drop_overlap=corpus.drop_overlap,
        monolingual=corpus.monolingual,
    )
    return read_splits(files, languages)


def drop_special_tokens(splits: Splits, tokens: Iterable[str]) -> Splits:
    """The splits without training rows that contain one of the model's special tokens."""
    read = rows_with_special_tokens(tokens, [*splits.train, *splits.monolingual])
    found = {key for key, _ in read}
    return replace(
        splits,
        train=[row for row in splits.train if row.key not in found],
        monolingual=[row for row in splits.monolingual if row.key not in found],
        dropped={**splits.dropped, "special_tokens": len(found)},
    )


def check_special_tokens(
    name: str, rows: Sequence[Parallel], tokens: Iterable[str], remedy: str
) -> None:
    """Raise CorpusError where rows of `name` contain a special token: how many, and the first.

    The tokenizer would read it as a command: end the text early, or switch turns in a chat.
    """
    found = rows_with_special_tokens(tokens, rows)
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
    if trains and not splits.train:
        raise CorpusError(
            "corpus.train: no row is left to train on; raise max_characters or give more text"
        )
    present = {language for row in splits.monolingual for language in row.texts}
    for language in monolingual:
        if language not in present:
            raise CorpusError(
                f"corpus.monolingual.{language}: no text is left; raise max_characters, give more "
                "text or leave the language out"
            )
    check_directions(splits.train, "corpus.train", supervised)
    check_directions(splits.dev, "corpus.dev", supervised + zero_shot)
    check_directions(splits.test, "corpus.test", supervised + zero_shot)
