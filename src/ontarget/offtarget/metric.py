"""`OffTarget`, the metric: texts to verdicts to the off-target ratio, with its signature."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import repeat
from typing import Any, NamedTuple

from ontarget import __version__
from ontarget.cluster import LOCAL, address_of, check_engine, on_cluster
from ontarget.errors import DetectorError
from ontarget.languages.names import is_known, unknown_code
from ontarget.languages.tags import distinguishable, same_language, standard
from ontarget.offtarget import detectors
from ontarget.offtarget.calibration import grades
from ontarget.offtarget.inside import Inside
from ontarget.offtarget.judge import Judge, JudgedSegment
from ontarget.offtarget.normalise import VERSION
from ontarget.offtarget.rates.lines import pass_rates
from ontarget.offtarget.ratio import Knowledge, OffTargetScore, Tally
from ontarget.offtarget.streams import check_lists, chunks_of, zip_streams
from ontarget.offtarget.verdicts import (
    PAPER_RULE,
    DecisionRule,
    Judgement,
    TranslationRequest,
    Verdict,
)

NO_REFERENCE = JudgedSegment(Judgement(Verdict.UNDECIDED, ""), None)


class MetricSettings(NamedTuple):
    """The arguments of `OffTarget`."""

    target_lang: str
    source_lang: str
    candidates: tuple[str, ...]  # (): all
    detector: str
    votes: int
    pivot: str


class OffTarget:
    """Share of translations that are not in the requested language, with interval and signature.

        metric = OffTarget(target_lang="it", source_lang="en", candidates=["en", "it", "nl", "ro"])
        print(metric.corpus(hypotheses, references, sources))

    Args:
        target_lang, source_lang, pivot: language tags of any common style (`it`, `ita`, `ita_Latn`,
            `it-IT`). Macrolanguages include their members: `yue` is on target where `zh` was
            requested, and `nb` is `no`. A code with a script (`zh-Hant`, `sr-Latn`) requests that
            script. Close languages, such as Czech and Slovak, are told apart as well as the
            detector does; the floor shows how well.
        candidates: the languages that the detector may answer; source, target and pivot are added.
            None: all its languages. Text in a language outside them is called one of them.
        detector: `combined` (eldc and lid.176), `eldc`, `fasttext` (lid.176), `lingua`, `heliport`,
            `paper` (lid.176, top label of all, no other rule), or the path of a fastText model.
        votes: 2: lingua (the default, if the detector is lingua) votes too; a segment is off-target
            only if both agree.
        engine: who judges: this process (`local`), a Ray cluster of this machine (`ray`), or the
            address of one. The verdicts are the same.

    Raises:
        DetectorError: a code or detector is unknown, or not installed.
    """

    def __init__(  # noqa: PLR0913 - everything that the signature names
        self,
        *,
        target_lang: str,
        source_lang: str,
        candidates: Sequence[str] | None = None,
        detector: str = detectors.DEFAULT,
        votes: int = 1,
        pivot: str = "en",
        engine: str = LOCAL,
    ) -> None:
        check_lists(candidates=candidates)
        check_engine(engine)
        self.engine = engine
        self.settings = MetricSettings(  # what a worker of a cluster makes the same metric from
            target_lang, source_lang, tuple(candidates or ()), detector, votes, pivot
        )
        check_codes((target_lang, source_lang, pivot, *(candidates or ())), detector)
        target_lang, source_lang, pivot = map(standard, (target_lang, source_lang, pivot))
        check_request(target_lang, source_lang, candidates, detector, votes)
        names = [detector, detectors.second_voter(detector)][:votes]
        codes = (target_lang, source_lang, pivot, *map(standard, candidates or ()))
        for name in names:
            detectors.check_known(name, codes)
        answers = distinct_languages(codes) if candidates else None
        self.detectors = [detectors.make_detector(name, answers, target_lang) for name in names]
        shortest = max(detector.shortest for detector in self.detectors)
        is_paper = detector == detectors.PAPER
        self.request = TranslationRequest(
            target_lang=target_lang,
            source_lang=source_lang,
            pivot=pivot,
            rule=PAPER_RULE if is_paper else DecisionRule(shortest=shortest),
        )
        self.is_graded = detector == detectors.DEFAULT and votes == 1 and not candidates

    @property
    def signature(self) -> str:
        """Everything that a ratio depends on besides the texts."""
        rule = self.request.rule
        candidate_sets = dict.fromkeys(detector.candidate_set for detector in self.detectors)
        return (
            f"lid:{'+'.join(detector.name for detector in self.detectors)}"
            f"|set:{'+'.join(candidate_sets)}|votes:{len(self.detectors)}"
            f"|norm:{VERSION if rule.script else 0}|script:{'on' if rule.script else 'off'}"
            f"|margin:{rule.margin:g}|short:{rule.shortest}|part:{rule.part}|v:{__version__}"
        )

    def corpus(
        self,
        hypotheses: Iterable[str],
        references: Collection[str] | None = None,
        sources: Iterable[str] | None = None,
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
        floor = repeat(None) if references is None else self.judge_references(references)
        return self.score(segments, floor)

    def judge_references(self, references: Collection[str]) -> Iterator[JudgedSegment]:
        """Judge references; an empty one is missing, and undecided.

        Raises:
            TypeError: a list of texts is one text.
        """
        segments = zip(references, self.judge(references), strict=True)
        return (segment if text.strip() else NO_REFERENCE for text, segment in segments)

    def score(
        self, segments: Iterable[JudgedSegment], references: Iterable[JudgedSegment | None]
    ) -> OffTargetScore:
        """The ratio of judged segments beside their judged references.

        Raises:
            ValueError: no segment could be judged.
        """
        counts: Counter[tuple[Judgement, Judgement | None]] = Counter()
        passes: Counter[tuple[bool, bool] | None] = Counter()
        bands: Counter[int] = Counter()
        inside: Counter[str] = Counter()
        rows = zip(segments, references, strict=False)  # `judge` checked the lengths
        for (segment, reference), count in Counter(rows).items():
            counts[segment.beside(reference)] += count
            passes[segment.passes] += count
            if segment.judged.verdict is not Verdict.UNDECIDED:
                bands[segment.band] += count
            inside.update(dict.fromkeys(names_of(segment.inside), count))
        return Tally(counts).score(
            self.signature,
            pass_rates(passes, self.request.target_lang),
            knowledge=self.knowledge(bands),
            inside=inside,
        )

    def knowledge(self, bands: Mapping[int, int]) -> Knowledge:
        """What was measured beforehand, for texts with these lengths (band -> judged texts).

        Nothing where another detector than the default, or a choice of its languages, is used.
        """
        request = self.request
        if not self.is_graded:
            return Knowledge()
        known = grades.measured(request.target_lang)
        others = (request.source_lang, request.pivot)
        warning = grades.warning(request.target_lang, others)
        if known is None:
            return Knowledge(grade="?", warning=warning)
        return Knowledge(
            floor=known.floor_of(bands),
            recall=known.recall(others),
            grade=known.grade,
            warning=warning,
        )

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
        chunks = chunks_of(
            rows, has_sources=sources is not None, has_references=references is not None
        )
        if self.engine == LOCAL:
            judge = Judge(self.request, self.detectors)
            for chunk in chunks:
                yield from judge.judge_chunk(*chunk)
            return
        for segments in on_cluster(judge_in_worker, self.settings, chunks, address_of(self.engine)):
            yield from segments


def judge_in_worker(settings: MetricSettings, *columns: Any) -> list[JudgedSegment]:
    """Judge a chunk in a worker of a cluster, which keeps its detectors."""
    metric = metric_of(settings)
    return list(Judge(metric.request, metric.detectors).judge_chunk(*columns))


@cache
def metric_of(settings: MetricSettings) -> OffTarget:
    """The metric of these settings."""
    return OffTarget(**settings._asdict() | {"candidates": settings.candidates or None})


def names_of(inside: Inside | None) -> tuple[str, ...]:
    """Names of what is reported of a segment."""
    if inside is None:
        return ()
    return ("foreign_words",) * bool(inside.stretches) + inside.added


def check_codes(codes: Sequence[str], detector: str) -> None:
    """Raise DetectorError for a code that means no language to CLDR, nor to the detector."""
    for code in codes:
        if not is_known(code) and not detectors.knows(detector, code):
            remedy = "GlotLID or OpenLID from a file (--detector PATH) may know it"
            raise DetectorError(f"{unknown_code(code)}; {remedy}")


def check_request(
    target_lang: str, source_lang: str, candidates: Sequence[str] | None, detector: str, votes: int
) -> None:
    """Raise DetectorError for what no detector can answer."""
    if not distinguishable(target_lang, source_lang):
        raise DetectorError(
            f"no detector can tell the target language {target_lang!r} from the source's "
            f"{source_lang!r}, so copies would be on target; give two languages"
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
