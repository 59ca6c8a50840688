"""`OffTarget`, the metric: texts to verdicts to the off-target ratio, with its signature."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice, repeat
from typing import Any, NamedTuple

from ontarget import __version__
from ontarget.errors import DetectorError
from ontarget.languages.names import is_known, unknown_code
from ontarget.languages.tags import distinguishable, same_language
from ontarget.languages.writing import foreign_letters
from ontarget.offtarget import detectors
from ontarget.offtarget.detectors.base import Probabilities
from ontarget.offtarget.pass_rates import (
    countable_lines,
    has_words,
    pass_rates,
    response_passes,
)
from ontarget.offtarget.ratio import OffTargetScore, Tally
from ontarget.offtarget.verdicts import (
    PAPER_RULE,
    DecisionRule,
    Judgement,
    TranslationRequest,
    Verdict,
    after_detection,
    before_detection,
    combine_votes,
    is_mixed,
    may_be_mixed,
    split_parts,
)

CHUNK = 1000  # segments given to a detector at once


class JudgedSegment(NamedTuple):
    """A segment's judgement, and whether its lines and words pass; None where no line counts."""

    judged: Judgement
    passes: tuple[bool, bool] | None


class OffTarget:
    """Share of translations that are not in the requested language, with interval and signature.

        metric = OffTarget(target_lang="it", source_lang="en", candidates=["en", "it", "nl", "ro"])
        print(metric.corpus(hypotheses, references, sources))

    Args:
        target_lang, source_lang, pivot: CLDR codes. Macrolanguages include their members: `yue` is
            on target where `zh` was requested. A code with a script (`zh-Hant`, `sr-Latn`) requests
            that script. Close languages, such as Czech and Slovak, are told apart as well as the
            detector does; the floor shows how well.
        candidates: the languages that the detector may answer; source, target and pivot are added.
            None: all its languages. Text in a language outside them is called one of them.
        detector: `fasttext`, `lingua`, `paper` (lid.176, top label of all, no other rule), or the
            path of a fastText model.
        votes: 2: lingua (fasttext, if the detector is lingua) votes too; a segment is off-target
            only if both agree.

    Raises:
        DetectorError: a code or detector is unknown, or not installed.
    """

    def __init__(  # noqa: PLR0913 - everything that the signature names
        self,
        *,
        target_lang: str,
        source_lang: str,
        candidates: Sequence[str] | None = None,
        detector: str = "fasttext",
        votes: int = 1,
        pivot: str = "en",
    ) -> None:
        rule = PAPER_RULE if detector == detectors.PAPER else DecisionRule()
        self.request = TranslationRequest(
            target_lang=target_lang, source_lang=source_lang, pivot=pivot, rule=rule
        )
        check_request(self.request, candidates, detector, votes)
        names = [detector, detectors.second_voter(detector)][:votes]
        codes = (target_lang, source_lang, pivot, *(candidates or ()))
        for name in names:
            detectors.check_known(name, codes)
        answers = distinct_languages(codes) if candidates else None
        self.detectors = [detectors.make_detector(name, answers) for name in names]

    @property
    def signature(self) -> str:
        """Everything that a ratio depends on besides the texts."""
        rule = self.request.rule
        candidate_sets = dict.fromkeys(detector.candidate_set for detector in self.detectors)
        return (
            f"lid:{'+'.join(detector.name for detector in self.detectors)}"
            f"|set:{'+'.join(candidate_sets)}|votes:{len(self.detectors)}"
            f"|script:{'on' if rule.script else 'off'}|margin:{rule.margin:g}"
            f"|short:{rule.shortest}|part:{rule.part}|v:{__version__}"
        )

    def corpus(
        self,
        hypotheses: Iterable[str],
        references: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
    ) -> OffTargetScore:
        """The ratio of a test set; references give its floor, and sources are
        needed to detect copies.

        Raises:
            TypeError: a list of texts is one text.
            ValueError: the lists differ in length, or no segment could be judged.
        """
        check_lists(hypotheses=hypotheses, references=references, sources=sources)
        of_segment = None if references is None else ((text,) for text in references)
        segments = self.judge(hypotheses, sources, of_segment)
        floor = repeat(None) if references is None else self.judge(references)
        return self.score(segments, floor)

    def score(
        self, segments: Iterable[JudgedSegment], references: Iterable[JudgedSegment | None]
    ) -> OffTargetScore:
        """The ratio of judged segments beside their judged references.

        Raises:
            ValueError: no segment could be judged.
        """
        counts = Counter(zip(segments, references, strict=False))  # `judge` checked the lengths
        passes: Counter[tuple[bool, bool] | None] = Counter()
        pairs: Counter[tuple[Judgement, Judgement | None]] = Counter()
        for (segment, reference), count in counts.items():
            passes[segment.passes] += count
            pairs[segment.judged, reference and reference.judged] += count
        rates = pass_rates(passes, self.request.target_lang)
        return Tally(pairs).score(self.signature, rates)

    def judge(
        self,
        texts: Iterable[str],
        sources: Iterable[str] | None = None,
        references: Iterable[Collection[str]] | None = None,
    ) -> Iterator[JudgedSegment]:
        """Judge each text as it comes; `references` are those of each text.

        Raises:
            TypeError: a list of texts is one text.
            ValueError: the streams differ in length.
        """
        check_lists(texts=texts, sources=sources, references=references)
        return self._judge_all(texts, sources, references)

    def _judge_all(
        self,
        texts: Iterable[str],
        sources: Iterable[str] | None,
        references: Iterable[Collection[str]] | None,
    ) -> Iterator[JudgedSegment]:
        rows = zip_streams([s for s in (texts, sources, references) if s is not None])
        while chunk := list(islice(rows, CHUNK)):
            columns = iter(zip(*chunk, strict=True))
            yield from self._judge_chunk(
                next(columns),
                [None] * len(chunk) if sources is None else next(columns),
                [()] * len(chunk) if references is None else next(columns),
            )

    def _judge_chunk(
        self,
        texts: Sequence[str],
        sources: Sequence[str | None],
        references: Sequence[Collection[str]],
    ) -> Iterator[JudgedSegment]:
        rows = zip(texts, sources, references, strict=True)
        early = [before_detection(*row, self.request) for row in rows]
        countable = [has_words(text) for text in texts]
        wanted = [
            index
            for index, judgement in enumerate(early)
            if judgement is None or (countable[index] and judgement.verdict is not Verdict.EMPTY)
        ]
        selected = [texts[index] for index in wanted]
        answers = [
            dict(zip(wanted, detector.identify(selected), strict=True))
            for detector in self.detectors
        ]
        for index, (text, judgement) in enumerate(zip(texts, early, strict=True)):
            if judgement is None:
                votes = [self._vote(text, answer[index], n) for n, answer in enumerate(answers)]
                judgement = combine_votes(votes)
            passes = self._passes(text, answers[0][index]) if countable[index] else None
            yield JudgedSegment(judgement, passes)

    def _vote(self, text: str, probabilities: Probabilities, voter: int) -> Judgement:
        foreign = foreign_letters(text, self.request.target_lang)
        if may_be_mixed(text, probabilities, foreign, self.request.rule):
            parts = split_parts(text, self.request.rule)
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


