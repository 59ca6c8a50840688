"""lid.176 on text whose language is beyond doubt."""

import re

import pytest

from ontarget.offtarget.detectors.fasttext import LABELS, FastText, label_of, load_lid_176

LONG = {
    "en": "The committee will meet again next week to discuss the results of the study.",
    "it": "La settimana prossima il comitato si riunirà di nuovo per discutere i risultati.",
    "nl": "De commissie komt volgende week opnieuw bijeen om de resultaten te bespreken.",
    "ro": "Comitetul se va reuni din nou săptămâna viitoare pentru a discuta rezultatele.",
    "de": "Der Ausschuss wird nächste Woche erneut zusammenkommen, um zu beraten.",
    "zh-Hans": "委员会将于下周再次开会讨论这项研究的结果。",
}


@pytest.mark.parametrize("candidates", [None, tuple(LONG)])
def test_long_sentences_are_identified(candidates: tuple[str, ...] | None) -> None:
    answers = FastText(candidates).identify(list(LONG.values()))
    expected = list(LONG) if candidates else [code.split("-")[0] for code in LONG]
    assert [next(iter(answer)) for answer in answers] == expected


def test_the_list_of_labels_is_that_of_the_model() -> None:
    ranked = load_lid_176().predict("hello", k=1000, threshold=-1.0)[0]
    assert {name.removeprefix("__label__") for name in ranked} == LABELS


def test_the_signature_contains_the_candidate_set() -> None:
    assert re.fullmatch(
        r"lid:fasttext-176-ftz\|set:restricted\(en,it\)\|v:[\d.]+", FastText(("it", "en")).signature
    )
    assert "set:open(176)" in FastText().signature


def test_codes_that_the_model_has_another_label_for() -> None:
    assert [label_of(code) for code in ("nb", "zh-Hant", "fil", "it")] == ["no", "zh", "tl", "it"]
