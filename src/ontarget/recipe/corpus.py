"""The corpus that a recipe names, as train, dev and test rows."""

from ontarget.data.splits import (
    PhrasebookSizes,
    SplitFiles,
    Splits,
    check_directions,
    compose_splits,
    read_splits,
)
from ontarget.errors import CorpusError
from ontarget.recipe.sections import Corpus
from ontarget.records import Direction


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
    )
    return read_splits(files, languages)


def check_splits(
    splits: Splits,
    supervised: tuple[Direction, ...],
    zero_shot: tuple[Direction, ...],
    *,
    trains: bool,
) -> None:
    """Raise CorpusError where a split lacks text in a direction that it is needed for."""
    if trains and not splits.train:
        raise CorpusError(
            "corpus.train: no row is left to train on; raise max_characters or give more text"
        )
    check_directions(splits.train, "corpus.train", supervised)
    check_directions(splits.dev, "corpus.dev", supervised + zero_shot)
    check_directions(splits.test, "corpus.test", supervised + zero_shot)