def check_lists(**lists: object) -> None:
    """Raise TypeError for a single text where a list of texts is expected."""
    for name, value in lists.items():
        if isinstance(value, str | bytes):
            raise TypeError(f"{name} is one text; give a list of texts, [{name}]")


def zip_streams(streams: Sequence[Iterable[Any]]) -> Iterator[tuple[Any, ...]]:
    """Rows of streams of equal length.

    Raises:
        ValueError: one ends before another.
    """
    try:
        yield from zip(*streams, strict=True)
    except ValueError as error:
        raise ValueError(
            "hypotheses, references and sources differ in length; give as many of each"
        ) from error


def check_request(
    request: TranslationRequest, candidates: Sequence[str] | None, detector: str, votes: int
) -> None:
    """Raise DetectorError for what no detector can answer."""
    for code in (request.target_lang, request.source_lang, request.pivot, *(candidates or ())):
        if not is_known(code):
            raise DetectorError(unknown_code(code))
    if not distinguishable(request.target_lang, request.source_lang):
        raise DetectorError(
            f"no detector can tell the target language {request.target_lang!r} from the source's "
            f"{request.source_lang!r}, so copies would be on target; give two languages"
        )
    if votes not in (1, 2):
        raise DetectorError(f"votes: {votes}; expected 1 or 2")
    if detector == detectors.PAPER and (candidates or votes == 2):
        raise DetectorError(
            "the detector paper asks lid.176 alone for the top label of all; leave out candidates "
            "and votes"
        )


def distinct_languages(codes: Sequence[str]) -> list[str]:
    """Codes without those that mean the same language as an earlier one (`zh-Hant` after `zh`)."""
    distinct: list[str] = []
    for code in codes:
        if not any(same_language(code, other) for other in distinct):
            distinct.append(code)
    return distinct
