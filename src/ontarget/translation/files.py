"""A file to its translation: in chunks, journaled, published when it is complete."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TextIO

from ontarget import artifacts
from ontarget.data.readers.lines import COMPRESSED, check_length
from ontarget.errors import ArtifactError, TranslationError
from ontarget.offtarget import detectors
from ontarget.translation.documents import MARK, format_of, read_parts
from ontarget.translation.documents.base import Part, Reading, Segment, same
from ontarget.translation.protect import has_words
from ontarget.translation.translating import Outcome, Translating, translate_segments

HELD = "another ontarget works there"  # of a lock, whose message names the folder
CHUNK = 2000  # segments in memory and in one folder of the journal
DETECTED = 100  # segments that show the source language
LEAST = 0.5  # probability of a source language that is not named
WHOLE = frozenset({"markdown", "html", "po", "xliff", "subtitles"})  # formats with a structure
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRun:
    """What a translation is called in messages, where it can resume, and who follows it."""

    name: str
    tell: Tell = lambda text, done, total: None
    journal: Path | None = None
    total: int = 0  # segments, if they are known


@dataclass(frozen=True, slots=True)
class Fault:
    """A segment that has no translation, or one to look at."""

    place: str  # FILE:LINE
    text: str
    failed: bool = False  # no translation, or with the check one in another language

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(slots=True)
class TranslationSummary:
    """What became of the segments of a file."""

    segments: int = 0
    failed: int = 0  # without a translation
    repaired: dict[str, int] = field(default_factory=dict)  # way -> segments
    off_target: int = 0  # that stayed so
    undecided: int = 0  # whose language, at least of a part, could not be judged
    faults: list[Fault] = field(default_factory=list)

    def note(self, segment: Segment, outcome: Outcome, name: str) -> None:
        """Count a segment, and list its faults."""
        place = f"{name}:{segment.line}"
        self.segments += 1
        if outcome.text is None:
            self.failed += 1
            self.faults.append(Fault(place, f"not translated: {outcome.failure}", failed=True))
            return
        if outcome.repaired and not outcome.off_target:
            self.repaired[outcome.repaired] = self.repaired.get(outcome.repaired, 0) + 1
        self.undecided += outcome.undecided and not (outcome.off_target or outcome.repaired)
        if outcome.off_target:
            self.off_target += 1
            text = "not in the requested language, in whatever way it is decoded"
            self.faults.append(Fault(place, text, failed=True))
        self.faults += [Fault(place, note) for note in outcome.notes]


def text_parts(texts: Iterable[str]) -> Iterator[Part]:
    """Texts as parts: a segment a line, and a line break after each."""
    for number, text in enumerate(texts, start=1):
        single = " ".join(text.split())
        check_length(single, f"text {number}")
        if has_words(single):
            yield Segment(single, number, same, "")
        else:
            yield single
        yield "\n"


def translate_parts(
    parts: Iterable[Part],
    how: Translating,
    write: Callable[[str], object],
    running: FileRun,
) -> TranslationSummary:
    """Write all parts in order, segments translated, in bounded memory.

    Raises:
        TranslationError: none of the first segments can be translated.
    """
    summary = TranslationSummary()
    for number, chunk in enumerate(chunks(parts)):
        segments = [part for part in chunk if isinstance(part, Segment)]
        before = summary.segments

        def told(done: int, total: int, before: int = before, size: int = len(segments)) -> None:
            running.tell("segments", before + done * size // total, running.total)

        folder = running.journal / f"{number:06}" if running.journal else None
        outcomes = translate_segments(how, segments, folder, told)
        if number == 0:
            check_some(segments, outcomes, running.name)
        remaining = iter(outcomes)
        for part in chunk:
            if isinstance(part, str):
                write(part)
                continue
            outcome = next(remaining)
            summary.note(part, outcome, running.name)
            write(part.untranslated if outcome.text is None else part.render(outcome.text))
    return summary


def check_some(segments: Sequence[Segment], outcomes: Sequence[Outcome], name: str) -> None:
    """Raise TranslationError where there are segments, and the translator refused them all."""
    if outcomes and all(outcome.refused for outcome in outcomes):
        raise TranslationError(
            f"{name}: none of its first {len(segments)} segments was translated; line "
            f"{segments[0].line}: {outcomes[0].failure}"
        )


def chunks(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Parts in lists of at most `CHUNK` segments."""
    chunk: list[Part] = []
    segments = 0
    for part in parts:
        chunk.append(part)
        segments += isinstance(part, Segment)
        if segments == CHUNK or len(chunk) == 4 * CHUNK:
            yield chunk
            chunk, segments = [], 0
    if chunk:
        yield chunk


