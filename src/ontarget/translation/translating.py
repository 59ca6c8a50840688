"""Segments to translations: long ones in parts, markup kept, wrong languages repaired.

Every call of the translator goes through a journal, so that a killed run goes on where it was.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ontarget import artifacts
from ontarget.data.constraints.formats import json_content
from ontarget.decoding.base import Hypothesis, Translator, failed
from ontarget.decoding.resume import translate_resumably
from ontarget.languages.tags import primary
from ontarget.records import Direction, Sample
from ontarget.translation.careful import CarefulTranslator
from ontarget.translation.documents.base import Segment
from ontarget.translation.protect import Pieces, has_words
from ontarget.translation.repair import Judge, attempts
from ontarget.translation.sentences import split_long
from ontarget.translation.wishes import Wishes

WITHOUT_SPACES = frozenset("zh yue ja th lo km my bo".split())  # between sentences
LOST = "the translation has other markup or placeholders than the source"
Progress = Callable[[int, int], None]  # done, total


@dataclass(frozen=True, slots=True, kw_only=True)
class Translating:
    """How segments are translated in one direction."""

    translator: Translator
    direction: Direction
    wishes: Wishes = field(default_factory=Wishes)
    judge: Judge | None = None  # finds translations that are to be repaired; None: no check
    identity: str = ""  # of the model and its settings


@dataclass(slots=True)
class Outcome:
    """The translation of a segment, if there is one, and what is to be known about it."""

    text: str | None
    failure: str = ""  # why there is no translation
    refused: bool = False  # the translator gave none, so the reason may be that of all segments
    off_target: bool = False  # it stayed in another language
    undecided: bool = False  # its language was judged and not recognized
    repaired: str = ""  # the way that mended its language
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Part:
    """A part of a segment, which is one request; without words it is none."""

    sample: Sample
    pieces: Pieces
    before: str  # white space around it
    after: str
    found: Hypothesis
    refused: bool = False
    off_target: bool | None = False  # None: undecided
    repaired: str = ""


@dataclass(frozen=True, slots=True)
class Journal:
    """Calls of the translator by name, kept in a folder; None: not kept."""

    how: Translating
    folder: Path | None

    def decode(
        self,
        name: str,
        translator: Translator,
        samples: Sequence[Sample],
        progress: Progress = lambda done, total: None,
    ) -> list[Hypothesis]:
        """The hypotheses of samples; those that were made before are read."""
        careful = CarefulTranslator(translator, self.how.wishes)
        if not samples:
            return []
        if self.folder is None:
            done: dict[int, Hypothesis] = {}
            for batch in careful.translate(samples):
                done |= batch
                progress(len(done), len(samples))
            return [done[index] for index in range(len(samples))]
        texts = [sample.source for sample in samples]
        made_from = artifacts.fingerprint([name, self.how.identity, self.how.direction, texts])
        place = self.folder / name
        artifacts.prepare_unfinished(place, made_from)
        return translate_resumably(careful, samples, place, progress)


def translate_segments(
    how: Translating, segments: Sequence[Segment], folder: Path | None, progress: Progress
) -> list[Outcome]:
    """One outcome a segment; `folder` is the journal's, and `progress` gets (done, total).

    Raises:
        OnTargetError: the translator cannot translate at all.
    """
    journal = Journal(how, folder)
    groups = [parts_of(segment, how.direction, at) for at, segment in enumerate(segments)]
    parts = [part for group in groups for part in group]
    asked = [part for part in parts if part.pieces.leave_words(part.sample.source)]
    found = journal.decode("first", how.translator, [part.sample for part in asked], progress)
    for part, hypothesis in zip(asked, found, strict=True):
        part.found, part.refused = checked(hypothesis), bool(hypothesis.error)
    keep_pieces(journal, asked)
    if how.judge is not None:
        mend_languages(journal, [part for part in asked if not part.found.error], how.judge)
    return [join(group, how.wishes) for group in groups]


def parts_of(segment: Segment, direction: Direction, number: int) -> list[_Part]:
    """The parts of a segment, in order; between them a space if the target language has any."""
    pieces = Pieces(segment.markup)
    parts = []
    texts = split_long(segment.text, pieces.spans(segment.text))
    space = "" if primary(direction.target_lang) in WITHOUT_SPACES else " "
    for at, text in enumerate(texts):
        inner = text.strip()
        before, _, after = text.partition(inner) if inner else (text, "", "")
        after = after or (space if at + 1 < len(texts) else "")
        sample = sample_of(inner, direction, f"{number}.{at}")
        parts.append(_Part(sample, pieces, before, after, Hypothesis(inner)))
    return parts


def sample_of(text: str, direction: Direction, key: str) -> Sample:
    """The request for a translation of a text."""
    source_lang, target_lang = direction
    return Sample(
        key=key, source_lang=source_lang, asked_lang=target_lang, target_lang=target_lang,
        source=text, target="",
    )  # fmt: skip


def checked(found: Hypothesis) -> Hypothesis:
    """A hypothesis as one line; an empty one is a failure."""
    if found.error:
        return found
    text = " ".join(found.text.split())
    return Hypothesis(text, found.truncated) if text else failed("the model answered nothing")


def keep_pieces(journal: Journal, parts: Sequence[_Part]) -> None:
    """Where a translation lost a piece, translate the texts between the pieces by themselves.

    JSON that an instruction asked for cannot be put together so.
    """
    wishes = journal.how.wishes
    lost = []
    for part in parts:
        if part.found.error or keeps_pieces(part, part.found.text, wishes):
            continue
        if wishes.instruction and texts_in_json(part.found.text) is not None:
            part.found = failed(LOST)
        else:
            lost.append(part)
    runs = [part.pieces.split(part.sample.source) for part in lost]
    samples = [
        sample_of(core_of(run)[1], journal.how.direction, f"{part.sample.key}.{at}")
        for part, texts in zip(lost, runs, strict=True)
        for at, run in enumerate(texts)
        if at % 2 == 0 and has_words(run)
    ]
    found = iter(journal.decode("pieces", journal.how.translator, samples))
    for part, texts in zip(lost, runs, strict=True):
        answers = [
            checked(next(found)) if at % 2 == 0 and has_words(run) else None
            for at, run in enumerate(texts)
        ]
        part.found = put_together(part, texts, answers)


def keeps_pieces(part: _Part, translation: str, wishes: Wishes) -> bool:
    """Whether a translation keeps the pieces; of JSON that was asked for, the texts in it."""
    inside = texts_in_json(translation) if wishes.instruction else None
    text = translation if inside is None else "\n".join(inside)
    return part.pieces.are_kept(part.sample.source, text)


def texts_in_json(text: str) -> list[str] | None:
    """The texts of a JSON object or list, in order, without keys; None if it is neither."""
    content = json_content(text)
    return list(texts_of(content)) if isinstance(content, dict | list) else None


def texts_of(content: object) -> Iterator[str]:
    """All texts of what JSON holds."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from texts_of(value)


