"""Grades from literal tables, and laws of the table that is shipped."""

import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget import OffTarget
from ontarget.languages.names import is_known
from ontarget.offtarget.calibration import grades
from ontarget.offtarget.calibration.grades import Measured, band_of, is_larger, measured, warning
from ontarget.offtarget.ratio import Knowledge
from ontarget.stats import Proportion

SHIPPED: dict[str, Any] = json.loads(
    files("ontarget.offtarget.calibration").joinpath("grades.json").read_text(encoding="utf-8")
)
SHORT = [[9, 10], [8, 10], [7, 10], [6, 10]]  # of references that are no sentences


def entry(wrong: int, total: int, **found: tuple[int, int]) -> dict[str, Any]:
    """A language's counts: its sentences called off-target, and others' texts found."""
    halves = [wrong // 2, total // 2], [wrong - wrong // 2, total - total // 2]
    return {"floors": [*SHORT, *halves, [0, 0]], "found": found}


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A table in place of the shipped one, to be filled by the test."""
    languages: dict[str, Any] = {}
    monkeypatch.setattr(grades, "table", lambda: {"languages": languages})
    return languages


@pytest.mark.parametrize(
    ("wrong", "total", "grade"),
    [
        (0, 1000, "A"), (3, 1000, "A"), (4, 1000, "B"), (10, 1000, "B"), (11, 1000, "C"),
        (50, 1000, "C"), (51, 1000, "D"), (1000, 1000, "D"), (0, 50, "A"), (0, 49, "?"),
        (0, 0, "?"), (1, 50, "C"),
    ],
)  # fmt: skip
def test_a_grade_is_the_share_of_correct_sentences_called_off_target(
    table: dict[str, Any], wrong: int, total: int, grade: str
) -> None:
    table["it"] = entry(wrong, total)
    known = measured("it")
    assert known is not None and known.grade == grade
    assert known.floor == Proportion(wrong, total)  # short texts are none of it


def test_a_language_is_found_by_any_tag_of_it_or_its_script(table: dict[str, Any]) -> None:
    table |= {"it": entry(0, 100), "zh": entry(1, 100), "zh-Hant": entry(2, 100)}
    wrong = {
        code: known.floor.count if (known := measured(code)) else None
        for code in ("it", "ita_Latn", "it-CH", "zh", "zh-Hans", "zh-Hant", "zho_Hant", "nl", "xx")
    }
    assert wrong == {
        "it": 0, "ita_Latn": 0, "it-CH": 0, "zh": 1, "zh-Hans": 1, "zh-Hant": 2, "zho_Hant": 2,
        "nl": None, "xx": None,
    }  # fmt: skip


def known(*floors: tuple[int, int], **found: tuple[int, int]) -> Measured:
    counts = [*floors, *[(0, 0)] * (7 - len(floors))]
    return Measured(
        "it",
        tuple(Proportion(*each) for each in counts),
        {code: Proportion(*each) for code, each in found.items()},
    )


@pytest.mark.parametrize(
    ("bands", "expected"),
    [
        ({}, None), ({0: 0}, None),
        ({0: 5}, (50, 100)), ({1: 3}, (40, 400)),
        ({0: 1, 1: 1}, (150, 500)),  # half of 50 % and half of 10 %
        ({0: 1, 1: 3}, (100, 500)),  # 20 %
        ({0: 2, 1: 0}, (50, 100)),  # a band without texts is none
        ({0: 1, 2: 1}, None),  # one that was not measured
        ({0: 1, 2: 0}, (50, 100)),
        ({1: 999, 3: 1}, (41, 402)),  # 10.09 % of 402 is 40.6
        ({3: 1}, (2, 2)),
    ],
)  # fmt: skip
def test_a_floor_is_weighted_by_the_lengths_of_the_texts(
    bands: dict[int, int], expected: tuple[int, int] | None
) -> None:
    floor = known((50, 100), (40, 400), (0, 0), (2, 2)).floor_of(bands)
    assert floor == (None if expected is None else Proportion(*expected))


counts = st.tuples(st.integers(1, 400), st.integers(0, 100)).map(
    lambda pair: (pair[0] * pair[1] // 100, pair[0])
)


@given(
    st.lists(counts, min_size=7, max_size=7), st.lists(st.integers(0, 50), min_size=7, max_size=7)
)
def test_the_floor_is_the_mean_share_of_the_texts_to_half_a_count(
    floors: list[tuple[int, int]], numbers: list[int]
) -> None:
    floor = known(*floors).floor_of(dict(enumerate(numbers)))
    shares = [
        count / total
        for (count, total), number in zip(floors, numbers, strict=True)
        for _ in range(number)
    ]
    if not shares:
        assert floor is None
        return
    used = [total for (_, total), number in zip(floors, numbers, strict=True) if number]
    assert floor is not None and floor.total == sum(used)
    assert floor.count == pytest.approx(sum(used) * sum(shares) / len(shares), abs=0.5001)


def test_recall_is_that_of_the_languages_asked_for_else_of_all() -> None:
    language = known(en=(58, 60), de=(30, 60), nb=(10, 40), empty=(0, 0))
    assert language.recall(("en",)) == Proportion(58, 60)
    assert language.recall(("eng_Latn", "de-AT")) == Proportion(88, 120)
    assert language.recall(("en", "sw")) == Proportion(58, 60)
    assert language.recall(("sw",)) == Proportion(98, 160) == language.recall(())


def test_the_worst_and_the_confused_languages_are_those_found_least() -> None:
    language = known(en=(60, 60), de=(51, 60), ca=(50, 60), nb=(4, 40), empty=(0, 0))
    assert language.worst == ("nb", 10.0)
    assert language.confused == {"ca": pytest.approx(250 / 3), "nb": 10.0}  # not exactly 85 %
    assert known().worst == ("", 100.0) and known().confused == {}
    assert known().recall(("en",)) == Proportion(0, 0) == known().floor


@pytest.mark.parametrize(
    ("language", "others", "expected"),
    [
        ("it", ("en",), None),
        ("sw", ("en",), "the detector's errors in 'sw' were not measured"),
        ("yo", ("en",), "the detector's errors in 'yo' were not measured"),  # too few texts
        ("da", ("en", "de"), "'da' has grade D: 20.0 % of correct sentences are called off-target"),
        (
            "gl", ("en",),
            "'gl' has grade C: 2.0 % of correct sentences are called off-target; "
            "of 'es' text only 40 % is told from it",
        ),
        ("ms", ("en",), "'ms' has grade A: of 'id' text only 7 % is told from it"),
        ("id", ("en",), None),  # Malay's web is smaller, so that models do not fall back to it
        ("id", ("en", "ms"), "'id' has grade A: of 'ms' text only 10 % is told from it"),
        ("id", ("zsm_Latn",), "'id' has grade A: of 'ms' text only 10 % is told from it"),
    ],
)  # fmt: skip
def test_a_warning_names_what_makes_a_ratio_doubtful(
    table: dict[str, Any], language: str, others: tuple[str, ...], expected: str | None
) -> None:
    table |= {
        "it": entry(2, 1000, en=(60, 60)),
        "yo": entry(0, 40, en=(1, 60)),
        "da": entry(200, 1000, en=(60, 60), fo=(0, 60)),
        "gl": entry(20, 1000, en=(60, 60), es=(24, 60), ast=(1, 60)),
        "ms": entry(0, 1000, id=(4, 60)),
        "id": entry(0, 1000, ms=(6, 60)),
    }
    assert warning(language, others) == expected


@pytest.mark.parametrize(
    ("code", "other", "expected"),
    [
        ("en", "it", True), ("it", "en", False), ("it", "it", False), ("ceb", "xx", True),
        ("xx", "ceb", False), ("xx", "yy", False), ("eng_Latn", "ita", True),
        ("nb", "nn", True), ("sr-Latn", "hr", False), ("hr", "sr-Latn", True),
    ],
)  # fmt: skip
def test_the_larger_language_has_the_larger_web(code: str, other: str, expected: bool) -> None:
    assert is_larger(code, other) is expected


@pytest.mark.parametrize(
    ("length", "band"),
    [
        (0, 0), (9, 0), (10, 1), (14, 1), (15, 2), (19, 2), (20, 3), (39, 3), (40, 4), (79, 4),
        (80, 5), (159, 5), (160, 6), (100_000, 6),
    ],
)  # fmt: skip
def test_a_length_is_in_one_band(length: int, band: int) -> None:
    assert band_of("é" * length) == band


def test_the_shipped_grades_are_those_of_the_default_detector_in_force() -> None:
    signature = OffTarget(target_lang="it", source_lang="en").signature
    assert SHIPPED["signature"].split("|v:")[0] == signature.split("|v:")[0]


@pytest.mark.parametrize("code", SHIPPED["languages"])
def test_shipped_counts_are_possible_and_the_grade_follows_from_them(code: str) -> None:
    language = SHIPPED["languages"][code]
    assert set(language) == {"floors", "found"} and len(language["floors"]) == 7
    for count, total in (*language["floors"], *language["found"].values()):
        assert 0 <= count <= total
    assert is_known(code) and all(map(is_known, set(language["found"]) - {"*"}))
    wrong, sentences = (sum(each[place] for each in language["floors"][4:]) for place in (0, 1))
    found = measured(code)
    assert found is not None
    if found.grade == "A":
        assert sentences >= 50 and wrong <= 0.003 * sentences
    assert (found.grade == "?") is (sentences < 50)
    assert (found.floor.count, found.floor.total) == (wrong, sentences)


def test_the_languages_of_most_translations_have_the_best_grade() -> None:
    codes = "en de fr es it pt ru zh nl pl cs tr ar he ro sv".split()
    assert {code: known.grade for code in codes if (known := measured(code))} == dict.fromkeys(
        codes, "A"
    )


def test_the_metric_reports_what_was_measured_of_its_default_only() -> None:
    metric = OffTarget(target_lang="it", source_lang="en")
    known = metric.knowledge({4: 10})
    count, total = SHIPPED["languages"]["it"]["floors"][4]
    assert (known.grade, known.warning) == ("A", None)
    assert known.floor == Proportion(count, total)
    for options in ({"detector": "eldc"}, {"candidates": ["en", "it"]}):
        other = OffTarget(target_lang="it", source_lang="en", **options).knowledge({4: 10})
        assert other == Knowledge()
