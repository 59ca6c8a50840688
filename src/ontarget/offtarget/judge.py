"""Texts to judgements: normalised, identified in chunks, decided on, and looked into."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from ontarget.languages import writing
from ontarget.languages.tags import same_language
from ontarget.offtarget.calibration import grades
from ontarget.offtarget.detectors.base import (
    Identifier,
    Probabilities,
    ScoredIdentifier,
    Scores,
)
from ontarget.offtarget.detectors.eldc import eldc_label, scale_of
from ontarget.offtarget.inside import (
    LATIN,
    MIXED_SHARE,
    NOTHING,
    Identify,
    Inside,
    additions,
    identify_by_scores,
    look_inside,
    unquoted,
    without_names,
)
from ontarget.offtarget.normalise import normalise
from ontarget.offtarget.parts import is_mixed, may_be_mixed, split_parts
from ontarget.offtarget.rates.lines import countable_lines, has_words, response_passes
from ontarget.offtarget.verdicts import (
    Judgement,
    TranslationRequest,
    Verdict,
    after_detection,
    before_detection,
    combine_votes,
)

# Of the target in eldc's scores: either leaves no room for another language in the text.
PURE_SCORE, PURE_LEAD = 0.92, 0.5
HEADING_SCORE, HEADING_LEAD = 0.7, 7.0  # of eldc, the lead in nats: words in capitals, no names
PLAUSIBLE = 4  # of eldc's best labels for the whole text, one of which a stretch must be in
MOST_NAMES = 0.75  # of the letters in small words; with fewer, names may have misled a detector


class JudgedSegment(NamedTuple):
    """A segment's judgement, whether its lines and words pass (None where no line counts), and what
    it holds besides the translation (None: nothing).
    """

    judged: Judgement
    passes: tuple[bool, bool] | None
    inside: Inside | None = None
    band: int = 0  # of its length, as `grades.EDGES` has them
    is_reference: bool = False  # equal to one of its references, so that no detector was asked

    def beside(self, reference: "JudgedSegment | None") -> tuple[Judgement, Judgement | None]:
        """Its judgement and that of its reference; the same one if the texts are equal.

        Otherwise a detector's error on a reference would count in the floor of translations in
        which it cannot occur.
        """
        if reference is None:
            return self.judged, None
        return self.judged, self.judged if self.is_reference else reference.judged


class Judge:
    """Judges texts for one request with one or two detectors."""

    def __init__(self, request: TranslationRequest, detectors: Sequence[Identifier]) -> None:
        self.request = request
        self.detectors = list(detectors)
        self.windows: Identify | None = None  # finds stretches in another language
        self.splits = False  # whether sentences are judged by themselves
        if not request.rule.script:
            return
        is_latin = writing.scripts_of(request.target_lang) == LATIN
        if is_latin and isinstance(self.detectors[0], ScoredIdentifier):
            self.windows = identify_by_scores(request.target_lang)
        else:
            self.splits = True

    def judge_chunk(
        self,
        texts: Sequence[str],
        sources: Sequence[str | None],
        references: Sequence[Collection[str]],
    ) -> Iterator[JudgedSegment]:
        """Judge texts beside their sources and references (None, () where there are none)."""
        normal = [normalise(text) for text in texts] if self.request.rule.script else texts
        rows = zip(texts, normal, sources, references, strict=True)
        early = [before_detection(*row, self.request) for row in rows]
        countable = [has_words(text) for text in texts]
        wanted = [
            index
            for index, judgement in enumerate(early)
            if judgement is None or (countable[index] and judgement.verdict is not Verdict.EMPTY)
        ]
        selected = [normal[index] for index in wanted]
        answers = [
            dict(zip(wanted, identify_with_scores(detector, selected), strict=True))
            for detector in self.detectors
        ]
        for index, (text, judgement) in enumerate(zip(texts, early, strict=True)):
            inside = None
            if judgement is None:
                judgement, inside = self._decide(
                    text, normal[index], [by_index[index] for by_index in answers]
                )
            added = additions(text) if self.request.rule.script else ()
            if added:
                inside = (inside or NOTHING)._replace(added=added)
            passes = self._passes(text, answers[0][index][0]) if countable[index] else None
            is_reference = (
                judgement.verdict is Verdict.ON_TARGET and early[index] is not None
            )  # the only verdict of this kind before detection
            yield JudgedSegment(judgement, passes, inside, grades.band_of(text), is_reference)

    def _decide(
        self, text: str, normal: str, answers: Sequence[tuple[Probabilities, Scores | None]]
    ) -> tuple[Judgement, Inside | None]:
        """The verdict of a text, and what is inside it if it is on target or mixed."""
        foreign = writing.foreign_letters(normal, self.request.target_lang)
        judgement = self._combine(normal, [probabilities for probabilities, _ in answers], foreign)
        scores = answers[0][1]
        if not self.request.rule.script:
            return judgement, None
        if judgement.verdict is not Verdict.ON_TARGET:
            return self._without_names(normal, judgement, scores), None
        if not foreign and (self.windows is None or (scores is not None and self._is_pure(scores))):
            return judgement, None
        if normal.islower() and not text.islower():
            return judgement, None  # it was in capitals, where names cannot be told from words
        plausible = list(scores or ())[:PLAUSIBLE]
        inside = look_inside(normal, self.request.target_lang, self.windows, plausible)
        if inside.foreign_share >= MIXED_SHARE:
            return Judgement(Verdict.MIXED, ""), inside
        return judgement, inside if inside.stretches else None

    def _combine(self, text: str, answers: Sequence[Probabilities], foreign: int) -> Judgement:
        """The judgement of all detectors together; `answers` are theirs, in order."""
        return combine_votes(
            [
                self._vote(text, probabilities, foreign, voter)
                for voter, probabilities in enumerate(answers)
            ]
        )

    def _without_names(self, text: str, judgement: Judgement, scores: Scores | None) -> Judgement:
        """The judgement, unless names alone made it off-target.

        Of a text that consists mostly of words with capitals, the others must agree: names are
        written alike in many languages. Where too few others are left, as in headings, undecided
        unless eldc is certain.
        """
        if not judgement.is_off_target or judgement.verdict is Verdict.MIXED:
            return judgement
        rest = without_names(text)
        if writing.letters(rest) > MOST_NAMES * writing.letters(text):
            return judgement
        if not writing.has_letters(rest, self.request.rule.shortest):
            is_certain = scores and self._is_certain(text, scores)
            return judgement if is_certain else Judgement(Verdict.UNDECIDED, "")
        foreign = writing.foreign_letters(rest, self.request.target_lang)
        answers = [detector.identify([rest])[0] for detector in self.detectors]
        again = self._combine(rest, answers, foreign)
        return judgement if again.is_off_target else again

    def _is_certain(self, text: str, scores: Scores) -> bool:
        """Whether eldc's best label fits well and leads the target by far."""
        best = max(scores.values())
        lead = best - scores.get(eldc_label(self.request.target_lang), 0.0)
        return best >= HEADING_SCORE and scale_of(text) * lead >= HEADING_LEAD

    def _is_pure(self, scores: Scores) -> bool:
        """Whether eldc's scores leave no room for a second language besides the target."""
        (label, best), *rest = scores.items() if scores else [("", 0.0)]
        second = rest[0][1] if rest else 0.0
        return (best >= PURE_SCORE or best - second >= PURE_LEAD) and same_language(
            label, self.request.target_lang
        )

    def _vote(self, text: str, probabilities: Probabilities, foreign: int, voter: int) -> Judgement:
        if self.splits and may_be_mixed(text, probabilities, foreign, self.request.rule):
            parts = split_parts(unquoted(text), self.request.rule)
            answers = self.detectors[voter].identify(parts) if parts else []
            if parts and is_mixed(list(zip(parts, answers, strict=True)), self.request):
                return Judgement(Verdict.MIXED, "")
        return after_detection(text, probabilities, foreign, self.request)

    def _passes(self, text: str, probabilities: Probabilities) -> tuple[bool, bool] | None:
        if "\n" not in text:
            return response_passes([text], [probabilities], self.request.target_lang)
        lines = countable_lines(text)
        answers = self.detectors[0].identify(lines)
        return response_passes(lines, answers, self.request.target_lang)


def identify_with_scores(
    detector: Identifier, texts: Sequence[str]
) -> list[tuple[Probabilities, Scores | None]]:
    """A detector's probabilities, with eldc's scores where it has them."""
    if isinstance(detector, ScoredIdentifier):
        return list(detector.identify_with_scores(texts))
    return [(probabilities, None) for probabilities in detector.identify(texts)]
