"""Files of references to counts: what is asked of detectors, and what is refused."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from support.texts import TEXTS

from ontarget import OffTarget
from ontarget.analysis import calibrate
from ontarget.analysis.calibrate import (
    CachedIdentifier,
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


class Says:
    """A detector that finds one language in everything, and counts what it was asked."""

    def __init__(self, code: str, name: str = "says") -> None:
        self.code, self.name, self.answers, self.asked = code, name, "open(1)", list[str]()
        self.signature = f"lid:{name}"

    def identify(self, texts: Sequence[str]) -> list[Probabilities]:
        self.asked += texts
        return [{self.code: 1.0} if self.code else {} for _ in texts]


def table(folder: Path, rows: list[dict[str, str]], name: str = "table.tsv") -> Path:
    codes = list(dict.fromkeys(code for row in rows for code in row))
    lines = [codes, *([row.get(code, "") for code in codes] for row in rows)]
    path = folder / name
    path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    return path


def text(folder: Path, lines: list[str], name: str) -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


ROWS = [{code: TEXTS[code][number] for code in CODES} for number in range(4)]


@pytest.mark.parametrize("target", [*CODES, "zh-Hant"])
@pytest.mark.parametrize("candidates", [None, [*CODES, "de"]])
def test_off_target_or_not_hangs_on_no_source(target: str, candidates: list[str] | None) -> None:
    sentences = [each for texts in TEXTS.values() for each in texts]
    mixed = [f"{one} {two}" for one, two in zip(sentences, sentences[5:], strict=False)]
    found = []
    for source in ("en", "de", "it", "zh", "ja"):
        if source[:2] != target[:2]:
            metric = OffTarget(
                target_lang=target, source_lang=source, pivot=source, candidates=candidates
            )
            judged = [each.judged for each in metric.judge(sentences + mixed)]
            found.append([(each.is_off_target, each.verdict == "undecided") for each in judged])
    assert len(found) >= 4 and all(each == found[0] for each in found)


def test_a_table_and_a_text_a_language_give_the_same_counts(tmp_path: Path) -> None:
    one, two = (detectors_to_measure(["fasttext", "paper"], [1], CODES, None) for _ in range(2))
    measure([ReferenceFile(CODES, table(tmp_path, ROWS))], one, lambda done: None)
    files = [ReferenceFile((x,), text(tmp_path, TEXTS[x], f"{x}.txt")) for x in CODES]
    told: list[int] = []
    measure(files, two, told.append)
    assert told == sorted(told) and told[-1] == 28
    for a, b in zip(one, two, strict=True):
        assert a.calibration.verdicts == b.calibration.verdicts
        assert a.calibration.top == b.calibration.top
        assert a.calibration.verdicts.total() == 28 * 7
        assert a.calibration.top.total() == 28


def test_sentences_of_no_doubt_are_on_target_in_their_language_alone(tmp_path: Path) -> None:
    (found,) = detectors_to_measure(["fasttext"], [1], CODES, None)
    measure([ReferenceFile(CODES, table(tmp_path, ROWS))], [found], lambda done: None)
    for language in CODES:
        for target in CODES:
            counts = found.calibration.counts(language, target)
            assert (counts.on_target, counts.texts) == (4 * (language == target), 4)


def test_the_floor_is_that_of_the_metric(tmp_path: Path) -> None:
    lines = [*TEXTS["it"], *TEXTS["nl"][:1], "OK 42", "Buongiorno a tutti"]
    (found,) = detectors_to_measure(["fasttext"], [1], ["it"], None)
    measure([ReferenceFile(("it",), text(tmp_path, lines, "it"))], [found], lambda done: None)
    score = OffTarget(target_lang="it", source_lang="en").corpus(lines)
    floor = found.calibration.references("it").floor
    assert (floor.count, floor.of, floor.percent) == (score.count, score.judged, score.percent)
    assert floor.count == 1 and floor.of == 6


def test_what_two_languages_write_alike_is_missed_by_neither(tmp_path: Path) -> None:
    alike = {"it": "Mozilla Firefox Developer", "nl": " Mozilla  Firefox Developer"}
    path = table(tmp_path, [alike, {"it": TEXTS["it"][0], "nl": TEXTS["nl"][0]}])
    (found,) = detectors_to_measure(["fasttext"], [1], ["it", "nl"], None)
    measure([ReferenceFile(("it", "nl"), path)], [found], lambda done: None)
    assert found.calibration.counts("it", "nl").texts == 1
    assert found.calibration.references("it").texts == 2


def test_orthographies_of_one_language_are_not_asked_for_each_other(tmp_path: Path) -> None:
    files = [ReferenceFile((x,), text(tmp_path, TEXTS[x], x)) for x in ("zh", "zh-Hant", "ja")]
    (found,) = detectors_to_measure(["fasttext"], [1], ["zh", "zh-Hant", "ja"], None)
    measure(files, [found], lambda done: None)
    assert list(found.calibration.pairs(language="zh")) == ["ja"]
    assert found.calibration.references("zh-Hant").on_target == 4


def says(found: dict[str, Says], monkeypatch: pytest.MonkeyPatch) -> None:
    """Detectors by name, in place of the real ones."""
    monkeypatch.setattr(detectors, "make_detector", lambda name, candidates: found[name])


def test_a_detector_that_never_says_off_target_misses_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Agrees(Says):
        def identify(self, texts: Sequence[str]) -> list[Probabilities]:
            return [{"it": 0.5, "nl": 0.5} for _ in texts]

    says({"fasttext": Agrees("")}, monkeypatch)
    (found,) = detectors_to_measure(["fasttext"], [1], ["it", "nl"], None)
    files = [ReferenceFile((x,), text(tmp_path, TEXTS[x] * 100, x)) for x in ("it", "nl")]
    measure(files, [found], lambda done: None)
    calibration = found.calibration
    assert calibration.references("it").floor.percent == 0
    assert calibration.off_trusted_from("it") == 40
    assert calibration.pairs(target="it")["nl"].missed.percent == 100
    assert calibration.on_trusted_from("it") is None


def test_a_text_is_asked_about_once_whatever_the_targets_and_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = Says("it"), Says("nl", "other")
    says({"fasttext": one, "paper": one, "lingua": two}, monkeypatch)
    monkeypatch.setattr(calibrate, "ROWS", 2)
    found = detectors_to_measure(["fasttext", "lingua", "paper"], [1, 2], ["it", "nl", "ro"], None)
    assert [each.name for each in found] == ["fasttext", "fasttext+lingua", "lingua", "paper"]
    measure([ReferenceFile(("it", "nl", "ro"), table(tmp_path, ROWS))], found, lambda done: None)
    for each in (one, two):
        assert sorted(each.asked) == sorted(row[x] for row in ROWS for x in ("it", "nl", "ro"))
    kept = [each for metric in found[1].metrics.values() for each in metric.detectors]
    assert all(isinstance(each, CachedIdentifier) and each.known == {} for each in kept)


def test_two_votes_are_off_target_where_both_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says({"fasttext": Says("it"), "lingua": Says("nl", "other")}, monkeypatch)
    (found,) = detectors_to_measure(["lingua", "fasttext"], [2], ["it", "nl", "ro"], None)
    measure([ReferenceFile(("it", "nl", "ro"), table(tmp_path, ROWS))], [found], lambda done: None)
    assert found.name == "lingua+fasttext"
    off = {code: found.calibration.references(code).off_target for code in ("it", "nl", "ro")}
    assert off == {"it": 0, "nl": 0, "ro": 4}


def test_an_identifier_asked_once_answers_as_ever() -> None:
    bare: Identifier = FastText()
    once: Identifier = CachedIdentifier(bare)
    texts = [*TEXTS["it"], TEXTS["it"][0], "", "42"]
    assert once.identify(texts) == bare.identify(texts) == once.identify(texts)
    assert (once.name, once.answers, once.signature) == (bare.name, bare.answers, bare.signature)


def test_candidates_are_the_same_for_each_target() -> None:
    (found,) = detectors_to_measure(["fasttext"], [1], ["it", "nl", "ro"], ["en", "it"])
    answers = {each.answers for metric in found.metrics.values() for each in metric.detectors}
    assert answers == {"restricted(en,it,nl,ro)"}


def test_lengths_are_letters_and_an_ideograph_is_three(tmp_path: Path) -> None:
    lines = ["a 1" * 9, "a. " * 10, "ab" * 7, "ab" * 8, "中" * 3, "中" * 4, "中" * 5, "ひ 7" * 7]
    (found,) = detectors_to_measure(["paper"], [1], ["zh"], None)
    measure([ReferenceFile(("zh",), text(tmp_path, lines, "zh"))], [found], lambda done: None)
    bands = [found.calibration.references("zh", [band]).texts for band in range(7)]
    assert bands == [2, 3, 2, 1, 0, 0, 0]  # letters: 9 9, 10 14 12, 16 15, 21


def test_lines_without_text_are_counted(tmp_path: Path) -> None:
    (found,) = detectors_to_measure(["fasttext"], [1], ["it"], None)
    path = text(tmp_path, [*TEXTS["it"], "", "  "], "it")
    assert measure([ReferenceFile(("it",), path)], [found], lambda done: None) == 2
    assert found.calibration.references("it").texts == 4


def test_a_language_without_text_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, [{"it": each, "nl": ""} for each in TEXTS["it"]])
    found = detectors_to_measure(["fasttext"], [1], ["it", "nl"], None)
    with pytest.raises(CorpusError, match=r"table.tsv: no text in nl; give references that have"):
        measure([ReferenceFile(("it", "nl"), path)], found, lambda done: None)


def test_a_bad_last_file_is_found_before_the_first_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "ROWS", 2)
    found = detectors_to_measure(["fasttext"], [1], ["it", "nl"], None)
    files = [ReferenceFile(("it",), text(tmp_path, TEXTS["it"], "it"))]
    files += [ReferenceFile(("nl",), tmp_path / "none")]
    with pytest.raises(CorpusError, match="none: No such file"):
        measure(files, found, lambda done: None)
    assert not found[0].calibration.verdicts


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("it=a=b.txt", ReferenceFile(("it",), Path("a=b.txt"))),
        ("en,it=dev.tsv.gz", ReferenceFile(("en", "it"), Path("dev.tsv.gz"))),
    ],
)
def test_references_name_their_languages(given: str, wanted: ReferenceFile) -> None:
    assert parse_references(given) == wanted


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("ref.it", "--references ref.it: expected CODE=FILE, or CODE,CODE,...=TABLE, as it=ref.it"),
        ("it=", "--references it=: expected CODE=FILE"),
        ("=ref.it", "--references =ref.it: expected CODE=FILE"),
        ("it,=dev.tsv", "--references it,=dev.tsv: expected CODE=FILE"),
        ("it,it=dev.tsv", "a language stands there twice; name it once"),
        ("it,nl=ref.txt", "several languages, but the name is of no table; expected an ending of"),
    ],
)
def test_references_in_another_form_are_refused(given: str, message: str) -> None:
    with pytest.raises(CorpusError) as raised:
        parse_references(given)
    assert message in str(raised.value)


def test_a_language_that_a_detector_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(DetectorError, match="the detector fasttext does not know 'zu', so every"):
        detectors_to_measure(["fasttext"], [1], ["it", "zu"], None)
    with pytest.raises(DetectorError, match="CLDR knows no language 'xx'"):
        detectors_to_measure(["fasttext"], [1], ["xx"], None)
    with pytest.raises(DetectorError, match="the detector paper asks lid.176 alone"):
        detectors_to_measure(["paper"], [2], ["it"], None)
