"""Detectors measured on files of references: what is counted, and which input is an error."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from support.texts import TEXTS

from ontarget import OffTarget
from ontarget.analysis import calibrate
from ontarget.analysis.calibrate import (
    CachedIdentifier,
    MeasuredDetector,
    ReferenceFile,
    detectors_to_measure,
    measure,
    parse_references,
)
from ontarget.errors import CorpusError, DetectorError
from ontarget.offtarget import detectors
from ontarget.offtarget.detectors.base import Identifier, Probabilities
from ontarget.offtarget.detectors.fasttext import FastText

CODES = ("en", "it", "nl", "ro", "ru", "ja", "zh")
ROWS = [{code: TEXTS[code][number] for code in CODES} for number in range(4)]


class ConstantIdentifier:
    """An identifier that gives the same answer for every text and records the texts."""

    def __init__(self, probabilities: Probabilities, name: str = "constant") -> None:
        self.probabilities, self.name, self.candidate_set = probabilities, name, "open(1)"
        self.signature, self.shortest = f"lid:{name}", 15
        self.texts: list[str] = []

    def identify(self, texts: Sequence[str]) -> list[Probabilities]:
        self.texts += texts
        return [self.probabilities for _ in texts]


def replace_detectors(
    identifiers: dict[str, ConstantIdentifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detectors by name, in place of the real ones."""
    monkeypatch.setattr(detectors, "make_detector", lambda name, *_: identifiers[name])


def write_table(folder: Path, rows: list[dict[str, str]]) -> Path:
    codes = list(dict.fromkeys(code for row in rows for code in row))
    lines = [codes, *([row.get(code, "") for code in codes] for row in rows)]
    path = folder / "table.tsv"
    path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    return path


