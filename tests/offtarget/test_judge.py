"""Segments through the metric: copies, short texts, names, capitals, halves in English."""

from collections.abc import Sequence

import pytest
from support.texts import TEXTS

from ontarget import OffTarget
from ontarget.offtarget.detectors.base import Probabilities, Scores
from ontarget.offtarget.judge import (
    PURE_LEAD,
    PURE_SCORE,
    Judge,
    JudgedSegment,
    identify_with_scores,
)
from ontarget.offtarget.verdicts import Judgement, TranslationRequest, Verdict

EN = TEXTS["en"]
METRICS = {code: OffTarget(target_lang=code, source_lang="de") for code in TEXTS}
ITALIAN = METRICS["it"]
GERMAN = "Der Ausschuss wird nächste Woche erneut zusammenkommen, um darüber zu beraten."
every_language = pytest.mark.parametrize("code", TEXTS)


class Scored:
    """An identifier with eldc's scores, from a table."""

    name, candidate_set, signature, shortest = "scored", "open(2)", "lid:scored", 8

    def __init__(self, answers: dict[str, tuple[Probabilities, Scores | None]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def identify(self, texts: Sequence[str]) -> list[Probabilities]:
        return [answer for answer, _ in self.identify_with_scores(texts)]

    def identify_with_scores(
        self, texts: Sequence[str]
    ) -> list[tuple[Probabilities, Scores | None]]:
        self.asked += texts
        return [self.answers.get(text, ({}, None)) for text in texts]


REQUEST = TranslationRequest(target_lang="it", source_lang="de")
HALF = f"{TEXTS['it'][0]} {EN[1]}"


def judge(metric: OffTarget, text: str, source: str | None = None) -> JudgedSegment:
    (segment,) = metric.judge([text], None if source is None else [source])
    return segment


def verdict(metric: OffTarget, text: str, source: str | None = None) -> str:
    return judge(metric, text, source).judged.verdict.value


@pytest.mark.parametrize(
    "source", ["Ja", "A", "Oh!", "Angela Merkel", "München", GERMAN, " ".join([GERMAN] * 20)]
)
def test_a_copy_of_the_source_is_off_target_at_any_length(source: str) -> None:
    for copy in (source, f" {source}\n", source.replace(" ", "  ")):
        assert judge(ITALIAN, copy, source).judged == (Verdict.SOURCE_COPY, "de")


@pytest.mark.parametrize("source", ["42", "3,5 %", "https://a.b/c", "{name}", "🙂", "<br>"])
def test_a_copy_without_a_word_is_undecided(source: str) -> None:
    assert verdict(ITALIAN, source, source) == "undecided"


@every_language
def test_a_copy_in_the_target_language_is_off_target_without_a_reference_only(code: str) -> None:
    text = TEXTS[code][0]
    (alone,) = METRICS[code].judge([text], [text])
    (beside,) = METRICS[code].judge([text], [text], [(GERMAN, text)])
    assert alone.judged.verdict is Verdict.SOURCE_COPY and not alone.is_reference
    assert beside.judged == (Verdict.ON_TARGET, code) and beside.is_reference


@pytest.mark.parametrize("text", ["Ja", "The cat", "OK 42", "Ciao", "No, no", "Hello!", "は", "12"])
def test_a_text_of_few_letters_is_undecided(text: str) -> None:
    assert judge(ITALIAN, text).judged == (Verdict.UNDECIDED, "")


def test_few_letters_of_a_script_that_the_target_is_never_written_in_are_off_target() -> None:
    assert judge(ITALIAN, "これ").judged == (Verdict.OTHER, "und-Kana")
    assert judge(ITALIAN, "как").judged == (Verdict.OTHER, "und-Cyrl")
    assert verdict(ITALIAN, "Анна") == "undecided"  # a name


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u00a0"])
def test_an_empty_text_is_off_target_and_an_empty_reference_undecided(text: str) -> None:
    assert judge(ITALIAN, text).judged == (Verdict.EMPTY, "")
    (reference,) = ITALIAN.judge_references([text])
    assert reference == JudgedSegment(Judgement(Verdict.UNDECIDED, ""), None)
    score = ITALIAN.corpus([TEXTS["it"][0], TEXTS["it"][1]], [TEXTS["it"][0], text])
    assert (score.percent, score.floor_percent) == (0, 0)


@pytest.mark.parametrize("code", ["it", "nl", "ro", "en"])
@pytest.mark.parametrize(
    "text",
    [
        "Angela Merkel, Emmanuel Macron, Boris Johnson", "Real Madrid Manchester United",
        "Wolfgang Amadeus Mozart", "Microsoft Windows Server", "Friedrich Wilhelm Schiller",
    ],
)  # fmt: skip
def test_names_alone_are_never_off_target(code: str, text: str) -> None:
    assert verdict(METRICS[code], text) in ("undecided", "on_target")
    if code == "it":
        assert verdict(METRICS[code], text) == "undecided"


def test_of_a_text_of_names_the_other_words_decide() -> None:
    names = "Angela Merkel, Emmanuel Macron, Boris Johnson"
    english = f"{names} and {names} went together with others"
    italian = f"{names} e {names} sono andati insieme agli altri"
    assert judge(ITALIAN, english).judged == (Verdict.PIVOT, "en")
    assert judge(ITALIAN, italian).judged == (Verdict.ON_TARGET, "it")


@pytest.mark.parametrize(
    ("of_rest", "expected"),
    [
        ({"ro": 1.0}, (Verdict.PIVOT, "en")),  # off-target as well: the language is that of all
        ({"it": 1.0}, (Verdict.ON_TARGET, "it")),
        ({}, (Verdict.UNDECIDED, "")),
    ],
)
def test_words_that_are_no_names_must_agree(
    of_rest: Probabilities, expected: tuple[Verdict, str]
) -> None:
    text = "Angela Merkel, Emmanuel Macron zzzzzzzz vvvvvvvv, Boris Johnson"
    detector = Scored({text: ({"en": 1.0}, None), "zzzzzzzz vvvvvvvv,": (of_rest, None)})
    (segment,) = Judge(REQUEST, [detector]).judge_chunk([text], [None], [()])
    assert segment.judged == expected


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({"en": 0.7, "it": 0.3}, "pivot"),  # 0.4 of 17.7 nats
        ({"en": 0.7, "it": 0.31}, "undecided"), ({"en": 0.69, "it": 0.0}, "undecided"),
        ({"en": 0.7, "ro": 0.69}, "pivot"), (None, "undecided"), ({}, "undecided"),
    ],
)  # fmt: skip
def test_a_heading_of_words_with_capitals_counts_if_eldc_is_certain(
    scores: Scores | None, expected: str
) -> None:
    text = "The Committee Will Meet Again Monday"  # 36 bytes
    detector = Scored({text: ({"en": 1.0}, scores)})
    (segment,) = Judge(REQUEST, [detector]).judge_chunk([text], [None], [()])
    assert segment.judged.verdict.value == expected


