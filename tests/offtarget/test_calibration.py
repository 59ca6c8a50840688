"""The counts of a calibration against going through its texts one by one."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.offtarget.calibration import EDGES, Calibration, band_of
from ontarget.offtarget.verdicts import Judgement, Verdict
from ontarget.report.render import calibration
from ontarget.stats import Proportion

LANGUAGES = ("it", "nl", "uk")
KINDS = {
    "on": Judgement(Verdict.ON_TARGET, "it"),
    "off": Judgement(Verdict.OTHER, "ro"),
    "mixed": Judgement(Verdict.MIXED, ""),
    "empty": Judgement(Verdict.EMPTY, ""),
    "undecided": Judgement(Verdict.UNDECIDED, ""),
}
texts = st.lists(
    st.tuples(
        st.sampled_from(LANGUAGES),
        st.sampled_from(LANGUAGES),
        st.integers(0, 300),
        st.sampled_from(list(KINDS)),
    ),
    max_size=80,
)
Text = tuple[str, str, int, str]


def counted(found: list[Text]) -> Calibration:
    calibration = Calibration()
    for language, target, length, kind in found:
        calibration.add((language, target), length, KINDS[kind])
    return calibration


def many(language: str, target: str, length: int, *, on: int, off: int = 0) -> list[Text]:
    return [(language, target, length, "on")] * on + [(language, target, length, "off")] * off


@given(texts)
def test_each_text_is_counted_once_in_its_band(found: list[Text]) -> None:
    calibration = counted(found)
    limits = [*EDGES, 10**9]
    for language in LANGUAGES:
        for target in LANGUAGES:
            for number in range(len(EDGES)):
                kinds = [
                    kind
                    for one, two, length, kind in found
                    if (one, two) == (language, target)
                    and limits[number] <= length < limits[number + 1]
                ]
                counts = calibration.counts(language, target, [number])
                assert counts.texts == len(kinds)
                assert counts.on_target == kinds.count("on")
                assert counts.undecided == kinds.count("undecided")


@given(texts)
def test_floor_and_missed_are_shares_of_what_was_judged(found: list[Text]) -> None:
    calibration = counted(found)
    judged = [each for each in found if each[3] != "undecided"]
    for target in LANGUAGES:
        own = [kind for one, two, _, kind in judged if one == two == target]
        floor = calibration.references(target).floor
        assert (floor.count, floor.of) == (len([x for x in own if x != "on"]), len(own))
        if own:
            wrong = sum(kind != "on" for kind in own)
            assert floor.percent == pytest.approx(float(100 * Fraction(wrong, len(own))))
        else:
            assert floor.percent is None is floor.interval
        by_target, by_language = (
            calibration.pairs(target=target), calibration.pairs(language=target),
        )  # fmt: skip
        for other in set(LANGUAGES) - {target}:
            for pairs, pair in ((by_target, (other, target)), (by_language, (target, other))):
                kinds = [kind for one, two, _, kind in judged if (one, two) == pair]
                if kinds:
                    assert pairs[other].missed == Proportion(kinds.count("on"), len(kinds))
        for pairs in (by_target, by_language):
            assert target not in pairs
            shown = [each.missed.percent or 0 for each in pairs.values()]
            assert shown == sorted(shown, reverse=True)


def test_bands_begin_at_their_edges() -> None:
    assert [band_of(length) for length in (0, 9, 10, 14, 15, 19, 20, 39, 40, 159, 160, 9999)] == [
        0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 6,
    ]  # fmt: skip


def test_a_verdict_is_trusted_from_the_first_band_that_errs_at_most_once_in_a_hundred() -> None:
    found = many("it", "it", 50, on=2000, off=5) + many("it", "it", 30, on=989, off=10)
    assert counted(found).off_trusted_from("it") == 40  # 20-39: 1.001 %
    found += many("it", "it", 30, on=1)
    assert counted(found).off_trusted_from("it") == 20  # 1.0 %, and 0.5 % together, at most 0.8


def test_few_texts_are_no_reason_for_trust() -> None:
    """None of 380 is at most 1.0 %, none of 381 is less (Wilson's upper bound z2 / (n + z2))."""
    assert counted(many("it", "it", 50, on=380)).off_trusted_from("it") is None
    assert counted(many("it", "it", 50, on=381)).off_trusted_from("it") == 40


def test_a_longer_band_that_errs_ends_the_trust_in_shorter_ones() -> None:
    found = many("it", "it", 50, on=90, off=1) + many("it", "it", 30, on=9999)
    assert counted(found).off_trusted_from("it") is None


def test_bands_where_nothing_was_judged_are_not_trusted() -> None:
    found = many("it", "it", 50, on=1000) + [("it", "it", 5, "undecided")] * 1000
    assert counted(found).off_trusted_from("it") == 40


def test_a_detector_that_calls_everything_on_target_is_not_trusted_when_it_does() -> None:
    found = many("it", "it", 50, on=1000)
    others = many("nl", "it", 50, on=0, off=1000)
    assert counted(found + others).on_trusted_from("it") == 40
    assert counted(found + many("nl", "it", 50, on=1000)).on_trusted_from("it") is None
    assert counted(found + others + many("it", "nl", 50, on=1000)).on_trusted_from("it") == 40


def test_the_other_language_that_passes_longest_decides() -> None:
    found = many("nl", "it", 50, on=0, off=1000) + many("uk", "it", 200, on=0, off=1000)
    assert counted(found).on_trusted_from("it") == 160
    assert counted(found + many("ro", "it", 50, on=2, off=98)).on_trusted_from("it") is None


def test_without_another_language_nothing_is_known_of_what_passes() -> None:
    assert counted(many("it", "it", 50, on=1000)).on_trusted_from("it") is None


def test_the_top_label_is_right_where_it_means_the_language() -> None:
    calibration = Calibration()
    for shares in ({"yue": 0.6, "ja": 0.4}, {"ja": 0.6, "zh": 0.4}, {}, {"zh": 1.0}):
        calibration.add_top("zh", 30, shares)
    assert calibration.top_label("zh") == Proportion(2, 4)
    assert calibration.top_label("zh", [0]).percent is None


FOUND = counted(
    many("it", "it", 50, on=990, off=10)
    + many("nl", "it", 50, on=1, off=999)
    + many("uk", "it", 50, on=0, off=1000)
    + [("nl", "uk", 12, "undecided")] * 7
)


def test_the_table_has_a_cell_a_band_and_the_worst_targets_first() -> None:
    text = calibration.markdown({"a|b": ("lid:x|v:1", FOUND)}, ["it", "nl"])
    assert "## a\\|b\n\nlid:x\\|v:1\n" in text
    assert "| 99.0 (98.2-99.5) / 1.0 / 1000 |" in text
    assert "| it | - | - | - | - | 99.0" in text
    assert "\n| nl | it 0.1 (0.0-0.6) / 1000 |\n" in text  # uk: nothing judged


def test_json_holds_every_number_with_what_it_is_of() -> None:
    content = json.loads(calibration.json_text({"x": ("lid:x", FOUND)}, ["it", "nl"]))
    (found,) = content["detectors"]
    of_it, of_nl = found["languages"]
    assert list(found) == ["detector", "signature", "languages"]
    assert of_it["floor"]["count"] == 10 and of_it["floor"]["of"] == 1000
    assert of_it["off_target_trusted_from"] is None  # 1.0 %, at most 1.8
    assert of_it["on_target_trusted_from"] == 40
    assert [each["from"] for each in of_it["bands"]] == list(EDGES)
    assert [each["texts"] for each in of_it["bands"]] == [0, 0, 0, 0, 1000, 0, 0]
    assert of_it["bands"][0]["right"]["percent"] is None
    assert of_nl["asked_for"]["uk"] == {
        "texts": 7,
        "missed": {"percent": None, "low": None, "high": None, "count": 0, "of": 0},
    }
    assert of_nl["asked_for"]["it"]["missed"]["percent"] == pytest.approx(0.1)


def test_references_that_no_detector_takes_for_their_language_are_pointed_out() -> None:
    swapped = counted(many("nl", "nl", 50, on=40, off=60))
    good = counted(many("nl", "nl", 50, on=60, off=40))
    named = {"x": ("", swapped)}
    (line,) = calibration.reference_warnings(named, ["nl"], 0)
    assert "more than half of the references in nl" in line and "most of them ro" in line
    assert calibration.reference_warnings({**named, "y": ("", good)}, ["nl"], 0) == []
    assert calibration.reference_warnings({}, [], 1200) == ["lines without text, left out: 1,200"]


def test_what_passes_of_other_languages_is_shown_only_where_there_are_others() -> None:
    alone = counted(many("nl", "nl", 50, on=40))
    assert "is missed most" not in calibration.markdown({"x": ("", alone)}, ["nl"])
    both = counted(many("nl", "nl", 50, on=40) + many("nl", "it", 50, on=1, off=39))
    assert "| nl | it 2.5 (" in calibration.markdown({"x": ("", both)}, ["nl", "it"])
