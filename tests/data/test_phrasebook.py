"""The embedded corpus: deterministic, multi-parallel, splits without overlap, real language."""

import pytest
from babel import Locale
from hypothesis import given, settings
from hypothesis import strategies as st

from ontarget.data.readers import phrasebook
from ontarget.data.readers.phrasebook import compose_rows
from ontarget.errors import CorpusError

FIVE = ("en", "it", "nl", "ro", "de")


@settings(max_examples=10)
@given(st.integers(0, 2**32))
def test_the_rows_depend_on_the_seed_only(seed: int) -> None:
    first = list(compose_rows(FIVE, seed, held_out=5, train=20, glossary=5))
    assert first == list(compose_rows(FIVE, seed, held_out=5, train=20, glossary=5))
    assert first != list(compose_rows(FIVE, seed + 1, held_out=5, train=20, glossary=5))


def test_a_row_does_not_depend_on_how_many_follow() -> None:
    few, many = (list(compose_rows(FIVE, 1, held_out=20, train=n, glossary=0)) for n in (10, 300))
    assert many[:30] == few


@pytest.mark.parametrize("languages", [FIVE, ("en", "fr", "uk", "zh-Hans", "ar", "fi")])
def test_held_out_sentences_are_unique_and_in_no_other_split(languages: tuple[str, ...]) -> None:
    rows = list(compose_rows(languages, 3, held_out=100, train=1500, glossary=1500))
    assert len({row.key for row in rows}) == 3100
    assert all(tuple(row.texts) == languages and all(row.texts.values()) for row in rows)
    for language in languages:
        held_out = {row.texts[language] for row in rows[:100]}
        assert len(held_out) == 100
        assert not held_out & {row.texts[language] for row in rows[100:]}


def test_a_row_has_the_same_numbers_in_every_language() -> None:
    """Numbers can be compared without knowing the languages."""
    for row in compose_rows(("en", "it", "nl", "de"), 5, held_out=0, train=200, glossary=100):
        digits = {tuple(sorted(filter(str.isdigit, text))) for text in row.texts.values()}
        assert len(digits) == 1, row.texts


def test_names_of_countries_are_those_of_cldr() -> None:
    rows = list(compose_rows(("en", "ro"), 0, held_out=0, train=200, glossary=200))
    names = Locale.parse("ro").territories
    english = Locale.parse("en").territories
    for code in ("NL", "UA", "CH"):
        with_country = [row for row in rows if english[code] in row.texts["en"]]
        assert with_country
        assert all(names[code] in row.texts["ro"] for row in with_country)


@pytest.mark.parametrize(
    "language", ["en", "it", "nl", "ro", "de", "zh-Hans", "ja", "ar", "hi", "tr"]
)
def test_every_unit_is_written_in_words(language: str) -> None:
    """Babel gives "87 duration-hour" for Dutch hours in the long form."""
    for unit in phrasebook.UNITS:
        for number in (2, 5, 87):
            assert unit not in phrasebook.in_unit(number, unit, phrasebook.cldr_locale(language))


def test_more_sentences_than_can_be_composed_are_an_error() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phrasebook, "KINDS", (phrasebook.weekday,) * 3)
        patch.setattr(phrasebook, "PHRASES", 1)
        with pytest.raises(CorpusError, match="only 7 distinct sentences possible, 8 requested; "):
            list(compose_rows(FIVE, 0, held_out=8, train=0, glossary=0))


@pytest.mark.parametrize(("language", "kind"), [("oc", "language"), ("os", "country")])
def test_a_language_with_too_little_in_cldr_is_an_error(language: str, kind: str) -> None:
    message = rf"CLDR's '{language}' has no name for the {kind} '\w+' \(and \d+ more\); leave the"
    with pytest.raises(CorpusError, match=message):
        phrasebook.cldr_locale(language)


def test_an_unknown_language_is_an_error() -> None:
    with pytest.raises(CorpusError, match="CLDR does not know the language 'xx'; give a code"):
        list(compose_rows(("en", "xx"), 0, held_out=0, train=1, glossary=0))
