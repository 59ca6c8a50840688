"""eldc and lid.176 together, against the formula of the decision record written out again."""

from importlib.metadata import version
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.texts import TEXTS

from ontarget.offtarget.detectors.base import Identifier, ScoredIdentifier
from ontarget.offtarget.detectors.combined import Combined, combine, is_clear
from ontarget.offtarget.detectors.eldc import (
    ELDC_LABELS,
    Eldc,
    eldc_knows,
    eldc_label,
    scorer,
    softmax,
)
from ontarget.offtarget.detectors.fasttext import FastText

ALL = [(code.split("-")[0], text) for code, texts in TEXTS.items() for text in texts]
GALICIAN = "A semana que vén o comité reunirase de novo para discutir os resultados."
TIBETAN = "བོད་སྐད་ནི་བོད་མིའི་སྐད་ཡིག་ཡིན།"
DETECTORS = [Combined(), Eldc()]
both = pytest.mark.parametrize("detector", DETECTORS, ids=["combined", "eldc"])


@both
def test_every_sentence_gets_its_language_with_probabilities_in_order(
    detector: Combined | Eldc,
) -> None:
    assert isinstance(detector, ScoredIdentifier) and isinstance(detector, Identifier)
    answers = detector.identify([text for _, text in ALL])
    assert [next(iter(answer)) for answer in answers] == [code for code, _ in ALL]
    for answer in answers:
        values = list(answer.values())
        assert values == sorted(values, reverse=True)
        assert 0.9 < sum(values) < 1 + 1e-9 and min(values) >= 0


@both
def test_scores_are_those_of_eldc_best_first_and_go_with_the_probabilities(
    detector: Combined | Eldc,
) -> None:
    texts = [text for _, text in ALL]
    pairs = detector.identify_with_scores(texts)
    assert [probabilities for probabilities, _ in pairs] == detector.identify(texts)
    for (code, text), (_, scores) in zip(ALL, pairs, strict=True):
        assert scores == scorer()(text)
        assert scores and next(iter(scores)) == code and len(scores) <= 8
        assert list(scores.values()) == sorted(scores.values(), reverse=True)


@both
def test_a_text_without_letters_or_of_an_unknown_script_does_not_end_in_an_error(
    detector: Combined | Eldc,
) -> None:
    for text in ("", "42", "🙂", " \n ", "ᚠᚢᚦ"):
        (answer,) = detector.identify([text])
        assert sum(answer.values()) < 1 + 1e-9


def test_where_eldc_answers_nothing_lid_176_is_the_answer() -> None:
    burmese = "မြန်မာဘာသာစကားသည် မြန်မာနိုင်ငံ၏ ရုံးသုံး ဘာသာစကား ဖြစ်သည်။"
    assert scorer()(burmese) == {} and Eldc().identify([burmese]) == [{}]
    (answer,) = Combined().identify([burmese])
    assert answer == FastText().identify([burmese])[0]
    assert next(iter(answer)) == "my"
    assert combine({"my": 0.9, "en": 0.05}, {}, 30, set()) == {"my": 0.9, "en": 0.05}


def test_a_language_that_only_lid_176_knows_is_found() -> None:
    (answer,) = Combined().identify([TIBETAN])
    assert next(iter(answer)) == "bo" and answer["bo"] > 0.99
    assert "bo" not in Eldc().identify([TIBETAN])[0]


def test_a_requested_language_outside_eldcs_gets_a_prior_and_the_others_none() -> None:
    open_, galician, italian = (
        Combined(target_lang=code).identify([GALICIAN])[0] for code in ("", "gl", "it")
    )
    assert open_ == italian and galician["gl"] > 2 * open_["gl"]
    odds = [answer["gl"] / (1 - answer["gl"]) for answer in (galician, open_)]
    assert odds[0] / odds[1] == pytest.approx(exp(3.0))
    signature = Combined(target_lang="gl").signature
    assert signature == f"{Combined(target_lang='it').signature}gl"
    assert signature == (f"lid:eldc-{version('eldc')}+fasttext-176-ftz|set:open(176)|expects:gl")


