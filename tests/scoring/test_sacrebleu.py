"""BLEU and chrF: literal values, the tokenizer by language, and equal lengths enforced."""

import pytest

from ontarget.scoring.sacrebleu import quality, tokenizer


def test_a_perfect_translation_scores_100_and_the_signatures_say_how() -> None:
    found = quality(["The cat sat on the mat."], ["The cat sat on the mat."], "en")
    assert (found.bleu, found.chrf) == (pytest.approx(100), pytest.approx(100))
    assert "tok:13a" in found.signatures["bleu"]
    assert "version:" in found.signatures["chrf"]


def test_bleu_of_a_worked_example() -> None:
    # 6 tokens; n-gram precisions 5/6, 3/5, 1/4 and 0/3 (exp smoothing: 1/(2*3)), no brevity penalty
    found = quality(["the cat sat on a mat"], ["the cat sat in a mat"], "en")
    assert found.bleu == pytest.approx(100 * (5 / 6 * 3 / 5 * 1 / 4 * 1 / 6) ** 0.25, rel=1e-6)


@pytest.mark.parametrize("counts", [(1, 2), (2, 1), (0, 0)])
def test_unequal_or_no_lines_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"\d hypotheses against \d references; give as many"):
        quality(["a"] * counts[0], ["a"] * counts[1], "en")


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("it", "13a"),
        ("zh", "zh"),
        ("zh-Hant", "zh"),
        ("th", "char"),
        ("ja", "char"),
        ("ko", "char"),
    ],
)
def test_the_tokenizer_follows_the_language(
    monkeypatch: pytest.MonkeyPatch, code: str, wanted: str
) -> None:
    monkeypatch.setattr(
        "ontarget.scoring.sacrebleu.find_spec", lambda module: None
    )  # no extras installed
    assert tokenizer(code) == wanted


def test_with_its_extra_japanese_is_tokenised_by_mecab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ontarget.scoring.sacrebleu.find_spec", lambda module: module)
    assert tokenizer("ja") == "ja-mecab"
