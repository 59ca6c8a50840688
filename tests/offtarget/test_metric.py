"""The metric on sentences whose language is beyond doubt, through its public interface."""

import inspect
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from support.texts import TEXTS

import ontarget
from ontarget import OffTarget
from ontarget.errors import DetectorError
from ontarget.offtarget.detection import Detection
from ontarget.offtarget.detectors.base import Probabilities
from ontarget.offtarget.streams import check_texts
from ontarget.offtarget.verdicts import Verdict

CANDIDATES = ["en", "it", "nl", "ro"]
IT, NL, EN = TEXTS["it"], TEXTS["nl"], TEXTS["en"]
METRIC = OffTarget(target_lang="it", source_lang="nl")


class ConstantIdentifier:
    """An identifier that gives one language, or none, for every text."""

    name, candidate_set, signature, shortest = "constant", "open(1)", "lid:constant", 15

    def __init__(self, code: str) -> None:
        self.code = code

    def identify(self, texts: Sequence[str]) -> list[Probabilities]:
        return [{self.code: 1.0} if self.code else {} for _ in texts]


def untyped(method: Any) -> Any:
    """A method without the type checks that only tests have."""
    return inspect.unwrap(method.__func__)


def verdicts(metric: OffTarget, texts: list[str], sources: list[str] | None = None) -> list[str]:
    return [segment.judged.verdict.value for segment in metric.judge(texts, sources)]


@pytest.mark.parametrize("candidates", [None, CANDIDATES])
def test_every_verdict_occurs(candidates: list[str] | None) -> None:
    metric = OffTarget(target_lang="it", source_lang="nl", candidates=candidates)
    texts = [IT[0], NL[0], NL[1], EN[2], TEXTS["ro"][3], f"{IT[0]} {EN[1]}", "", "OK 42"]
    sources = [NL[0], NL[0], NL[0], *NL[:2], *NL[:3]]
    assert verdicts(metric, texts, sources) == [
        "on_target", "source_copy", "source_language", "pivot", "other", "mixed", "empty",
        "undecided",
    ]  # fmt: skip


@pytest.mark.parametrize("target", ["en", "it", "nl", "ro", "ru", "ja", "zh"])
@pytest.mark.parametrize("language", ["en", "it", "nl", "ro", "ru", "ja", "zh"])
def test_sentences_are_on_target_in_their_own_language_only(target: str, language: str) -> None:
    metric = OffTarget(target_lang=target, source_lang="de")
    outcomes = {verdict == "on_target" for verdict in verdicts(metric, TEXTS[language])}
    assert outcomes == {target == language}


def test_the_score_of_a_corpus_has_ratio_floor_excess_and_signature() -> None:
    metric = OffTarget(target_lang="it", source_lang="nl", candidates=CANDIDATES)
    score = metric.corpus([*IT[:2], NL[2], ""], IT, NL)
    assert (score.percent, score.count, score.judged) == (50, 2, 4)
    assert (score.floor_percent, score.excess_percent) == (0, 50)
    assert score.verdicts["source_copy"] == 1 == score.verdicts["empty"]
    assert score.languages == {"it": 2, "nl": 1}
    assert score.signature == (
        "n:4|lid:eldc-0.4.0+fasttext-176-ftz|set:restricted(en,it,nl,ro)|votes:1|norm:1|script:on"
        f"|margin:5|short:8|part:30|v:{ontarget.__version__}"
    )
    assert score.line_percent == pytest.approx(200 / 3) and score.word_percent is None


def test_a_text_that_equals_its_reference_is_on_target_and_so_is_the_reference() -> None:
    metric = OffTarget(target_lang="it", source_lang="nl")
    copied = [*IT[:3], NL[3]]
    score = metric.corpus(copied, copied, [*NL])
    assert score.verdicts["source_copy"] == 0 == score.verdicts["source_language"]
    assert (score.percent, score.floor_percent, score.excess_percent) == (0, 0, 0)
    assert metric.corpus([*IT[1:4], IT[0]], copied, [*NL]).floor_percent == 25


def test_every_line_of_a_response_must_pass() -> None:
    metric = OffTarget(target_lang="it", source_lang="nl")
    assert metric.corpus([f"{IT[0]}\n{IT[1]}", f"{IT[0]}\n{EN[1]}", "Sì\nno"]).line_percent == 50
    russian = OffTarget(target_lang="ru", source_lang="en")
    mixed = f"{TEXTS['ru'][0]} together"
    score = russian.corpus([*TEXTS["ru"], mixed])
    assert (score.line_percent, score.word_percent) == (100, 80)


def test_two_votes_must_agree() -> None:
    metric = OffTarget(target_lang="it", source_lang="nl")
    for first, second, expected in (
        ("en", "en", "pivot"), ("en", "it", "on_target"), ("it", "en", "on_target"),
        ("en", "", "undecided"),
    ):  # fmt: skip
        metric.detectors = [ConstantIdentifier(first), ConstantIdentifier(second)]
        assert verdicts(metric, [IT[0]]) == [expected]
    assert "|votes:2|" in metric.signature and metric.signature.startswith("lid:constant+constant|")


def test_the_papers_ratio_is_that_of_the_top_label_of_every_text() -> None:
    metric = OffTarget(target_lang="it", source_lang="nl", detector="paper")
    score = metric.corpus([IT[0], NL[0], "", "OK 42"], IT, NL)
    assert (score.count, score.judged) == (3, 4)
    assert "|votes:1|norm:0|script:off|margin:1|short:0|part:0|" in score.signature