def test_with_candidates_only_these_are_answered_under_their_own_codes() -> None:
    detector = Combined(["en", "nb", "gl", "zh-Hant"])
    norwegian = "Komiteen møtes igjen neste uke for å diskutere resultatene."
    texts = [TEXTS["en"][0], norwegian, TEXTS["zh-Hant"][0], GALICIAN, TEXTS["ru"][1]]
    answers = detector.identify(texts)
    assert [next(iter(answer), "") for answer in answers] == ["en", "nb", "zh-Hant", "gl", ""]
    everything = Combined().identify([GALICIAN])[0]
    assert answers[3]["gl"] == everything["gl"]  # not scaled up
    assert detector.candidate_set == "restricted(en,gl,nb,zh-Hant)"
    eldc = Eldc(["nb", "zh-Hant"])
    assert [set(answer) for answer in eldc.identify(texts)] == [
        set(), {"nb"}, {"zh-Hant"}, set(), set(),
    ]  # fmt: skip
    assert eldc.signature == f"lid:eldc-{version('eldc')}|set:restricted(nb,zh-Hant)"
    assert Eldc().signature == f"lid:eldc-{version('eldc')}|set:open(60)"


@pytest.mark.parametrize(
    ("scores", "size", "expected"),
    [
        ({}, 50, False),
        ({"it": 0.99}, 50, False),  # a single score has no lead
        ({"it": 0.85, "es": 0.6}, 50, True),  # 19.6 nats a point
        ({"it": 0.849, "es": 0.2}, 50, False),
        ({"it": 0.9, "es": 0.7}, 50, False),  # 3.9 nats
        ({"it": 0.9, "es": 0.695}, 50, True),  # 4.02 nats
        ({"it": 0.9, "es": 0.695}, 49, False),  # 3.99 nats
        ({"nl": 0.99, "de": 0.1}, 50, False),  # it may be Afrikaans
        ({"hr": 0.99, "de": 0.1}, 50, False),
        ({"it": 0.99, "de": 0.01}, 1, False),  # half a nat
    ],
)
def test_eldc_alone_decides_if_its_lead_is_large(
    scores: dict[str, float], size: int, expected: bool
) -> None:
    assert is_clear(scores, "x" * size) is expected


def test_a_clear_text_is_certain_and_lid_176_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def note(_: object, texts: list[str], __: object) -> list[dict[str, float]]:
        asked.extend(texts)
        return [{"ru": 0.9, "uk": 0.1} for _ in texts]

    monkeypatch.setattr("ontarget.offtarget.detectors.combined.predict", note)
    answers = Combined().identify([TEXTS["en"][0], TEXTS["ru"][0], TEXTS["it"][0]])
    assert asked == [TEXTS["ru"][0]]
    assert answers[0] == {"en": 1.0} and answers[2] == {"it": 1.0}
    assert list(answers[1])[:2] == ["ru", "uk"]


labels = st.sampled_from(["it", "es", "ro", "pt", "nn", "fil", "gl", "oc", "bo"])
probabilities = st.floats(0.01, 1.0)
score_tables = st.dictionaries(
    st.sampled_from(["it", "es", "ro", "pt", "no", "tl"]), st.floats(0.01, 1.0), min_size=1
)


