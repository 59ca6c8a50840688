"""The language rule's view of single texts, and of whole columns."""

import pytest
from support.cleaning import ENGLISH, GERMAN, ITALIAN, a_row

from ontarget.data.cleaning.languages import FEWEST, check_columns, faults, language_name
from ontarget.errors import CorpusError
from ontarget.records import Parallel


def columns(count: int, **texts: str) -> list[Parallel]:
    """Rows with these texts, told apart by a number."""
    return [
        a_row(number, **{code: f"{text} {number}." for code, text in texts.items()})
        for number in range(count)
    ]


def test_a_text_in_another_language_is_named_and_others_have_no_fault() -> None:
    assert faults([ITALIAN, GERMAN, "OK", ENGLISH], "it") == ["", "German", "", "English"]


def test_a_text_in_several_languages_is_a_fault() -> None:
    assert faults([f"{ITALIAN} " * 3 + f"{GERMAN} " * 3], "it") == ["several languages"]


def test_languages_that_no_detector_knows_have_no_faults() -> None:
    assert faults([ITALIAN, GERMAN], "tlh") == ["", ""]
    check_columns(columns(50, tlh=ITALIAN), "c.tsv")


def test_a_label_that_cldr_does_not_name_is_shown_as_it_is() -> None:
    assert language_name("de") == "German"
    assert language_name("xyzzy") == "xyzzy"


def test_swapped_columns_are_an_error() -> None:
    with pytest.raises(CorpusError) as error:
        check_columns(columns(50, en=ITALIAN, it=ENGLISH), "c.tsv")
    assert str(error.value) == (
        "c.tsv: 'en' looks 100 % Italian in its first 50 texts; name its language rightly, or "
        "leave it out"
    )


def test_a_column_in_its_own_language_is_none_and_neither_are_few_or_short_texts() -> None:
    check_columns(columns(50, en=ENGLISH, it=ITALIAN, de=GERMAN), "c.tsv")
    check_columns(columns(FEWEST - 1, it=GERMAN), "c.tsv")
    check_columns([a_row(number, it="Ja") for number in range(50)], "c.tsv")
    check_columns([], "c.tsv")


@pytest.mark.parametrize(("wrong", "refused"), [(20, False), (21, True)])
def test_a_column_is_refused_if_most_of_its_texts_are_in_one_other_language(
    wrong: int, *, refused: bool
) -> None:
    rows = columns(40 - wrong, it=ITALIAN) + columns(wrong, it=GERMAN)
    if refused:
        with pytest.raises(CorpusError, match="'it' looks 52 % German in its first 40 texts"):
            check_columns(rows, "c.tsv")
    else:
        check_columns(rows, "c.tsv")