def test_a_stream_is_judged_in_chunks() -> None:
    count = 0

    def endless() -> Iterator[str]:
        nonlocal count
        while True:
            count += 1
            yield IT[count % 4]

    segments = OffTarget(target_lang="it", source_lang="nl").judge(endless())
    assert next(segments).judged.verdict is Verdict.ON_TARGET
    assert count == 1000


@pytest.mark.parametrize("lists", [(IT, IT[:3], None), (IT, None, NL[:3]), (IT[:3], IT, NL)])
def test_lists_of_different_length_are_an_error(
    lists: tuple[list[str], list[str] | None, list[str] | None],
) -> None:
    with pytest.raises(ValueError, match="differ in length; give as many of each"):
        OffTarget(target_lang="it", source_lang="nl").corpus(*lists)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_lang": "xx"}, "CLDR knows no language 'xx'; give a code such as it"),
        ({"candidates": ["en", "qq"]}, "CLDR knows no language 'qq'"),
        ({"target_lang": "nl"}, "no detector can tell the target language 'nl' from the source's"),
        ({"target_lang": "zh", "source_lang": "yue"}, "'zh' from the source's 'yue'"),
        ({"target_lang": "zh", "source_lang": "zh-Hans"}, "'zh' from the source's 'zh-Hans'"),
        ({"target_lang": "nb", "source_lang": "no"}, "copies would be on target; give two lang"),
        ({"votes": 3}, "votes: 3; expected 1 or 2"),
        ({"detector": "paper", "votes": 2}, "the detector paper asks lid.176 alone"),
        ({"detector": "paper", "candidates": ["en"]}, "leave out candidates and votes"),
        (
            {"target_lang": "zu"},
            "combined does not know 'zu', so every ratio would be 100 %; these know it: lingua, "
            "GlotLID or OpenLID from a file",
        ),
        ({"target_lang": "lij"}, "does not know 'lij', .* GlotLID or OpenLID from a file"),
        ({"detector": "lingua", "target_lang": "br"}, "these know it: combined, fasttext, GlotLID"),
        (
            {"detector": "/nowhere/lid.bin"},
            "/nowhere/lid.bin: no such file; give a detector's",
        ),
        ({"detector": "/"}, "/: not a file; give a detector's name"),
    ],
)
def test_a_request_that_cannot_be_judged_is_an_error(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(DetectorError, match=message):
        OffTarget(**({"target_lang": "it", "source_lang": "nl"} | options))


def test_importing_the_package_does_not_load_the_metric() -> None:
    program = (
        "import sys, ontarget; before = set(sys.modules); ontarget.OffTarget;"
        "heavy = {'numpy', 'sacrebleu', 'torch', 'fasttext'};"
        "print(sorted(heavy & before), sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[] ['numpy']\n"
    with pytest.raises(AttributeError, match="module 'ontarget' has no attribute 'Missing'"):
        ontarget.Missing  # noqa: B018


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        (("en", "lij"), "the detector combined does not know 'lij'"),
        (("no", "en", "nb"), "languages: no detector can tell 'nb' from 'no'; keep one"),
        (("en", "zh", "zh-Hant"), "no detector can tell 'zh-Hant' from 'zh'"),
        (("zh", "yue"), "languages: no detector can tell 'yue' from 'zh'; keep one"),
    ],
)
def test_languages_of_a_run_that_cannot_be_judged_are_an_error(
    codes: tuple[str, ...], text: str
) -> None:
    with pytest.raises(DetectorError, match=text):
        Detection(pivot=codes[0]).check(codes)


def test_orthographies_of_one_language_can_be_requested() -> None:
    Detection(pivot="en").check(("en", "zh-Hans", "zh-Hant", "sr-Latn", "sr-Cyrl"))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"hypotheses": IT[0]}, "hypotheses"),
        ({"hypotheses": IT[0].encode()}, "hypotheses"),
        ({"hypotheses": IT, "references": IT[0]}, "references"),
        ({"hypotheses": IT, "sources": NL[0]}, "sources"),
    ],
)
def test_one_text_in_place_of_a_list_is_a_type_error_that_names_the_argument(
    arguments: dict[str, Any], name: str
) -> None:
    """It would be judged character by character otherwise."""
    message = rf"^{name} is one text; give a list of texts, \[{name}\]$"
    with pytest.raises(TypeError, match=message):
        untyped(METRIC.corpus)(METRIC, **arguments)


@pytest.mark.parametrize(
    ("arguments", "name"), [((IT[0],), "texts"), ((IT, NL[0]), "sources")], ids=str
)
def test_judging_one_text_in_place_of_a_list_is_a_type_error(
    arguments: tuple[Any, ...], name: str
) -> None:
    with pytest.raises(TypeError, match=f"^{name} is one text; give a list of texts"):
        list(untyped(METRIC.judge)(METRIC, *arguments))


@pytest.mark.parametrize("missing", [None, float("nan"), 5])
def test_an_item_that_is_no_text_is_a_type_error(missing: Any) -> None:
    expected = f"a segment is {type(missing).__name__}, not text"
    for row in ((missing,), (IT[0], missing), (IT[0], NL[0], (missing,))):
        with pytest.raises(TypeError, match=expected):
            inspect.unwrap(check_texts)([row])


def test_a_text_in_place_of_candidates_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"candidates is one text; give a list of texts"):
        OffTarget(target_lang="it", source_lang="nl", candidates="en")
