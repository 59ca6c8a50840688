"""The embedded corpus: real text in real languages, composed from CLDR through Babel.

A row is a few phrases (a date, an amount, a list of countries, ...) and a way to join them. It is
drawn once and rendered in every language, so the corpus is multi-parallel; it depends on the seed
and the languages only. No sentence occurs in two splits, in any language.

Data: Unicode CLDR (Unicode-3.0 licence), shipped inside the babel package.
"""

import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_timedelta
from babel.lists import format_list
from babel.numbers import format_currency
from babel.units import format_unit

from ontarget.errors import CorpusError
from ontarget.records import Parallel

Phrase = Callable[[Locale], str]  # renders one part of a row in a language

COUNTRIES = "AT BE CH CN DE DK EG ES FR GB GR HU IT JP MA NL NO PL RO RU SE TR UA US".split()
LANGUAGES = "ar da de el en es fr hu it ja nl no pl ro ru sv tr uk".split()
CURRENCIES = "EUR USD GBP JPY CHF SEK PLN TRY".split()
UNITS = (
    "length-kilometer length-meter mass-kilogram mass-gram volume-liter duration-minute "
    "duration-hour duration-week duration-year temperature-celsius speed-kilometer-per-hour "
    "area-square-meter"
).split()
PERIODS = {"hour": 3600, "day": 86400, "week": 604800, "month": 2592000, "year": 31536000}
LONGEST = {
    "hour": 23,
    "day": 6,
    "week": 3,
    "month": 11,
    "year": 20,
}  # amounts below the next larger unit
JOINTS = (": ", "; ", " - ")
ITEMS = (1, 3)  # shortest and longest list
PHRASES = 3  # in a sentence; with fewer, detectors cannot identify many of them


def compose_rows(
    languages: tuple[str, ...], seed: int, *, held_out: int, train: int, glossary: int
) -> Iterator[Parallel]:
    """`held_out` rows, then `train` rows of three phrases, then a `glossary` of single phrases.

    A held-out text occurs in no other row, in any language; training texts may repeat.

    Raises:
        CorpusError: CLDR lacks a language, or cannot compose this many distinct sentences.
    """
    rng = random.Random(f"phrasebook/{seed}")
    locales = {language: cldr_locale(language) for language in languages}
    held: set[tuple[str, str]] = set()
    made = rejected = 0
    while made < held_out + train + glossary:
        render = compose_sentence(rng, PHRASES if made < held_out + train else 1)
        texts = {language: render(locale) for language, locale in locales.items()}
        if held.isdisjoint(texts.items()):
            if made < held_out:
                held.update(texts.items())
            yield Parallel(key=f"phrasebook:{made}", texts=texts)
            made, rejected = made + 1, 0
        elif (rejected := rejected + 1) > 1000:
            raise CorpusError(
                f"phrasebook: only {made} distinct sentences possible, {held_out} requested; "
                "lower corpus.phrasebook.test and dev"
            )


@cache
def cldr_locale(language: str) -> Locale:
    """CLDR's locale of a language code.

    Raises:
        CorpusError: CLDR has no such language, or too little of it to compose sentences from.
    """
    try:
        locale = Locale.parse(language, sep="-" if "-" in language else "_")
    except (UnknownLocaleError, ValueError) as error:
        raise CorpusError(
            f"phrasebook: CLDR does not know the language {language!r}; "
            "give a code such as fr or uk"
        ) from error
    for kind, codes, known in (
        ("country", COUNTRIES, locale.territories),
        ("language", LANGUAGES, locale.languages),
    ):
        if missing := [code for code in codes if code not in known]:
            raise CorpusError(
                f"phrasebook: CLDR's {language!r} has no name for the {kind} {missing[0]!r} "
                f"(and {len(missing) - 1} more); leave the language out, or give a corpus of files"
            )
    return locale


def compose_sentence(rng: random.Random, count: int) -> Phrase:
    """`count` phrases of different kinds, and how they are joined."""
    phrases = [kind(rng) for kind in rng.sample(KINDS, count)]
    if len(phrases) == 1:
        return phrases[0]
    if rng.random() < 0.5:
        return lambda locale: format_list([render(locale) for render in phrases], locale=locale)
    joint = rng.choice(JOINTS)
    return lambda locale: joint.join(render(locale) for render in phrases)


def full_date(rng: random.Random) -> Phrase:
    """A date with its weekday."""
    day = date(2000, 1, 1) + timedelta(days=rng.randrange(10958))
    return lambda locale: format_date(day, "full", locale=locale)


def relative_time(rng: random.Random) -> Phrase:
    """`in 3 days`, `5 years ago`."""
    period = rng.choice(list(PERIODS))
    span = rng.randint(1, LONGEST[period]) * PERIODS[period] * rng.choice([1, -1])
    return lambda locale: format_timedelta(
        span, granularity="second", threshold=1, add_direction=True, locale=locale
    )


def measure(rng: random.Random) -> Phrase:
    """A number with its unit written out."""
    number, unit = rng.randint(2, 99), rng.choice(UNITS)
    return lambda locale: in_unit(number, unit, locale)


def in_unit(number: int, unit: str, locale: Locale) -> str:
    """`3 hours`, or its short form where CLDR lacks the long one (Babel returns the unit's id)."""
    long = format_unit(number, unit, length="long", locale=locale)
    return format_unit(number, unit, length="short", locale=locale) if unit in long else long


def amount(rng: random.Random) -> Phrase:
    """A sum of money, the currency written out."""
    number, currency = rng.randint(2, 99), rng.choice(CURRENCIES)
    return lambda locale: format_currency(
        number, currency, locale=locale, format_type="name", currency_digits=False
    )


def countries(rng: random.Random) -> Phrase:
    """A list of countries."""
    codes = rng.sample(COUNTRIES, rng.randint(*ITEMS))
    return lambda locale: format_list([locale.territories[code] for code in codes], locale=locale)


def languages_spoken(rng: random.Random) -> Phrase:
    """A list of languages."""
    codes = rng.sample(LANGUAGES, rng.randint(*ITEMS))
    return lambda locale: format_list([locale.languages[code] for code in codes], locale=locale)


def weekday(rng: random.Random) -> Phrase:
    """A day of the week."""
    day = rng.randrange(7)
    return lambda locale: str(locale.days["stand-alone"]["wide"][day])


KINDS = (full_date, relative_time, measure, amount, countries, languages_spoken, weekday)