def core_of(run: str) -> tuple[str, str, str]:
    """A run of text with words: what it begins with, the text to translate, the space after it.

    A sign that ends what stands before the run, such as a comma, is no part of it.
    """
    core = run.lstrip(" ,.;:!?)\u3001\u3002\uff0c").strip()
    before, _, after = run.partition(core)
    return before, core, after


def put_together(
    part: _Part, texts: Sequence[str], answers: Sequence[Hypothesis | None]
) -> Hypothesis:
    """The translation of a part from those of its runs, in their spaces."""
    written = []
    for text, answer in zip(texts, answers, strict=True):
        if answer is None:
            written.append(text)
            continue
        if answer.error:
            return answer
        before, _, after = core_of(text)
        written += [before, answer.text, after]
    whole = "".join(written)
    if not part.pieces.are_kept(part.sample.source, whole):
        return failed(LOST)
    return Hypothesis(whole, truncated=any(a.truncated for a in answers if a is not None))


def mend_languages(journal: Journal, parts: Sequence[_Part], judge: Judge) -> None:
    """Decode parts in a wrong language again, in one way after the other."""
    verdicts = judge([p.found.text for p in parts], [p.sample.source for p in parts])
    for part, off_target in zip(parts, verdicts, strict=True):
        part.off_target = off_target
    right = [part.found.text for part in parts if not part.off_target]
    wrong = [part for part in parts if part.off_target]
    if not wrong:
        return
    how = journal.how
    for name, translator in attempts(how.translator, how.direction, right):
        left = [part for part in wrong if part.off_target]
        samples = [part.sample for part in left]
        found = [checked(h) for h in journal.decode(name, translator, samples)]
        again = judge([h.text for h in found], [sample.source for sample in samples])
        for part, hypothesis, off_target in zip(left, found, again, strict=True):
            kept = keeps_pieces(part, hypothesis.text, how.wishes)
            if not (hypothesis.error or off_target) and kept:
                part.found, part.off_target, part.repaired = hypothesis, off_target, name


def join(parts: Sequence[_Part], wishes: Wishes) -> Outcome:
    """The outcome of a segment from those of its parts."""
    failure = next((part.found.error for part in parts if part.found.error), "")
    if failure:
        return Outcome(None, failure, refused=any(part.refused for part in parts))
    notes = []
    if any(part.found.truncated for part in parts):
        notes.append("was cut at max_new_tokens")
    for part in parts:
        missing = wishes.missing_terms(part.sample.source, part.found.text)
        notes += [f"lacks the term {own!r}" for own in missing]
    return Outcome(
        "".join(part.before + part.found.text + part.after for part in parts),
        off_target=any(part.off_target for part in parts),
        undecided=any(part.off_target is None for part in parts),
        repaired=next((part.repaired for part in parts if part.repaired), ""),
        notes=notes,
    )
