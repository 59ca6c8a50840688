"""What several steps read: a recipe and its run folder in, plain values out."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from ontarget import artifacts
from ontarget.analysis import results
from ontarget.data import readers
from ontarget.data.readers.phrasebook import compose_rows
from ontarget.data.splits import find_overlap
from ontarget.errors import ArtifactError, CorpusError
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.sections import Corpus
from ontarget.records import Direction, JudgedTranslation, Parallel, Sample, Score

Split = Literal["train", "dev", "test"]
Tell = Callable[[str, int, int], None]  # what is going on, how much is done, out of how much

BASE, STAGE1, LONGER, STAGE2 = "base", "stage1", "stage1-longer", "stage2"
Record = TypeVar("Record")
HALF = re.compile("[\ud800-\udfff]")
ABILITY = "base-by-cue"  # the scratch model asked in the form of its own documents


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """The recipe's corpus; no sentence of dev or test is in train."""

    train: list[Parallel]
    dev: list[Parallel]
    test: list[Parallel]
    glossary: list[Parallel]  # of the phrasebook: what only step 0 reads
    dropped: dict[str, int]  # rows of train that were left out, by reason


def splits(recipe: Recipe) -> Splits:
    """The recipe's corpus, within its limits.

    Raises:
        CorpusError: a file cannot be used, or a sentence of dev or test is in training too.
    """
    if recipe.corpus.phrasebook is not None:
        return phrasebook(recipe)
    corpus = recipe.corpus
    every = from_files(corpus, "train", recipe.languages)
    longest = corpus.max_characters
    train = [row for row in every if longest is None or characters(row) <= longest]
    dev = from_files(corpus, "dev", recipe.languages)
    test = from_files(corpus, "test", recipe.languages)
    shared = find_overlap(train, [*test, *dev])
    if shared and not corpus.drop_overlap:
        held_out, trained, language = shared[0]
        raise CorpusError(
            f"{held_out}: the {language} sentence is in training too ({trained}; "
            f"{len(shared)} such rows); remove them from training or set corpus.drop_overlap: true"
        )
    leaked = {trained for _, trained, _ in shared}
    kept = [row for row in train if row.key not in leaked]
    dropped = {"overlap": len(leaked), "length": len(every) - len(train)}
    return Splits(train=kept, dev=dev, test=test, glossary=[], dropped=dropped)


def characters(row: Parallel) -> int:
    """Of the longest text."""
    return max(map(len, row.texts.values()))


def phrasebook(recipe: Recipe) -> Splits:
    """Test first, then dev, then train, so that no split depends on the size of a later one."""
    sizes = recipe.corpus.phrasebook
    assert sizes is not None
    held_out = sizes.test + sizes.dev
    made = compose_rows(
        recipe.languages,
        recipe.seed,
        held_out=held_out,
        train=sizes.train,
        glossary=sizes.glossary,
    )
    rows = list(made)
    end = held_out + sizes.train
    return Splits(
        train=rows[held_out:end],
        dev=rows[sizes.test : held_out],
        test=rows[: sizes.test],
        glossary=rows[end:],
        dropped={"overlap": 0, "length": 0},
    )


def from_files(corpus: Corpus, name: Split, languages: Sequence[str]) -> list[Parallel]:
    """All rows of the split's files that say something in two of the languages at least."""
    files = {"train": corpus.train, "dev": corpus.dev, "test": corpus.test}[name]
    limit = {"train": None, "dev": corpus.dev_limit, "test": corpus.test_limit}[name]
    rows = (row for path in files for row in readers.read(path, languages))
    return list(islice((row for row in rows if len(row.texts) > 1), limit))


def samples(rows: Iterable[Parallel], directions: Sequence[Direction]) -> list[Sample]:
    """Every row in every direction for which it has both sides."""
    return [
        Sample(
            key=f"{row.key}/{direction}",
            source_lang=direction.source_lang,
            asked_lang=direction.target_lang,
            target_lang=direction.target_lang,
            source=row.texts[direction.source_lang],
            target=row.texts[direction.target_lang],
        )
        for row in rows
        for direction in directions
        if direction.source_lang in row.texts and direction.target_lang in row.texts
    ]


def chosen(drawn: Sequence[Sample], count: int, seed: int) -> list[Sample]:
    """`count` samples picked by their keys and the seed, whatever the order they come in."""
    return sorted(drawn, key=lambda sample: hashed(f"{seed}/{sample.key}"))[:count]


