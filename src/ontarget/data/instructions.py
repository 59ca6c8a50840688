"""General instructions, as in Alpaca, among the samples to train on.

They keep what a model can do besides translation (arXiv 2403.14399). In a file of samples they
stand behind all translations.

A record may list instructions that its output does not obey. These lists are in a file of their
own, by a hash of what they hold. The hash ends the key of each sample that has the list, so a
changed list changes the samples.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import repeat, takewhile
from pathlib import Path

import numpy as np

from ontarget.artifacts import ArrowRecords, write_arrow
from ontarget.data import readers
from ontarget.data.cleaning.rules import REASONS as CLEANING
from ontarget.data.cleaning.texts import unwanted
from ontarget.data.mixing import Mixture, copies, repeated
from ontarget.data.readers.base import Entry, Instruction
from ontarget.errors import ArtifactError, CorpusError
from ontarget.models.special_tokens import any_of
from ontarget.records import Direction, Parallel, Sample

REASONS = {  # for which instructions are left out, in words, each with its remedy
    "empty": ("empty", "give records with a prompt and a response"),
    "control": (f"with {CLEANING['control']} in a text or a conflict", "remove it from the text"),
    "length": ("too long", "raise corpus.max_characters"),
    "special_tokens": (
        "with a special token of the model in a text or a conflict",
        "remove it from the text",
    ),
}
NO_DIRECTION = Direction("", "")
GENERAL = "general"  # in the keys of samples, where those of translations have a direction


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionFiles:
    """Files of instructions, and which of these are left out."""

    corpora: Sequence[Path | Entry]
    max_characters: int | None = None  # of a prompt or a response
    special_tokens: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInstruction:
    """An instruction as it was read."""

    key: str
    prompt: str
    response: str
    conflicts: str  # a JSON list of prompts that the response does not obey; "" without one


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedConflicts:
    """The prompts that a response does not obey."""

    name: str  # a hash of them
    prompts: str  # a JSON list


def kept_instructions(
    files: InstructionFiles, dropped: Counter[str]
) -> Iterator[StoredInstruction]:
    """The instructions of some files; those left out are counted by reason.

    Raises:
        CorpusError: a file cannot be read.
    """
    special = any_of(files.special_tokens)
    for corpus in files.corpora:
        for (key, prompt, response), conflicts in readers.read_with_conflicts(corpus):
            texts = (prompt, response, *conflicts)
            if not all(text.strip() for text in texts):
                dropped["empty"] += 1
            elif any(map(unwanted, texts)):
                dropped["control"] += 1
            elif files.max_characters and max(map(len, texts)) > files.max_characters:
                dropped["length"] += 1
            elif special and any(map(special.search, texts)):
                dropped["special_tokens"] += 1
            else:
                listed = json.dumps(conflicts, ensure_ascii=False) if conflicts else ""
                yield StoredInstruction(key=key, prompt=prompt, response=response, conflicts=listed)


def why_dropped(dropped: Mapping[str, int]) -> str:
    """The reasons for which all instructions are left out, in words, and the remedies."""
    remedies = dict.fromkeys(REASONS[reason][1] for reason in dropped or ["empty"])
    return f"{f' ({counted(dropped)})' if dropped else ''}; {', or '.join(remedies)}"


def counted(dropped: Mapping[str, int]) -> str:
    """How many instructions are left out for each reason, in words."""
    return ", ".join(f"{count} {REASONS[reason][0]}" for reason, count in dropped.items())


def rows_to_check(
    found: Iterable[tuple[Instruction, Sequence[str]]], tokens: Sequence[str]
) -> Iterator[Parallel]:
    """The texts of each instruction, and of its conflicts as a row that its key tells apart.

    Conflicts have their record's input, so they are no row where its own texts have a token.
    """
    special = any_of(tokens)
    for (key, prompt, response), conflicts in found:
        yield Parallel(key=key, texts={"prompt": prompt, "response": response})
        if special and conflicts and not any(map(special.search, (prompt, response))):
            texts = {str(number): text for number, text in enumerate(conflicts, start=1)}
            yield Parallel(key=f"a conflict of {key}", texts=texts)


def instruction_samples(files: InstructionFiles, dropped: Counter[str]) -> Iterator[Sample]:
    """The same as samples.

    Raises:
        CorpusError: a file cannot be read.
    """
    return map(sample_of, kept_instructions(files, dropped))


def sample_of(stored: StoredInstruction) -> Sample:
    """An instruction as a sample without languages."""
    name = f"{GENERAL}-{list_name(stored.conflicts)}" if stored.conflicts else GENERAL
    return Sample(
        key=f"{stored.key}/{name}",
        source_lang="",
        asked_lang="",
        target_lang="",
        source=stored.prompt,
        target=stored.response,
    )


def list_name(conflicts: str) -> str:
    """The hash of a list."""
    return blake2b(conflicts.encode(), digest_size=16).hexdigest()


@dataclass(slots=True)
class MixedInstructions:
    """The instructions of a mixture, and what was counted to make them."""

    samples: Iterable[Sample]
    listed: Iterable[ListedConflicts]  # of those written
    read: int
    dropped: dict[str, int]  # by reason
    written: int
    repeated: int  # of those written: copies, where the files have too few
    with_conflicts: int  # of those written: their records list conflicts

    @property
    def counts(self) -> dict[str, int | dict[str, int]]:
        """All but the samples and lists."""
        names = ("read", "dropped", "written", "repeated")
        counts = {name: getattr(self, name) for name in names}
        return counts | ({"with_conflicts": self.with_conflicts} if self.with_conflicts else {})


def mix_instructions(
    files: InstructionFiles, wanted: int, seed: int, folder: Path
) -> MixedInstructions:
    """So many instructions, drawn by key and seed; repeated only if there are fewer.

    All of them are written to a file in `folder`, so that their number costs no memory.

    Raises:
        CorpusError: none is left, or a file cannot be read.
    """
    dropped: Counter[str] = Counter()
    path = folder / "instructions.arrow"
    if not write_arrow(path, kept_instructions(files, dropped), StoredInstruction):
        raise CorpusError(
            f"corpus.mix.instructions.files: no instruction is left of {dropped.total()}"
            f"{why_dropped(dropped)}"
        )
    stored = ArrowRecords(path, StoredInstruction)
    directions = repeat(NO_DIRECTION, len(stored))
    keys = (f"{key}/{GENERAL}" for key in stored.column("key"))
    taken = copies(keys, directions, Mixture(total=wanted), seed)
    has_list = np.array([bool(listed) for listed in stored.column("conflicts")])
    return MixedInstructions(
        samples=repeated(map(sample_of, stored), taken.tolist()),
        listed=(
            ListedConflicts(name=list_name(listed), prompts=listed)
            for listed, count in zip(stored.column("conflicts"), taken, strict=True)
            if listed and count
        ),
        read=len(stored) + dropped.total(),
        dropped=dict(dropped),
        written=wanted,
        repeated=max(0, wanted - len(stored)),
        with_conflicts=int(taken[has_list].sum()),
    )


def listed_conflicts(path: Path) -> Callable[[Sample], Sequence[str]]:
    """The prompts that the response of a sample does not obey; none if its record lists none.

    `path` is the file of lists, which need not exist where no sample has one.

    Raises:
        ArtifactError: it cannot be read, or lacks the list of a sample.
    """
    stored = ArrowRecords(path, ListedConflicts) if path.exists() else None
    places = {name: at for at, name in enumerate(stored.column("name"))} if stored else {}

    def prompts_of(sample: Sample) -> Sequence[str]:
        name = sample.key.rpartition("/")[2].removeprefix(GENERAL).removeprefix("-")
        if not (sample.is_general and name):
            return ()
        if stored is None or name not in places:
            raise ArtifactError(
                f"{path}: lacks the conflicts of {sample.key}; remove its folder and run again"
            )
        prompts: list[str] = json.loads(stored[places[name]].prompts)
        return prompts

    return prompts_of


def translations(samples: Iterable[Sample]) -> Iterator[Sample]:
    """The samples of a file before its general instructions."""
    return takewhile(lambda sample: not sample.is_general, samples)


def count_translations(samples: ArrowRecords[Sample]) -> int:
    """How many samples of a file are not general instructions."""
    return sum(map(bool, samples.column("asked_lang")))
