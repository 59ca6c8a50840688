"""The corpus: which text is read, cleaned and mixed."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from ontarget.data import readers
from ontarget.data.cleaning.rules import Cascade
from ontarget.data.mixing import Mixture
from ontarget.data.readers.base import Entry
from ontarget.errors import CorpusError
from ontarget.recipe.sections.kinds import (
    Paths,
    Place,
    Positive,
    Section,
    as_list,
    check_path,
)


def as_entry(value: object) -> object:
    """A mapping as an entry of a corpus; a path stays as it is."""
    if not isinstance(value, Mapping):
        return value
    known = [field.name for field in fields(Entry)]
    for key, content in value.items():
        if key not in known:
            raise ValueError(f"{key!r} is no key of a corpus; expected {', '.join(known)}")
        form, right = "text", isinstance(content, str) or (content is None and key != "path")
        if key == "languages":
            form = "a list of tags in quotes"
            right = isinstance(content, list | tuple) and all(isinstance(t, str) for t in content)
        elif key == "fields":
            form = "a mapping of names to columns"
            right = isinstance(content, Mapping) and all(
                isinstance(text, str) for pair in content.items() for text in pair
            )
        if not right:
            raise ValueError(f"{key} is {str(content)[:60]!r}; write {form}")
    if "path" not in value:
        raise ValueError("has no path; write a file, a folder, a pattern or a corpus's name")
    check_path(value["path"])
    return Entry(**{**value, "languages": tuple(value.get("languages", ()))})


Corpora = Annotated[
    tuple[Annotated[Place | Entry, BeforeValidator(as_entry)], ...], BeforeValidator(as_list)
]


def paths_of(corpus: Path | Entry) -> tuple[Path, ...]:
    """The files of a corpus; its own path if there are none, of which its reader says why."""
    try:
        return readers.files(corpus)
    except CorpusError:
        return (Path(readers.as_entry(corpus).path),)


def local_paths(corpora: Sequence[Path | Entry]) -> list[tuple[Path, ...]]:
    """The files of each corpus, without those that have a name instead of a path."""
    return [paths_of(corpus) for corpus in corpora if not readers.is_name(corpus)]


def check_files(named: Mapping[str, Sequence[tuple[Path, ...]]]) -> None:
    """Raise ValueError for a file in two splits, or where rows of two corpora would share keys."""
    splits: dict[Path, str] = {}
    for split, corpora in named.items():
        for path in chain.from_iterable(corpora):
            if (other := splits.setdefault(path.resolve(), split)) != split:
                raise ValueError(
                    f"{path} is a file of {other} and of {split}; each file has one purpose"
                )
    for split, corpora in named.items():
        # files of one corpus have keys of their own: a folder's are named by their path in it
        names = [name for paths in corpora for name in {path.name for path in paths}]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(
                f"two files of {split} are named {repeated}; rename one, rows are keyed by it"
            )


class Phrasebook(Section):
    """The embedded corpus; no sentence of dev or test is in training, in any language."""

    train: Positive = 3000  # rows
    glossary: Annotated[int, Field(ge=0)] = 3000  # single phrases, for step 0 only
    dev: Positive = 100
    test: Positive = 100


class Instructions(Section):
    """General instructions, as in Alpaca: beside the translation samples, or in their place."""

    files: Annotated[Corpora, Field(min_length=1)]  # Alpaca or chat records
    ratio: Annotated[float, Field(gt=0, le=1000)] | None = None  # for one translation sample
    only: bool = False  # stage 1 is trained on them alone, and there is no stage 2
    stages: Literal["both", 1] = "both"  # that are trained on them; conflicts are drawn if both

    @model_validator(mode="after")
    def one_amount(self) -> "Instructions":
        """A ratio to the translations, or no translations."""
        if self.ratio is None and not self.only:
            raise ValueError(
                "says not how many; write ratio: 1 for as many as translations, or only: true to "
                "train on no translations"
            )
        if self.ratio is not None and self.only:
            raise ValueError(
                "has both ratio and only: true, with which there are no translations; keep one of "
                "them"
            )
        return self


class CorpusMixture(Mixture):
    """Which samples are trained on, and how many."""

    instructions: Annotated[Instructions | None, Field(strict=False)] = None

    @property
    def only_instructions(self) -> bool:
        """Whether no translations are trained on."""
        return self.instructions is not None and self.instructions.only

    @model_validator(mode="after")
    def translations_to_count(self) -> "CorpusMixture":
        """Nothing is said about directions where none is trained."""
        if self.only_instructions and (self.per_direction is not None or self.temperature != 1):
            key = "temperature" if self.per_direction is None else "per_direction"
            raise ValueError(
                f"{key}: with instructions.only no direction is trained; leave {key} out, or set "
                "total, the number of instructions"
            )
        return self


class Corpus(Section):
    """Corpora by path or by name (docs/formats.md), or the embedded phrasebook."""

    phrasebook: Phrasebook | None = None
    train: Corpora = ()
    dev: Corpora = ()
    test: Corpora = ()
    dev_limit: Positive | None = None  # rows for each pair of languages; the first ones
    test_limit: Positive | None = None
    drop_overlap: bool = False  # leave out training rows that share a sentence with dev or test
    max_characters: Positive | None = None  # longer training texts are left out and counted
    special_tokens: Literal["error", "drop"] = "error"  # training rows with one of the model's
    clean: Cascade | None = None  # rules by which training pairs are dropped; {}: the defaults
    mix: CorpusMixture = CorpusMixture()  # how many samples are trained on; default: all
    monolingual: dict[str, Paths] = {}  # a sentence a line: sources of own conflicts

    @model_validator(mode="after")
    def either(self) -> "Corpus":
        """Files or the phrasebook, not both."""
        files = (self.train, self.dev, self.test)
        if self.phrasebook is None and not all(files):
            raise ValueError("name files for train, dev and test, or the section phrasebook")
        if self.phrasebook is not None and any(files):
            raise ValueError("has both files and phrasebook; keep one of them")
        for code, paths in self.monolingual.items():
            if not paths:
                raise ValueError(f"monolingual.{code} names no file; name one, or leave it out")
        if self.clean is not None and self.mix.only_instructions:
            raise ValueError(
                "clean: with mix.instructions.only no pairs are trained on; leave clean out"
            )
        named = {split: local_paths(getattr(self, split)) for split in ("train", "dev", "test")}
        for code, paths in self.monolingual.items():
            named[f"monolingual.{code}"] = [(path,) for path in paths]
        if self.mix.instructions is not None:
            named["mix.instructions"] = local_paths(self.mix.instructions.files)
        check_files(named)
        return self

    @property
    def training_names(self) -> set[str]:
        """Names of the files that training pairs are from; none if some are not files here."""
        if any(readers.is_name(corpus) for corpus in self.train):
            return set()
        return {source.name for corpus in self.train for _, source in readers.sources(corpus)}

    @property
    def general_in_stage2(self) -> bool:
        """Whether stage 2 is trained on general instructions."""
        return self.mix.instructions is not None and self.mix.instructions.stages == "both"

    def check_instructions(self, *, stage1: bool, stage2: bool) -> None:
        """Raise ValueError for general instructions that no training would read, or stage 2 alone.

        Stage 2 lowers answers in another language than the requested one; general instructions
        request none.
        """
        if self.mix.instructions is None:
            return
        if self.mix.only_instructions and stage2:
            raise ValueError(
                "corpus.mix.instructions.only: stage 2 needs translations; leave the section "
                "unlikelihood out, or give a ratio in place of only"
            )
        if not (stage1 or stage2):
            raise ValueError(
                "corpus.mix.instructions: nothing is trained on them; add the section mle, or "
                "leave them out"
            )
        if self.mix.instructions.stages == 1 and not stage1:
            raise ValueError(
                "corpus.mix.instructions: stages: 1 needs stage 1; add the section mle, or write "
                "both"
            )

    def files(self, split: str) -> tuple[Path, ...]:
        """The files of train, dev, test, monolingual or instructions."""
        if split == "instructions":
            mixed = self.mix.instructions
            return tuple(chain.from_iterable(map(paths_of, mixed.files))) if mixed else ()
        if split == "monolingual":
            return tuple(chain(*self.monolingual.values()))
        return tuple(chain.from_iterable(map(paths_of, getattr(self, split))))
