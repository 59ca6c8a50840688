"""General instructions, as in Alpaca, among the samples to train on.

They keep what a model can do besides translation (arXiv 2403.14399). In a file of samples they
stand behind all translations.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat, takewhile
from pathlib import Path

from ontarget.artifacts import ArrowRecords, write_arrow
from ontarget.data import readers
from ontarget.data.mixing import Mixture, copies, repeated
from ontarget.data.readers.base import Entry
from ontarget.errors import CorpusError
from ontarget.models.special_tokens import any_of
from ontarget.records import Direction, Sample

NO_DIRECTION = Direction("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionFiles:
    """Files of instructions, and which of these are left out."""

    corpora: Sequence[Path | Entry]
    max_characters: int | None = None  # of a prompt or a response
    special_tokens: Sequence[str] = ()


def instruction_samples(files: InstructionFiles, dropped: Counter[str]) -> Iterator[Sample]:
    """The instructions as samples without languages; those left out are counted by reason.

    Raises:
        CorpusError: a file cannot be read.
    """
    special = any_of(files.special_tokens)
    for corpus in files.corpora:
        for key, prompt, response in readers.read_instructions(corpus):
            texts = (prompt, response)
            if not all(text.strip() for text in texts):
                dropped["empty"] += 1
            elif files.max_characters and max(map(len, texts)) > files.max_characters:
                dropped["length"] += 1
            elif special and any(map(special.search, texts)):
                dropped["special_tokens"] += 1
            else:
                yield Sample(
                    key=f"{key}/general",
                    source_lang="",
                    asked_lang="",
                    target_lang="",
                    source=prompt,
                    target=response,
                )


@dataclass(slots=True)
class MixedInstructions:
    """The instructions of a mixture, and what was counted to make them."""

    samples: Iterable[Sample]
    read: int
    dropped: dict[str, int]  # by reason
    written: int
    repeated: int  # of those written: copies, where the files have too few

    @property
    def counts(self) -> dict[str, int | dict[str, int]]:
        """All but the samples."""
        names = ("read", "dropped", "written", "repeated")
        return {name: getattr(self, name) for name in names}


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
    if not write_arrow(path, instruction_samples(files, dropped), Sample):
        raise CorpusError(
            f"corpus.mix.instructions.files: no instruction is left of {dropped.total()}; give "
            "records with a prompt and a response"
        )
    stored = ArrowRecords(path, Sample)
    directions = repeat(NO_DIRECTION, len(stored))
    taken = copies(stored.column("key"), directions, Mixture(total=wanted), seed)
    return MixedInstructions(
        samples=repeated(stored, taken.tolist()),
        read=len(stored) + dropped.total(),
        dropped=dict(dropped),
        written=wanted,
        repeated=max(0, wanted - len(stored)),
    )


def translations(samples: Iterable[Sample]) -> Iterator[Sample]:
    """The samples of a file before its general instructions."""
    return takewhile(lambda sample: not sample.is_general, samples)


def count_translations(samples: ArrowRecords[Sample]) -> int:
    """How many samples of a file are not general instructions."""
    return sum(map(bool, samples.column("asked_lang")))
