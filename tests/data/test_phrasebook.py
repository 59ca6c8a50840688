"""Laws of the embedded corpus: deterministic, multi-parallel, splits apart, real language."""

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
def test_the_seed_alone_decides(seed: int) -> None:
    first = list(compose_rows(FIVE, seed, held_out=5, train=20, glossary=5))
    assert first == list(compose_rows(FIVE, seed, held_out=5, train=20, glossary=5))
    assert first != list(compose_rows(FIVE, seed + 1, held_out=5, train=20, glossary=5))


def test_a_meaning_does_not_depend_on_how_many_follow() -> None:
    few, many = (list(compose_rows(FIVE, 1, held_out=20, train=n, glossary=0)) for n in (10, 300))
    assert many[:30] == few


@pytest.mark.parametrize("languages", [FIVE, ("en", "fr", "uk", "zh-Hans", "ar", "fi")])
def test_held_out_sentences_are_unique_and_never_trained_on(languages: tuple[str, ...]) -> None:
    rows = list(compose_rows(languages, 3, held_out=100, train=1500, glossary=1500))
    assert len({row.key for row in rows}) == 3100
    assert all(tuple(row.texts) == languages and all(row.texts.values()) for row in rows)
    for language in languages:
        held_out = {row.texts[language] for row in rows[:100]}
        assert len(held_out) == 100
        assert not held_out & {row.texts[language] for row in rows[100:]}


def test_sentences_say_the_same_in_each_language() -> None:
    """Digits are the part of a meaning that can be compared without knowing a language."""
    for row in compose_rows(("en", "it", "nl", "de"), 5, held_out=0, train=200, glossary=100):
        digits = {tuple(sorted(filter(str.isdigit, text))) for text in row.texts.values()}
        assert len(digits) == 1, row.texts


def test_text_is_that_of_cldr() -> None:
    rows = list(compose_rows(("en", "ro"), 0, held_out=0, train=200, glossary=200))
    names = Locale.parse("ro").territories
    english = Locale.parse("en").territories
    for code in ("NL", "UA", "CH"):
        said = [row for row in rows if english[code] in row.texts["en"]]
        assert said
        assert all(names[code] in row.texts["ro"] for row in said)


@pytest.mark.parametrize(
    "language", ["en", "it", "nl", "ro", "de", "zh-Hans", "ja", "ar", "hi", "tr"]
)
def test_every_unit_has_words(language: str) -> None:
    """Babel gives "87 duration-hour" for Dutch hours in the long form."""
    for unit in phrasebook.UNITS:
        for number in (2, 5, 87):
            assert unit not in phrasebook.in_unit(number, unit, phrasebook.cldr_locale(language))


def test_too_many_meanings_are_refused_in_one_line() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phrasebook, "KINDS", (phrasebook.weekday,) * 3)
        patch.setattr(phrasebook, "PHRASES", 1)
        with pytest.raises(
            CorpusError, match="only 7 different sentences found, 8 asked for; lower"
        ):
            list(compose_rows(FIVE, 0, held_out=8, train=0, glossary=0))


@pytest.mark.parametrize(("language", "kind"), [("oc", "language"), ("os", "country")])
def test_a_language_of_which_cldr_knows_too_little_is_named(language: str, kind: str) -> None:
    message = rf"CLDR's '{language}' has no name for the {kind} '\w+' \(and \d+ more\); leave the"
    with pytest.raises(CorpusError, match=message):
        phrasebook.cldr_locale(language)


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(CorpusError, match="CLDR does not know the language 'xx'; give a code"):
        list(compose_rows(("en", "xx"), 0, held_out=0, train=1, glossary=0))