@every_language
def test_capitals_are_judged_like_mixed_case(code: str) -> None:
    for target in ("it", "ru", "zh", code):
        mixed, capitals = (
            [segment.judged for segment in METRICS[target].judge(texts)]
            for texts in (TEXTS[code], [text.upper() for text in TEXTS[code]])
        )
        assert capitals == mixed


@pytest.mark.parametrize("code", [code for code in TEXTS if code != "en"])
def test_half_english_text_is_mixed_and_a_quoted_title_is_not(code: str) -> None:
    for own, english in zip(TEXTS[code], EN[1:] + EN[:1], strict=True):
        for text in (f"{own} {english}", f"{english} {own}"):
            assert judge(METRICS[code], text).judged == (Verdict.MIXED, "")
        quoted = f"{own} “The Old Library”"
        assert judge(METRICS[code], quoted).judged == (Verdict.ON_TARGET, code)


def test_a_mixed_text_names_its_stretches_and_a_pure_one_has_none() -> None:
    mixed = judge(ITALIAN, HALF)
    assert mixed.judged == (Verdict.MIXED, "") and mixed.inside is not None
    assert [stretch.language for stretch in mixed.inside.stretches] == ["en"]
    assert judge(ITALIAN, TEXTS["it"][0]).inside is None


@pytest.mark.parametrize(("sentences", "expected"), [(2, "mixed"), (12, "on_target")])
def test_less_than_fifteen_percent_in_another_language_is_on_target(
    sentences: int, expected: str
) -> None:
    text = f"{' '.join((TEXTS['it'] * 3)[:sentences])} we walked along the river until it rained."
    detector = Scored({text: ({"it": 1.0}, {"it": 0.5, "en": 0.4})})
    (segment,) = Judge(REQUEST, [detector]).judge_chunk([text], [None], [()])
    assert segment.judged.verdict.value == expected
    assert segment.inside is not None and len(segment.inside.stretches) == 1
    assert (segment.inside.foreign_share >= 0.15) is (expected == "mixed")


def test_a_text_in_capitals_is_not_looked_into() -> None:
    """Names cannot be told from words there."""
    assert judge(ITALIAN, HALF).inside is not None
    assert judge(ITALIAN, HALF.upper()).inside is None


def test_additions_are_reported_beside_the_verdict() -> None:
    text = TEXTS["it"][0]
    with_preamble = judge(ITALIAN, f"Sure, here is the translation: {text}")
    assert with_preamble.inside is not None and with_preamble.inside.added == ("preamble",)
    copied = judge(ITALIAN, f"Translation: {text}", f"Translation: {text}")
    assert copied.judged.verdict is Verdict.SOURCE_COPY
    assert copied.inside is not None and copied.inside.added == ("preamble",)
    paper = OffTarget(target_lang="it", source_lang="de", detector="paper")
    assert judge(paper, f"Translation: {text}").inside is None