def expected_of(
    fasttext: dict[str, float], scores: dict[str, float], size: int, target: str
) -> dict[str, float]:
    """The formula of docs/decisions/0013-detector.md, term by term."""
    merged = {"nn": "no", "fil": "tl"}
    inside, outside = {}, {}
    for code, value in fasttext.items():
        if code in ("gl", "oc", "bo"):
            outside[code] = value
        else:
            inside[merged.get(code, code)] = inside.get(merged.get(code, code), 0) + value
    length = log(size)
    points = {}
    for label in set(inside) | set(scores):
        likelihood = log(max(inside.get(label, 0), 0.01))
        scale = max(-2.48 + 5.64 * length, 0.5)
        points[label] = (0.053 + 0.134 * length) * likelihood + scale * scores.get(label, 0)
    share = 0.0
    if outside:
        odds = log(max(sum(outside.values()), 0.01) / max(sum(inside.values()), 0.01))
        logit = (-6.18 + 3.69 * length) + (4.81 - 3.93 * length) * max(scores.values())
        logit += (-0.226 + 0.308 * length) * odds + (3.0 if target in outside else 0.0)
        share = 1 / (1 + exp(-min(max(logit, -30), 30)))
    total = sum(exp(value - max(points.values())) for value in points.values())
    result = {
        label: (1 - share) * exp(value - max(points.values())) / total
        for label, value in points.items()
    }
    for code, value in outside.items():
        result[code] = share * value / sum(outside.values())
    return result


@given(
    st.dictionaries(labels, probabilities),
    score_tables,
    st.integers(1, 3000),
    st.sampled_from(["", "gl", "oc", "bo"]),
)
def test_the_combination_is_the_written_formula(
    fasttext: dict[str, float], scores: dict[str, float], size: int, target: str
) -> None:
    combined = combine(fasttext, scores, size, {target} if target else set())
    expected = expected_of(fasttext, scores, size, target)
    assert combined == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert list(combined.values()) == sorted(combined.values(), reverse=True)
    assert sum(combined.values()) == pytest.approx(1.0)


def test_if_only_the_requested_language_is_left_lid_176_is_the_answer() -> None:
    assert combine({"it": 0.8}, {"it": 0.5}, 30, {"it"}) == {"it": 0.8}


@given(score_tables, st.integers(1, 60), st.sampled_from(["x", "é", "中"]))
def test_probabilities_of_eldc_are_a_softmax_that_sharpens_with_the_bytes_of_a_text(
    scores: dict[str, float], letters: int, letter: str
) -> None:
    text, size = letter * letters, letters * {"x": 1, "é": 2, "中": 3}[letter]
    factor = max(-2.48 + 5.64 * log(size), 0.5)
    total = sum(exp(factor * score) for score in scores.values())
    expected = {label: exp(factor * score) / total for label, score in scores.items()}
    assert softmax(scores, text) == pytest.approx(expected)


def test_without_scores_there_are_no_probabilities() -> None:
    assert softmax({}, "42") == {}


@pytest.mark.parametrize(
    ("code", "label", "known"),
    [
        ("it", "it", True), ("ita_Latn", "it", True), ("pt-BR", "pt", True), ("iw", "he", True),
        ("nb", "no", True), ("nn", "no", True), ("no", "no", True), ("fil", "tl", True),
        ("tgl_Latn", "tl", True), ("zh", "zh", True), ("zh-Hant", "zh", True),
        ("zh-TW", "zh", True), ("yue", "yue", False), ("sr", "sr", True), ("srp_Cyrl", "sr", True),
        ("sr-Latn", "sr", False), ("ku", "ku", False), ("ku-Arab", "ku", True),
        ("ckb", "ckb", False), ("az", "az", True), ("az-Cyrl", "az", False), ("ms", "ms", True),
        ("ms-Arab", "ms", False), ("ja", "ja", True), ("ko", "ko", True), ("gl", "gl", False),
        ("bs", "bs", False), ("xx", "xx", False),
    ],
)  # fmt: skip
def test_eldc_knows_languages_in_the_script_that_it_was_trained_on(
    code: str, label: str, known: bool
) -> None:
    assert eldc_label(code) == label
    assert eldc_knows(code) is known


def test_the_labels_are_those_of_eldc() -> None:
    assert len(ELDC_LABELS) == 60
    for code, text in ALL:
        assert code in ELDC_LABELS and set(scorer()(text)) <= ELDC_LABELS
