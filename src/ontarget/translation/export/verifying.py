"""The segments that the original and the exported model translate, and how many may differ."""

from collections.abc import Sequence
from pathlib import Path

from ontarget import artifacts
from ontarget.data.readers.phrasebook import compose_rows
from ontarget.errors import ArtifactError, ModelError
from ontarget.records import Sample

SEGMENTS = 20
MOST_DIFFERENT = 1  # of them, in a floating-point format; kernels round differently
NEW_TOKENS = 64  # of a translation at most
DEV = "1_prepare/dev.jsonl"  # of a run


def dev_segments(run: Path) -> list[Sample]:
    """Segments of a run's dev set, evenly spread over it.

    Raises:
        ArtifactError: it has none, or cannot be read.
    """
    samples = artifacts.read_jsonl(run / DEV, Sample)
    if not samples:
        raise ArtifactError(f"{run / DEV}: holds no segments; run the recipe again")
    count = min(SEGMENTS, len(samples))
    return [samples[number * len(samples) // count] for number in range(count)]


def phrasebook_segments(languages: Sequence[str]) -> list[Sample]:
    """Segments of the embedded phrasebook, from each language into the next one in turn.

    Raises:
        CorpusError: the phrasebook has no such language.
    """
    rows = compose_rows(tuple(languages), 1, held_out=SEGMENTS, train=0, glossary=0)
    samples = []
    for number, row in enumerate(rows):
        source, target = (languages[(number + step) % len(languages)] for step in (0, 1))
        samples.append(
            Sample(
                key=row.key, source_lang=source, asked_lang=target, target_lang=target,
                source=row.texts[source], target=row.texts[target],
            )
        )  # fmt: skip
    return samples


def count_equal(expected: Sequence[str], found: Sequence[str], *, is_float: bool) -> int:
    """How many translations are equal.

    Raises:
        ModelError: the format is a floating-point one, and too many differ.
    """
    differ = [pair for pair in zip(expected, found, strict=True) if pair[0] != pair[1]]
    if is_float and len(differ) > MOST_DIFFERENT:
        original, exported = differ[0]
        raise ModelError(
            f"the exported model translates {len(differ)} of {len(expected)} segments otherwise "
            f"than the original, such as {exported[:60]!r} for {original[:60]!r}; nothing was "
            "written, so use another format, or --quantization float32"
        )
    return len(expected) - len(differ)