def test_bokmal_is_norwegian() -> None:
    texts = [
        "Komiteen møtes igjen neste uke for å diskutere resultatene.",
        "I går kveld gikk vi langs elven til det begynte å regne, og jeg ble våt.",
        "Udvalget mødes igen i næste uge for at drøfte resultaterne.", GERMAN,
    ]  # fmt: skip
    by_code = {
        code: [
            (segment.judged.verdict.value, segment.judged.language.replace("nb", "no"))
            for segment in OffTarget(target_lang=code, source_lang="de").judge(texts)
        ]
        for code in ("no", "nb", "nob_Latn")
    }
    assert by_code["no"] == by_code["nb"] == by_code["nob_Latn"]
    assert by_code["no"] == [
        ("on_target", "no"), ("on_target", "no"), ("other", "da"), ("source_language", "de"),
    ]  # fmt: skip


def test_what_is_masked_is_not_judged() -> None:
    text = TEXTS["it"][0]
    code = "```python\nfor word in text: print(word, the_number_of_words)\n```"
    assert judge(ITALIAN, f"{text} {code}").judged == judge(ITALIAN, text).judged
    assert verdict(ITALIAN, "https://example.org/the/committee/will/meet/again") == "undecided"


def test_the_length_band_is_that_of_the_text() -> None:
    lengths = {0: 0, 9: 0, 10: 1, 14: 1, 15: 2, 20: 3, 39: 3, 40: 4, 80: 5, 159: 5, 160: 6, 999: 6}
    texts = ["a" * length for length in lengths]
    assert [segment.band for segment in ITALIAN.judge(texts)] == list(lengths.values())


ON = Judgement(Verdict.ON_TARGET, "it")
OFF = Judgement(Verdict.PIVOT, "en")


def test_a_copy_of_the_reference_and_the_reference_have_one_judgement() -> None:
    """Otherwise the detector's error on a reference would be in the floor only."""
    wrong = JudgedSegment(OFF, None)
    assert JudgedSegment(ON, None, is_reference=True).beside(wrong) == (ON, ON)
    assert JudgedSegment(ON, None).beside(wrong) == (ON, OFF)
    assert JudgedSegment(ON, None).beside(None) == (ON, None)
    assert JudgedSegment(OFF, None).beside(JudgedSegment(ON, None)) == (OFF, ON)


@pytest.mark.parametrize(
    ("scores", "is_pure"),
    [
        ({"it": PURE_SCORE, "en": 0.89}, True),  # so high that nothing else is in it
        ({"it": PURE_SCORE - 0.01, "en": 0.89}, False),
        ({"it": 0.75, "en": 0.75 - PURE_LEAD}, True),
        ({"it": 0.75, "en": 0.76 - PURE_LEAD}, False),
        ({"it": PURE_LEAD}, True), ({"it": PURE_LEAD - 0.01}, False),
        ({"en": 0.95, "it": 0.2}, False), ({}, False), (None, False),
    ],
)  # fmt: skip
def test_a_text_is_looked_into_unless_eldc_leaves_no_room_for_another_language(
    scores: Scores | None, is_pure: bool
) -> None:
    judge = Judge(REQUEST, [Scored({HALF: ({"it": 1.0}, scores)})])
    looked: list[Sequence[str]] = []
    identify = judge.windows
    assert identify is not None

    def note(texts: Sequence[str]) -> Sequence[str]:
        looked.append(texts)
        return identify(texts)

    judge.windows = note
    list(judge.judge_chunk([HALF], [None], [()]))
    assert bool(looked) is not is_pure


def test_a_detector_is_asked_once_about_what_it_must_decide() -> None:
    detector = Scored({TEXTS["it"][1]: ({"it": 1.0}, {"it": 1.0})})
    texts = [TEXTS["it"][1], GERMAN, "", "OK"]
    segments = list(
        Judge(REQUEST, [detector]).judge_chunk(texts, [None, GERMAN, None, None], [()] * 4)
    )
    assert [segment.judged.verdict.value for segment in segments] == [
        "on_target", "source_copy", "empty", "undecided",
    ]  # fmt: skip
    assert detector.asked == [TEXTS["it"][1], GERMAN]  # the copy, for its line


def test_scores_are_none_where_a_detector_has_none() -> None:
    class Plain:
        name = candidate_set = signature = "plain"
        shortest = 8

        def identify(self, texts: Sequence[str]) -> list[Probabilities]:
            return [{"it": 1.0} for _ in texts]

    assert identify_with_scores(Plain(), ["a", "b"]) == [({"it": 1.0}, None)] * 2
    scored = Scored({"a": ({"it": 1.0}, {"it": 0.7})})
    assert identify_with_scores(scored, ["a"]) == [({"it": 1.0}, {"it": 0.7})]
