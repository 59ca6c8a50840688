"""heliport, by a stand-in for its module: it is GPL-3 and not installed here."""

import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError
from types import ModuleType

import pytest

from ontarget import OffTarget
from ontarget.errors import DetectorError
from ontarget.offtarget import detectors
from ontarget.offtarget.detectors.base import Identifier
from ontarget.offtarget.detectors.heliport import Heliport, heliport_knows, load_heliport

LABELS = ["eng", "ita", "nob", "nno", "cmn", "zxx", "und", "ekk", "est"]
RANKED = {  # mean negative log10-probability of a word: lower is better
    "due parole": [("ita", 2.0), ("eng", 2.5), ("nob", 3.0), ("nno", 3.5), ("ekk", 6.0)],
    "una": [("ita", 2.0), ("eng", 3.0)],
    "42": [("zxx", 0.0), ("ita", 4.0)],
    "??": [("und", 0.0)],
    "eesti": [("ekk", 1.0), ("ita", 1.0), ("est", 1.0)],
    "kinesisk": [("cmn", 1.0), ("yue", 1.0)],
}


class StandIn:
    """What is used of heliport.Identifier."""

    loads = 0

    def __init__(self) -> None:
        StandIn.loads += 1

    def get_confidence_all(self) -> dict[str, float]:
        return dict.fromkeys([*LABELS, "eng_more"], 0.5)

    def identify_topk_with_score(self, text: str, k: int) -> Sequence[tuple[str, float]]:
        assert k == 8
        return RANKED.get(text, [])


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    module = ModuleType("heliport")
    module.Identifier = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "heliport", module)
    monkeypatch.setattr("ontarget.offtarget.detectors.heliport.version", lambda _: "0.9.1")
    StandIn.loads = 0
    load_heliport.cache_clear()
    yield
    load_heliport.cache_clear()


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("ontarget.offtarget.detectors.heliport.version", version)
    load_heliport.cache_clear()
    yield
    load_heliport.cache_clear()


@pytest.mark.usefixtures("installed")
def test_a_point_of_the_score_is_a_power_of_ten_for_each_word() -> None:
    two, one = Heliport().identify(["due parole", "una"])
    # two words: 1, 10 ** -1, 10 ** -2, 10 ** -3; Estonian's 10 ** -8 is below 1 %
    assert two == pytest.approx({"it": 1 / 1.111, "en": 0.1 / 1.111}, rel=1e-6)
    assert one == pytest.approx({"it": 1 / 1.1, "en": 0.1 / 1.1})
    assert list(two) == ["it", "en"]


@pytest.mark.usefixtures("installed")
def test_text_without_a_language_has_no_probabilities() -> None:
    assert Heliport().identify(["42", "??", "nothing ranked", ""]) == [{}, {}, {}, {}]


@pytest.mark.usefixtures("installed")
def test_labels_of_one_language_are_added_and_unknown_ones_left_out() -> None:
    (answer,) = Heliport().identify(["eesti"])
    assert answer == pytest.approx({"et": 2 / 3, "it": 1 / 3})
    (answer,) = Heliport().identify(["kinesisk"])
    assert answer == pytest.approx({"zh": 0.5})  # yue is none of the model's labels
    (answer,) = Heliport(["nb", "zh-Hant"]).identify(["kinesisk"])
    assert answer == pytest.approx({"zh-Hant": 0.5})


@pytest.mark.usefixtures("installed")
def test_candidates_keep_the_probabilities_that_they_had_among_all() -> None:
    detector = Heliport(["en", "nl"])
    assert detector.identify(["una"]) == [pytest.approx({"en": 0.1 / 1.1})]
    assert detector.candidate_set == "restricted(en,nl)"
    assert detector.signature == "lid:heliport-0.9.1|set:restricted(en,nl)"
    assert isinstance(detector, Identifier) and Heliport().candidate_set == "open(7)"


@pytest.mark.usefixtures("installed")
def test_it_is_loaded_once_and_knows_the_languages_of_its_labels() -> None:
    known = ("en", "eng_Latn", "it", "nb", "nn", "zh-Hant", "et")
    assert all(map(heliport_knows, known))
    assert not any(map(heliport_knows, ("nl", "zxx", "und", "xx")))
    Heliport(), Heliport(["it"])
    assert StandIn.loads == 1


@pytest.mark.usefixtures("installed")
def test_the_metric_judges_with_it_by_name() -> None:
    metric = OffTarget(target_lang="it", source_lang="en", detector="heliport")
    assert metric.signature.startswith("lid:heliport-0.9.1|set:open(7)|votes:1|")
    with pytest.raises(DetectorError, match="the detector heliport does not know 'nl'"):
        OffTarget(target_lang="it", source_lang="nl", detector="heliport")


@pytest.mark.usefixtures("missing")
def test_without_it_the_error_says_how_to_install_it() -> None:
    message = r"^the detector heliport is not installed; run pip install heliport \(GPL-3\)$"
    with pytest.raises(DetectorError, match=message):
        detectors.make_detector("heliport", None)
    with pytest.raises(DetectorError, match=message):
        OffTarget(target_lang="it", source_lang="en", detector="heliport")
    assert not heliport_knows("it") and not detectors.knows("heliport", "it")