def translate_file(
    path: Path, out: Path, how: Translating, reading: Reading, running: FileRun
) -> TranslationSummary:
    """Write the translation of a file; a run that was killed goes on where it was.

    Where segments failed, the journal stays, so that the next run translates only these.

    Raises:
        OnTargetError: the file cannot be read, has nothing to translate, or `out` cannot be
            written.
    """
    if out.exists() and out.samefile(path):
        raise TranslationError(f"{path}: would be replaced by its translation; give another --out")
    total = count_segments(path, reading, running.name)
    if not total:
        raise TranslationError(f"{running.name}: has nothing to translate; is it the right file?")
    journal = out.with_name(f".{out.name}.ontarget-resume")
    running = replace(running, journal=journal, total=total)
    with held_output(out), artifacts.publish_file(out) as file:
        copy = Copy(file, keep=format_of(path) in WHOLE)
        summary = translate_parts(read_parts(path, reading), how, copy.write, running)
        if copy.keep:
            summary.faults += structure_faults(path, "".join(copy.texts), running.name)
    if not summary.failed:
        artifacts.remove_tree(journal)
    return summary


@contextmanager
def held_output(out: Path) -> Iterator[None]:
    """Keep other commands from writing a file.

    Raises:
        TranslationError: another one writes it.
        ArtifactError: it cannot be written.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(artifacts.lock_output(out))
        except ArtifactError as error:
            if HELD not in str(error):
                raise
            raise TranslationError(
                f"{out}: another ontarget writes it; wait for it, or give another --out"
            ) from error
        yield


@dataclass(frozen=True, slots=True)
class Copy:
    """Writes to a file, and keeps what it wrote where this is to be checked."""

    file: TextIO
    keep: bool
    texts: list[str] = field(default_factory=list)

    def write(self, text: str) -> None:
        """Write a text."""
        self.file.write(text)
        if self.keep:
            self.texts.append(text)


def structure_faults(path: Path, text: str, name: str) -> Iterator[Fault]:
    """Where the structure of a translated document is not that of its source."""
    from ontarget.translation.documents.base import read_whole

    module = import_module(f"ontarget.translation.documents.{format_of(path)}")
    try:
        found = module.skeleton(text.removeprefix(MARK))
    except TranslationError as error:
        raise TranslationError(f"{name}: {error}") from error
    if module.skeleton(read_whole(path)) != found:
        yield Fault(name, "its translation has another structure; compare the two", failed=True)


def count_segments(path: Path, reading: Reading, name: str) -> int:
    """The number of segments; the whole file is read, so that damage is found at once.

    Raises:
        OnTargetError: the file is damaged, or a segment is too long.
    """
    count = 0
    for part in read_parts(path, reading):
        if isinstance(part, Segment):
            check_length(part.text, f"{name}:{part.line}")
            count += 1
    return count


def detect_language(texts: Sequence[str], name: str) -> str:
    """The language of texts.

    Raises:
        TranslationError: it cannot be told.
    """
    (found,) = detectors.make_detector(detectors.DEFAULT, None).identify([" ".join(texts)])
    language, probability = next(iter(found.items()), ("", 0.0))
    if probability < LEAST:
        raise TranslationError(f"{name}: the language cannot be told; name it with --from")
    return language


def first_texts(path: Path, reading: Reading) -> list[str]:
    """The first texts of a file, to see which language it is in."""
    segments = (part for part in read_parts(path, reading) if isinstance(part, Segment))
    return [segment.text for segment in islice(segments, DETECTED)]


def output_of(path: Path, target: str, out: Path | None, several: bool) -> Path:
    """Where the translation of a file goes: `NAME.it.md` beside it, in a folder, or as named.

    Raises:
        TranslationError: several translations would have one name.
    """
    name = Path(path.stem) if path.suffix in COMPRESSED else path
    own = f"{name.stem}.{target}{name.suffix}"
    if out is None:
        return path.with_name(own)
    if out.is_dir() or str(out).endswith("/"):
        return out / own
    if several:
        raise TranslationError(f"{out}: several translations need a folder; write {out}/")
    return out


@contextmanager
def kept_input(lines: Iterable[tuple[int, str]]) -> Iterator[Path]:
    """Lines as a file, so that standard input can be read more than once."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="ontarget-") as folder:
        path = Path(folder) / "-.txt"
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(line for _, line in lines)
        yield path
