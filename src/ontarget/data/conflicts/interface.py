"""`ontarget.conflicts`: the conflict samples of a `datasets.Dataset`."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, get_args

from ontarget.data.conflicts.checks import draw_fault
from ontarget.data.conflicts.drawing import Draw, Experiment, draw_conflicts, instructions_of
from ontarget.data.interface import NEEDED, as_dataset
from ontarget.errors import CorpusError
from ontarget.records import Direction, Sample

if TYPE_CHECKING:
    from datasets import Dataset  # type: ignore[attr-defined]

BY_A_MODEL = ("confused", "hardest")  # draws that need more than the samples


def conflicts(
    dataset: "Dataset",
    draw: str | Callable[[Sample], Sample] = "wrong_target",
    *,
    languages: Sequence[str] | None = None,
    seed: int = 1,
    per_sample: int = 1,
) -> "Dataset":
    """`per_sample` conflict samples for each row, one after another, with the columns of `Sample`.

    Args:
        dataset: rows with `source_lang`, `target_lang`, `source` and `target`; `key` and
            `asked_lang` are used if they are there. Without keys a row's number is its key.
        draw: a name in `ontarget.data.conflicts.draws` that needs no model, or a function from a
            sample to its conflict.
        languages: those that a conflict may request, the pivot first; None: all of the dataset.
        seed: of the draw, which depends on it and on a row's content, not on its place.
        per_sample: conflicts of each row, under different instructions.

    Raises:
        CorpusError: a column or a text is missing, a row is a conflict already, or the draw is not
            possible between these languages.
    """
    missing = [name for name in NEEDED if name not in dataset.column_names]
    if missing:
        raise CorpusError(
            f"the dataset has no column {missing[0]!r} among {', '.join(dataset.column_names)}; "
            f"conflicts need {', '.join(NEEDED)}"
        )
    drawn = (
        draw_by_name(dataset, draw, languages, seed, per_sample)
        if isinstance(draw, str)
        else draw_by_function(dataset, draw, per_sample)
    )
    try:
        return as_dataset(drawn)
    except ValueError as error:
        raise CorpusError(f"the dataset: {error}") from error


def draw_by_name(
    dataset: "Dataset", draw: str, languages: Sequence[str] | None, seed: int, per_sample: int
) -> Iterator[Sample]:
    """The conflicts of a draw that is named.

    Raises:
        CorpusError: there is no such draw, or it is not possible.
    """
    known: dict[str, Draw] = {name: name for name in get_args(Draw) if name not in BY_A_MODEL}
    if draw not in known:
        raise CorpusError(
            f"draw: {draw!r} is none of {', '.join(known)}; choose one, or give a function from a "
            "sample to its conflict"
        )
    if per_sample < 1:
        raise CorpusError(f"per_sample: is {per_sample}; give 1 or more")
    asked = "asked_lang" if "asked_lang" in dataset.column_names else "target_lang"
    sides = dataset.select_columns(list(dict.fromkeys(["source_lang", "target_lang", asked])))
    pairs: Counter[tuple[str, str]] = Counter()
    instructions: Counter[Direction] = Counter()
    for batch in sides.iter(10_000):
        pairs.update(zip(batch["source_lang"], batch["target_lang"], strict=True))
        instructions += instructions_of(batch["source_lang"], batch[asked])
    codes = tuple(dict.fromkeys(chain.from_iterable(pairs) if languages is None else languages))
    if fault := draw_fault(draw, codes, len(instructions), per_sample):
        raise CorpusError(fault)
    experiment = Experiment(languages=codes, instructions=instructions)
    return draw_conflicts(samples_in(dataset), known[draw], experiment, seed, per_sample)


def draw_by_function(
    dataset: "Dataset", draw: Callable[[Sample], Sample], per_sample: int
) -> Iterator[Sample]:
    """What a function makes of each row.

    Raises:
        CorpusError: more than one conflict of a row is requested, or one is no sample.
    """
    if per_sample != 1:
        raise CorpusError("per_sample: a draw of your own gives one conflict a row; leave it out")
    for sample in samples_in(dataset):
        conflict = draw(sample)
        if not isinstance(conflict, Sample):
            raise CorpusError(
                f"{sample.key}: the draw returned {str(conflict)[:60]!r}; return a Sample"
            )
        yield conflict


def samples_in(dataset: "Dataset") -> Iterator[Sample]:
    """The rows as samples.

    Raises:
        CorpusError: a value is no text.
    """
    for number, row in enumerate(dataset):
        values: dict[str, Any] = {"key": str(number), "asked_lang": row["target_lang"]}
        values |= {name: row[name] for name in (*NEEDED, "key", "asked_lang") if name in row}
        for name, value in values.items():
            if not isinstance(value, str):
                raise CorpusError(
                    f"row {number} of the dataset: {name} is {str(value)[:60]!r}, no text; leave "
                    "the row out"
                )
        yield Sample(**values)