def per_direction(drawn: Iterable[Sample], count: int) -> list[Sample]:
    """The first `count` samples of each direction."""
    taken: dict[Direction, list[Sample]] = {}
    for sample in drawn:
        taken.setdefault(Direction(sample.source_lang, sample.target_lang), []).append(sample)
    return [sample for of_direction in taken.values() for sample in of_direction[:count]]


def hashed(text: str) -> bytes:
    """A digest to sort by."""
    return hashlib.sha256(text.encode()).digest()


def systems(recipe: Recipe) -> list[str]:
    """The systems that the recipe compares, in the order of the table."""
    wanted = {
        BASE: True,
        STAGE1: recipe.mle,
        LONGER: recipe.control,
        STAGE2: recipe.unlikelihood,
    }
    return [system for system, present in wanted.items() if present]


def model_of(recipe: Recipe, system: str) -> str:
    """The folder or hub id of a system's model."""
    folders = {STAGE1: "3_mle", LONGER: "4_control", STAGE2: "4_unlikelihood"}
    if system in folders:
        return str(recipe.out / folders[system] / "model")
    return recipe.base.model or str(recipe.out / "0_base" / "model")


def unfinished(recipe: Recipe, step: str) -> Path:
    """Where a step that is not finished keeps what it can go on from."""
    return recipe.out / ".unfinished" / step


def starting_point(recipe: Recipe) -> str:
    """The model that stage 2 and its control start from."""
    return model_of(recipe, STAGE1 if recipe.mle is not None else BASE)


def scores(path: Path) -> list[Score]:
    """The scores that step 6 wrote.

    Raises:
        ArtifactError: a line is damaged, or a number in it is none of a score.
    """
    return records(path, Score, results.score_fault)


def answers(path: Path) -> list[JudgedTranslation]:
    """The segments that step 6 wrote, of all systems.

    Raises:
        ArtifactError: a line is damaged, or a value in it is none of an answer.
    """
    return records(path, JudgedTranslation, results.answer_fault)


def records(
    path: Path, kind: type[Record], fault_of: Callable[[Record], str | None]
) -> list[Record]:
    """The JSON lines of `path`, each checked to be a `kind` without fault.

    Raises:
        ArtifactError: a line is damaged, or has a fault.
    """
    remedy = "remove its folder and run again"
    found: list[Record] = []
    checking = TypeAdapter(kind)
    for number, line in enumerate(artifacts.read_jsonl(path, dict), start=1):
        try:
            each = checking.validate_python(line)
        except ValidationError as error:
            fault = error.errors()[0]
            raise ArtifactError(
                f"{path}:{number}: is no {kind.__name__} ({'.'.join(map(str, fault['loc']))}: "
                f"{fault['msg']}); {remedy}"
            ) from error
        if words := half_character(line) or fault_of(each):
            raise ArtifactError(f"{path}:{number}: is no {kind.__name__} ({words}); {remedy}")
        found.append(each)
    return found


def half_character(line: dict[str, Any]) -> str | None:
    """Whether a text holds half of a surrogate pair, which no file can be written with."""
    halved = next((key for key, text in line.items() if HALF.search(str(text))), None)
    return halved and f"{halved}: whole characters expected, not half of one"


def refuse_empty(splits: Splits, recipe: Recipe) -> None:
    """Raise CorpusError where a split lacks text in a direction that it is needed for."""
    supervised = recipe.supervised_directions
    trains = recipe.mle or recipe.unlikelihood or recipe.base.scratch
    if trains and not splits.train:
        raise CorpusError(
            "corpus.train: no row is left to train on; raise max_characters or give more text"
        )
    for name in ("train", "dev", "test"):
        wanted = supervised if name == "train" else supervised + recipe.zero_shot_directions
        refuse_lacking(getattr(splits, name), f"corpus.{name}", wanted)


def refuse_lacking(
    rows: Sequence[Parallel], place: Path | str, directions: Sequence[Direction]
) -> None:
    """Raise CorpusError where no row has both sides of a direction."""
    for direction in directions:
        if not any(
            direction.source_lang in r.texts and direction.target_lang in r.texts for r in rows
        ):
            raise CorpusError(
                f"{place}: no row has both {direction.source_lang} and {direction.target_lang}; "
                f"drop the direction {direction} or add text for it"
            )
