"""sacreBLEU's metrics: literal values, tokenizers by language, and lists of equal length."""

import pytest
import sacrebleu as library

from ontarget.scoring import sacrebleu
from ontarget.scoring.sacrebleu import Metric, score_of, segment_statistics, tokenizer

ENGLISH = sacrebleu.metrics("en")
SENTENCE = "The cat sat on the mat."


def corpus_score(metric: Metric, hypotheses: list[str], references: list[str]) -> float:
    return score_of(metric, segment_statistics(metric, hypotheses, [references]).sum(0))


@pytest.mark.parametrize("name", ["bleu", "chrf", "chrf++"])
def test_a_perfect_translation_scores_100(name: str) -> None:
    assert corpus_score(ENGLISH[name], [SENTENCE], [SENTENCE]) == pytest.approx(100)


def test_a_perfect_translation_needs_no_edits() -> None:
    assert corpus_score(ENGLISH["ter"], [SENTENCE], [SENTENCE]) == 0


def test_the_signature_names_tokenizer_and_version() -> None:
    metric = sacrebleu.metrics("en")["bleu"]
    corpus_score(metric, [SENTENCE], [SENTENCE])
    signature = sacrebleu.signature_of(metric)
    assert "tok:13a" in signature and f"version:{library.__version__}" in signature
    assert sacrebleu.signature_of(sacrebleu.SegmentMean("comet:x")) == "comet:x"


def test_bleu_of_an_example_worked_by_hand() -> None:
    # 6 tokens; n-gram precisions 5/6, 3/5, 1/4 and 0/3 (exp smoothing: 1/(2*3)), no brevity penalty
    score = corpus_score(ENGLISH["bleu"], ["the cat sat on a mat"], ["the cat sat in a mat"])
    assert score == pytest.approx(100 * (5 / 6 * 3 / 5 * 1 / 4 * 1 / 6) ** 0.25, rel=1e-6)


@pytest.mark.parametrize("counts", [(1, 2), (2, 1), (0, 0)])
def test_lists_of_unequal_length_or_without_lines_are_an_error(counts: tuple[int, int]) -> None:
    message = r"\d hypotheses against \d references \(file 1\); give as many"
    with pytest.raises(ValueError, match=message):
        corpus_score(ENGLISH["bleu"], ["a"] * counts[0], ["a"] * counts[1])
    with pytest.raises(ValueError, match=message):
        sacrebleu.segment_statistics(ENGLISH["bleu"], ["a"] * counts[0], [["a"] * counts[1]])


def test_a_segments_score_is_that_of_a_corpus_of_one_segment() -> None:
    hypotheses, references = ["ein Haus", "", "the cat sat"], ["ein Haus", "x", "the cat sits"]
    statistics = sacrebleu.segment_statistics(ENGLISH["chrf"], hypotheses, [references])
    assert sacrebleu.segment_scores(ENGLISH["chrf"], statistics) == pytest.approx(
        [
            library.corpus_chrf([text], [[reference]]).score
            for text, reference in zip(hypotheses, references, strict=True)
        ]
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("it", "13a"), ("zh", "zh"), ("zh-Hant", "zh"), ("th", "char"), ("ja", "char"),
        ("ko", "char"),
    ],
)  # fmt: skip
def test_the_tokenizer_follows_the_language(
    monkeypatch: pytest.MonkeyPatch, code: str, expected: str
) -> None:
    monkeypatch.setattr(sacrebleu, "find_spec", lambda module: None)  # no extras installed
    assert tokenizer(code) == expected


def test_with_its_extra_installed_japanese_is_tokenised_by_mecab(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sacrebleu, "find_spec", lambda module: module)
    assert tokenizer("ja") == "ja-mecab"


def test_chinese_is_scored_with_chinese_tokenizers() -> None:
    chinese = sacrebleu.metrics("zh-Hans")
    assert corpus_score(chinese["ter"], ["一二三四"], ["一二三五"]) == pytest.approx(25)
    assert "asian:yes" in sacrebleu.signature_of(chinese["ter"])
    corpus_score(chinese["bleu"], ["一二三四"], ["一二三五"])
    assert "tok:zh" in sacrebleu.signature_of(chinese["bleu"])