def write_lines(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def count(files: Sequence[ReferenceFile], measured: Sequence[MeasuredDetector]) -> int:
    return measure(files, measured, lambda done: None)


@pytest.mark.parametrize("target", [*CODES, "zh-Hant"])
@pytest.mark.parametrize("candidates", [None, [*CODES, "de"]])
def test_the_source_language_does_not_affect_whether_a_text_is_off_target(
    target: str, candidates: list[str] | None
) -> None:
    sentences = [text for texts in TEXTS.values() for text in texts]
    mixed = [f"{one} {two}" for one, two in zip(sentences, sentences[5:], strict=False)]
    outcomes = []
    for source in ("en", "de", "it", "zh", "ja"):
        if source[:2] != target[:2]:
            metric = OffTarget(
                target_lang=target, source_lang=source, pivot=source, candidates=candidates
            )
            judged = [segment.judged for segment in metric.judge(sentences + mixed)]
            outcomes.append([(one.is_off_target, one.verdict == "undecided") for one in judged])
    assert len(outcomes) >= 4 and all(outcome == outcomes[0] for outcome in outcomes)


def test_a_table_and_one_file_for_each_language_give_the_same_counts(tmp_path: Path) -> None:
    one, two = (detectors_to_measure(["fasttext", "paper"], [1], CODES, None) for _ in range(2))
    count([ReferenceFile(CODES, write_table(tmp_path, ROWS))], one)
    files = [
        ReferenceFile((code,), write_lines(tmp_path / f"{code}.txt", TEXTS[code])) for code in CODES
    ]
    progress: list[int] = []
    measure(files, two, progress.append)
    assert progress == sorted(progress) and progress[-1] == 28
    for a, b in zip(one, two, strict=True):
        assert a.calibration.verdicts == b.calibration.verdicts
        assert a.calibration.top == b.calibration.top
        assert a.calibration.verdicts.total() == 28 * 7
        assert a.calibration.top.total() == 28


def test_unambiguous_sentences_are_on_target_in_their_own_language_only(tmp_path: Path) -> None:
    (detector,) = detectors_to_measure(["fasttext"], [1], CODES, None)
    count([ReferenceFile(CODES, write_table(tmp_path, ROWS))], [detector])
    for language in CODES:
        for target in CODES:
            counts = detector.calibration.counts(language, target)
            assert (counts.on_target, counts.texts) == (4 * (language == target), 4)


def test_the_floor_is_the_metrics_ratio_on_the_references(tmp_path: Path) -> None:
    lines = [*TEXTS["it"], *TEXTS["nl"][:1], "OK 42", "Buongiorno a tutti"]
    (detector,) = detectors_to_measure(["fasttext"], [1], ["it"], None)
    count([ReferenceFile(("it",), write_lines(tmp_path / "it", lines))], [detector])
    score = OffTarget(target_lang="it", source_lang="en").corpus(lines)
    floor = detector.calibration.references("it").floor
    assert (floor.count, floor.total, floor.percent) == (score.count, score.judged, score.percent)
    assert (floor.count, floor.total) == (1, 6)


def test_a_text_that_two_languages_share_is_not_requested_in_the_other_one(tmp_path: Path) -> None:
    shared = {"it": "Mozilla Firefox Developer", "nl": " Mozilla  Firefox Developer"}
    path = write_table(tmp_path, [shared, {"it": TEXTS["it"][0], "nl": TEXTS["nl"][0]}])
    (detector,) = detectors_to_measure(["fasttext"], [1], ["it", "nl"], None)
    count([ReferenceFile(("it", "nl"), path)], [detector])
    assert detector.calibration.counts("it", "nl").texts == 1
    assert detector.calibration.references("it").texts == 2


def test_orthographies_of_one_language_are_not_requested_for_each_other(tmp_path: Path) -> None:
    codes = ("zh", "zh-Hant", "ja")
    files = [ReferenceFile((code,), write_lines(tmp_path / code, TEXTS[code])) for code in codes]
    (detector,) = detectors_to_measure(["fasttext"], [1], codes, None)
    count(files, [detector])
    assert list(detector.calibration.pairs(language="zh")) == ["ja"]
    assert detector.calibration.references("zh-Hant").on_target == 4


def test_a_detector_that_calls_everything_on_target_misses_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_detectors({"fasttext": ConstantIdentifier({"it": 0.5, "nl": 0.5})}, monkeypatch)
    (detector,) = detectors_to_measure(["fasttext"], [1], ["it", "nl"], None)
    files = [
        ReferenceFile((code,), write_lines(tmp_path / code, TEXTS[code] * 100))
        for code in ("it", "nl")
    ]
    count(files, [detector])
    calibration = detector.calibration
    assert calibration.references("it").floor.percent == 0
    assert calibration.off_trusted_from("it") == 40
    assert calibration.pairs(target="it")["nl"].missed.percent == 100
    assert calibration.on_trusted_from("it") is None


def test_each_text_is_identified_once_for_all_targets_rules_and_votes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = ConstantIdentifier({"it": 1.0}), ConstantIdentifier({"nl": 1.0}, "other")
    replace_detectors({"fasttext": one, "combined": one, "paper": one, "lingua": two}, monkeypatch)
    monkeypatch.setattr(calibrate, "ROWS_AT_ONCE", 2)
    codes = ("it", "nl", "ro")
    measured = detectors_to_measure(["combined", "lingua", "paper"], [1, 2], codes, None)
    names = [detector.name for detector in measured]
    assert names == ["combined", "combined+lingua", "lingua", "paper"]
    count([ReferenceFile(codes, write_table(tmp_path, ROWS))], measured)
    for identifier in (one, two):
        assert sorted(identifier.texts) == sorted(row[code] for row in ROWS for code in codes)
    caches = [one for metric in measured[1].metrics.values() for one in metric.detectors]
    assert all(isinstance(one, CachedIdentifier) and one.cache == {} for one in caches)


def test_with_two_votes_a_text_is_off_target_only_if_both_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = ConstantIdentifier({"it": 1.0}), ConstantIdentifier({"nl": 1.0}, "other")
    replace_detectors({"combined": one, "lingua": two}, monkeypatch)
    codes = ("it", "nl", "en")
    (detector,) = detectors_to_measure(["lingua", "combined"], [2], codes, None)
    count([ReferenceFile(codes, write_table(tmp_path, ROWS))], [detector])
    assert detector.name == "lingua+combined"
    off = {code: detector.calibration.references(code).off_target for code in codes}
    assert off == {"it": 0, "nl": 0, "en": 4}


def test_a_cached_identifier_answers_like_the_one_inside() -> None:
    inner: Identifier = FastText()
    cached: Identifier = CachedIdentifier(inner)
    texts = [*TEXTS["it"], TEXTS["it"][0], "", "42"]
    assert cached.identify(texts) == inner.identify(texts) == cached.identify(texts)
    assert cached.name == inner.name and cached.signature == inner.signature
    assert cached.candidate_set == inner.candidate_set


def test_the_candidates_are_the_same_for_every_target() -> None:
    (detector,) = detectors_to_measure(["fasttext"], [1], ["it", "nl", "ro"], ["en", "it"])
    candidate_sets = {
        one.candidate_set for metric in detector.metrics.values() for one in metric.detectors
    }
    assert candidate_sets == {"restricted(en,it,nl,ro)"}


def test_length_is_in_letters_and_an_ideograph_counts_as_three(tmp_path: Path) -> None:
    lines = ["a 1" * 9, "a. " * 10, "ab" * 7, "ab" * 8, "中" * 3, "中" * 4, "中" * 5, "ひ 7" * 7]
    (detector,) = detectors_to_measure(["paper"], [1], ["zh"], None)
    count([ReferenceFile(("zh",), write_lines(tmp_path / "zh", lines))], [detector])
    bands = [detector.calibration.references("zh", [band]).texts for band in range(7)]
    assert bands == [2, 3, 2, 1, 0, 0, 0]  # letters: 9 9, 10 14 12, 16 15, 21


def test_lines_without_text_are_counted_separately(tmp_path: Path) -> None:
    (detector,) = detectors_to_measure(["fasttext"], [1], ["it"], None)
    path = write_lines(tmp_path / "it", [*TEXTS["it"], "", "  "])
    assert count([ReferenceFile(("it",), path)], [detector]) == 2
    assert detector.calibration.references("it").texts == 4


def test_a_language_without_text_is_an_error(tmp_path: Path) -> None:
    path = write_table(tmp_path, [{"it": text, "nl": ""} for text in TEXTS["it"]])
    measured = detectors_to_measure(["fasttext"], [1], ["it", "nl"], None)
    with pytest.raises(CorpusError, match=r"table.tsv: no text in nl; give references that have"):
        count([ReferenceFile(("it", "nl"), path)], measured)


def test_a_missing_last_file_is_reported_before_the_first_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "ROWS_AT_ONCE", 2)
    measured = detectors_to_measure(["fasttext"], [1], ["it", "nl"], None)
    files = [
        ReferenceFile(("it",), write_lines(tmp_path / "it", TEXTS["it"])),
        ReferenceFile(("nl",), tmp_path / "none"),
    ]
    with pytest.raises(CorpusError, match="none: No such file"):
        count(files, measured)
    assert not measured[0].calibration.verdicts


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("it=a=b.txt", ReferenceFile(("it",), Path("a=b.txt"))),
        ("en,it=dev.tsv.gz", ReferenceFile(("en", "it"), Path("dev.tsv.gz"))),
    ],
)
def test_a_references_option_names_languages_and_a_file(
    option: str, expected: ReferenceFile
) -> None:
    assert parse_references(option) == expected


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("ref.it", "--references ref.it: expected CODE=FILE, or CODE,CODE,...=TABLE, as it=ref.it"),
        ("it=", "--references it=: expected CODE=FILE"),
        ("=ref.it", "--references =ref.it: expected CODE=FILE"),
        ("it,=dev.tsv", "--references it,=dev.tsv: expected CODE=FILE"),
        ("it,it=dev.tsv", "a language is named twice; name it once"),
        (
            "it,nl=ref.txt",
            "several languages need a table; expected a name ending in .tsv, .tab",
        ),
    ],
)
def test_a_references_option_in_another_form_is_an_error(option: str, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        parse_references(option)
    assert message in str(caught.value)


def test_a_language_that_a_detector_does_not_know_is_an_error() -> None:
    with pytest.raises(DetectorError, match="the detector fasttext does not know 'zu', so every"):
        detectors_to_measure(["fasttext"], [1], ["it", "zu"], None)
    with pytest.raises(DetectorError, match="CLDR knows no language 'xx'"):
        detectors_to_measure(["fasttext"], [1], ["xx"], None)
    with pytest.raises(DetectorError, match="the detector paper asks lid.176 alone"):
        detectors_to_measure(["paper"], [2], ["it"], None)
