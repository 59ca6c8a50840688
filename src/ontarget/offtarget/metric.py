"""The off-target metric, usable alone: `from ontarget import OffTarget`."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any, NamedTuple

from ontarget import __version__
from ontarget.errors import DetectorError
from ontarget.languages import names
from ontarget.languages.tags import distinguishable, same_language
from ontarget.languages.writing import foreign_letters
from ontarget.offtarget import detectors
from ontarget.offtarget.detectors.base import Probabilities
from ontarget.offtarget.pass_rates import countable_lines, has_words, pass_rates, response_passes
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
from ontarget.records import Direction

CHUNK = 1000  # segments given to a detector at once


class JudgedSegment(NamedTuple):
    """A segment's verdict, and whether its lines and words pass; None where no line counts."""

    judged: Judgement
    passes: tuple[bool, bool] | None


class OffTarget:
    """Share of translations that are not in the language asked for, with interval and signature.

        metric = OffTarget(target_lang="it", source_lang="en", candidates=["en", "it", "nl", "ro"])
        print(metric.corpus(hypotheses, references, sources))

    Args:
        target_lang, source_lang, pivot: CLDR codes. Macrolanguages hold their members: `yue` is
            on target where `zh` was asked for. A code with a script (`zh-Hant`, `sr-Latn`) asks for
            that script. Close languages, such as Czech and Slovak, are told apart as well as the
            detector does; look at the floor.
        candidates: what the detector may answer; source, target and pivot are added. None: all
            that it knows. Text in a language that is none of them is called one of them.
        detector: `fasttext`, `lingua`, `paper` (lid.176, top label of all, no other rule), or the
            path of a fastText model.
        votes: 2 asks lingua too (fasttext beside lingua); off-target is what both call so.

    Raises:
        DetectorError: a code or detector is unknown, or not installed.
    """

    def __init__(  # noqa: PLR0913 - what the signature says
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
        self.asked = TranslationRequest(
            target_lang=target_lang, source_lang=source_lang, pivot=pivot, rule=rule
        )
        check_request(self.asked, candidates, detector, votes)
        names = [detector, detectors.second_voter(detector)][:votes]
        told = (target_lang, source_lang, pivot, *(candidates or ()))
        for name in names:
            detectors.check_known(name, told)
        chosen = distinct_languages(told) if candidates else None
        self.detectors = [detectors.make_detector(name, chosen) for name in names]

    @property
    def signature(self) -> str:
        """What a ratio depends on besides the texts."""
        rule = self.asked.rule
        sets = dict.fromkeys(each.answers for each in self.detectors)
        return (
            f"lid:{'+'.join(each.name for each in self.detectors)}"
            f"|set:{'+'.join(sets)}|votes:{len(self.detectors)}"
            f"|script:{'on' if rule.script else 'off'}|margin:{rule.margin:g}"
            f"|short:{rule.shortest}|part:{rule.part}|v:{__version__}"
        )

    def corpus(
        self,
        hypotheses: Iterable[str],
        references: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
    ) -> OffTargetScore:
        """The ratio of a test set; with references its floor, with sources which are copies.

        Raises:
            ValueError: the lists differ in length, or no segment could be judged.
        """
        kept = None if references is None else ((each,) for each in references)
        found = self.judge(hypotheses, sources, kept)
        floor = repeat(None) if references is None else self.judge(references)
        return self.counted(found, floor)

    def counted(
        self, found: Iterable[JudgedSegment], floor: Iterable[JudgedSegment | None]
    ) -> OffTargetScore:
        """The ratio of judged segments, beside their judged references.

        Raises:
            ValueError: no segment could be judged.
        """
        counts = Counter(zip(found, floor, strict=False))  # few kinds; lengths: see judge
        passes: Counter[tuple[bool, bool] | None] = Counter()
        pairs: Counter[tuple[Judgement, Judgement | None]] = Counter()
        for (segment, reference), times in counts.items():
            passes[segment.passes] += times
            pairs[segment.judged, reference and reference.judged] += times
        return Tally(pairs).score(self.signature, pass_rates(passes, self.asked.target_lang))

    def judge(
        self,
        texts: Iterable[str],
        sources: Iterable[str] | None = None,
        references: Iterable[Collection[str]] | None = None,
    ) -> Iterator[JudgedSegment]:
        """Judge each text as it comes; `references` are those of each text.

        Raises:
            ValueError: the streams differ in length.
        """
        given = [each for each in (texts, sources, references) if each is not None]
        rows = zip_streams(given)
        while chunk := list(islice(rows, CHUNK)):
            columns = iter(zip(*chunk, strict=True))
            yield from self._chunk(
                next(columns),
                [None] * len(chunk) if sources is None else next(columns),
                [()] * len(chunk) if references is None else next(columns),
            )

    def _chunk(
        self,
        texts: Sequence[str],
        sources: Sequence[str | None],
        references: Sequence[Collection[str]],
    ) -> Iterator[JudgedSegment]:
        rows = zip(texts, sources, references, strict=True)
        early = [before_detection(*row, self.asked) for row in rows]
        counts = [has_words(text) for text in texts]
        wanted = [
            number
            for number, judged in enumerate(early)
            if judged is None or (counts[number] and judged.verdict is not Verdict.EMPTY)
        ]
        asked = [texts[number] for number in wanted]
        shares = [dict(zip(wanted, each.shares_of(asked), strict=True)) for each in self.detectors]
        for number, (text, judged) in enumerate(zip(texts, early, strict=True)):
            if judged is None:
                judged = self._vote(text, shares[0][number], 0)
                if len(shares) > 1:
                    judged = combine_votes([judged, self._vote(text, shares[1][number], 1)])
            passes = self._passes(text, shares[0][number]) if counts[number] else None
            yield JudgedSegment(judged, passes)

    def _vote(self, text: str, shares: Probabilities, voter: int) -> Judgement:
        foreign = foreign_letters(text, self.asked.target_lang)
        if may_be_mixed(text, shares, foreign, self.asked.rule):
            pieces = split_parts(text, self.asked.rule)
            found = self.detectors[voter].shares_of(pieces) if pieces else []
            if pieces and is_mixed(list(zip(pieces, found, strict=True)), self.asked):
                return Judgement(Verdict.MIXED, "")
        return after_detection(text, shares, foreign, self.asked)

    def _passes(self, text: str, shares: Probabilities) -> tuple[bool, bool] | None:
        if "\n" not in text:
            return response_passes([text], [shares], self.asked.target_lang)
        lines = countable_lines(text)
        found = self.detectors[0].shares_of(lines)
        return response_passes(lines, found, self.asked.target_lang)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """How the translations of a run are judged: what `OffTarget` takes besides a direction."""

    pivot: str
    detector: str = "fasttext"
    candidates: tuple[str, ...] | None = None
    votes: int = 1

    def metric(self, direction: Direction) -> OffTarget:
        """The metric of a direction.

        Raises:
            DetectorError: a code or detector is unknown, or not installed.
        """
        return OffTarget(
            target_lang=direction.target_lang,
            source_lang=direction.source_lang,
            candidates=self.candidates,
            detector=self.detector,
            votes=self.votes,
            pivot=self.pivot,
        )

    def refuse(self, codes: Sequence[str]) -> None:
        """Raise DetectorError where translations between these languages could not be judged."""
        for number, code in enumerate(codes):
            for earlier in codes[:number]:
                if not distinguishable(earlier, code):
                    raise DetectorError(
                        f"languages: no detector can tell {code!r} from {earlier!r}; keep one"
                    )
        for number, code in enumerate(codes):
            self.metric(Direction(code, codes[number - 1]))


def zip_streams(streams: Sequence[Iterable[Any]]) -> Iterator[tuple[Any, ...]]:
    """Rows of streams of one length.

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
    asked: TranslationRequest, candidates: Sequence[str] | None, detector: str, votes: int
) -> None:
    """Raise DetectorError for what no detector can be asked."""
    for code in (asked.target_lang, asked.source_lang, asked.pivot, *(candidates or ())):
        if not names.is_known(code):
            raise DetectorError(
                f"CLDR knows no language {code!r}; give a code such as it or zh-Hant"
            )
    if not distinguishable(asked.target_lang, asked.source_lang):
        raise DetectorError(
            f"no detector can tell the target language {asked.target_lang!r} from the source's "
            f"{asked.source_lang!r}, so copies would be on target; give two languages"
        )
    if votes not in (1, 2):
        raise DetectorError(f"votes: {votes}; expected 1 or 2")
    if detector == detectors.PAPER and (candidates or votes == 2):
        raise DetectorError(
            "the detector paper asks lid.176 alone for the top label of all; leave out candidates "
            "and votes"
        )


def distinct_languages(codes: Sequence[str]) -> list[str]:
    """Codes without those that a detector cannot tell from an earlier one (`zh-Hant` from `zh`)."""
    found: list[str] = []
    for code in codes:
        if not any(same_language(code, other) for other in found):
            found.append(code)
    return found
