"""Files of hypotheses, references and sources, one segment a line, to what is found in them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from ontarget import systems
from ontarget.corpora.lines import lines
from ontarget.errors import CorpusError
from ontarget.evaluated import Evaluated
from ontarget.metric import OffTarget, Segment
from ontarget.systems import Statistics
from ontarget.tally import OffTargetScore
from ontarget.verdicts import Verdict

LONGEST = 100_000  # characters; a longer line is no segment, and makes every mean meaningless
MOST_FLOOR = 50  # percent; above, the references are none

Scored = dict[str, Statistics]  # metric -> sufficient statistics


@dataclass(frozen=True, slots=True)
class Held:
    """What hypotheses are held against, read whole."""

    references: dict[Path, list[str]]
    sources: dict[Path, list[str]]  # of one file at most
    floor: list[Segment]  # the first references, judged

    @property
    def files(self) -> dict[Path, list[str]]:
        """All of them."""
        return self.references | self.sources


def evaluate(
    metric: OffTarget, hypotheses: Sequence[Path], references: Sequence[Path], sources: Path | None
) -> Iterator[Evaluated]:
    """Evaluate files in order; the first is what the others are compared with.

    Hypotheses alone are read as a stream. A byte-order mark at the start and CRLF line ends are
    taken off; an empty line is an empty segment.

    Raises:
        CorpusError: a file is not as expected, or nothing in it can be judged.
    """
    held = hold(metric, references, sources)
    first: Scored = {}
    for path in hypotheses:
        if held.files:
            found, its = evaluated(metric, path, held, first)
            first = first or its
            yield found
        else:
            ratio = counted(metric, path, metric.judge(segments(path)), repeat(None))
            yield Evaluated(file=str(path), off_target=ratio, scores={}, versus_first=None)


def evaluated(metric: OffTarget, path: Path, held: Held, first: Scored) -> tuple[Evaluated, Scored]:
    """One file with its statistics; `first` are those of the first file, {} for itself."""
    texts = list(segments(path))
    for other, lines_of_it in held.files.items():
        if len(lines_of_it) != len(texts):
            raise CorpusError(
                f"{path}: {len(texts)} segments, but {other} has {len(lines_of_it)}; expected as "
                "many in both, one a line"
            )
    given = list(zip(*held.references.values(), strict=True)) if held.references else None
    found = list(metric.judge(texts, next(iter(held.sources.values()), None), given))
    ratio = counted(metric, path, found, held.floor or repeat(None))
    if not held.references:
        return Evaluated(file=str(path), off_target=ratio, scores={}, versus_first=None), {}
    using = systems.metrics(metric.asked.target_lang)
    files = list(held.references.values())
    its = {name: systems.statistics(each, texts, files) for name, each in using.items()}
    empty = [""] * len(texts)
    masks = (
        [each.judged.verdict is Verdict.ON_TARGET for each in found],
        [each.judged.is_off_target for each in found],
    )
    scores = {
        name: systems.system_score(each, its[name], systems.statistics(each, empty, files), masks)
        for name, each in using.items()
    }
    versus = {name: systems.difference(using[name], old, its[name]) for name, old in first.items()}
    return (
        Evaluated(file=str(path), off_target=ratio, scores=scores, versus_first=versus or None),
        its,
    )


def hold(metric: OffTarget, references: Sequence[Path], sources: Path | None) -> Held:
    """Read references and sources and judge the references.

    Raises:
        CorpusError: most of a reference's segments are not in the target language.
    """
    texts = {path: list(segments(path)) for path in references}
    judged = {path: list(metric.judge(each)) for path, each in texts.items()}
    for path, found in judged.items():
        ratio = counted(metric, path, found, repeat(None))
        if ratio.percent > MOST_FLOOR:
            most = next(iter(ratio.languages), "no language")
            raise CorpusError(
                f"{path}: {ratio.percent:.0f} % of these references are not in "
                f"{metric.asked.target_lang} (most are in {most}); are files swapped, or is the "
                "target language another?"
            )
    read = {} if sources is None else {sources: list(segments(sources))}
    return Held(texts, read, next(iter(judged.values()), []))


def counted(
    metric: OffTarget, path: Path, found: Iterable[Segment], floor: Iterable[Segment | None]
) -> OffTargetScore:
    """The ratio of a file.

    Raises:
        CorpusError: no segment could be judged.
    """
    try:
        return metric.counted(found, floor)
    except ValueError as error:
        raise CorpusError(f"{path}: {error}") from error


def segments(path: Path) -> Iterator[str]:
    """A file's segments, one a line.

    Raises:
        CorpusError: it has no line, one that is too long, or one with a carriage return in it.
    """
    number = 0
    for number, text in lines(path):
        if len(text) > LONGEST:
            raise CorpusError(
                f"{path}:{number}: {len(text)} characters, at most {LONGEST} expected; is it one "
                "segment a line?"
            )
        if "\r" in text:
            raise CorpusError(
                f"{path}:{number}: a carriage return inside the line; expected lines that end with "
                "LF or CRLF"
            )
        yield text
    if not number:
        raise CorpusError(f"{path}: holds no line; expected one segment a line")
