"""The embedded corpus: real text in real languages, composed from CLDR through Babel.

A meaning is a few phrases (a date, an amount, a list of countries, ...) and a way to join them.
It is drawn once and rendered in every language, so the corpus is multi-parallel; it depends on
the seed and the languages alone. No sentence occurs in two splits, in any language.

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

Phrase = Callable[[Locale], str]  # one part of a meaning, ready to be said in any language

COUNTRIES = "AT BE CH CN DE DK EG ES FR GB GR HU IT JP MA NL NO PL RO RU SE TR UA US".split()
LANGUAGES = "ar da de el en es fr hu it ja nl no pl ro ru sv tr uk".split()
CURRENCIES = "EUR USD GBP JPY CHF SEK PLN TRY".split()
UNITS = (
    "length-kilometer length-meter mass-kilogram mass-gram volume-liter duration-minute "
    "duration-hour duration-week duration-year temperature-celsius speed-kilometer-per-hour "
    "area-square-meter"
).split()
PERIODS = {"hour": 3600, "day": 86400, "week": 604800, "month": 2592000, "year": 31536000}
LONGEST = {"hour": 23, "day": 6, "week": 3, "month": 11, "year": 20}  # before the next unit's turn
JOINTS = (": ", "; ", " - ")
ITEMS = (1, 3)  # fewest and most of a list
PHRASES = 3  # of a sentence; fewer leave more of them that no identifier can tell (docs/log.md)


def compose_rows(
    languages: tuple[str, ...], seed: int, *, held_out: int, train: int, glossary: int
) -> Iterator[Parallel]:
    """`held_out` meanings to test on, `train` to train on, and a `glossary` of single phrases.

    A sentence has three phrases. No held-out text is given twice, or to train on, in any
    language; others may come again.

    Raises:
        CorpusError: CLDR does not know a language, or cannot tell so many meanings apart.
    """
    draw = random.Random(f"phrasebook/{seed}")
    locales = {language: cldr_locale(language) for language in languages}
    tested: set[tuple[str, str]] = set()
    made = barren = 0
    while made < held_out + train + glossary:
        meaning = compose_sentence(draw, PHRASES if made < held_out + train else 1)
        texts = {language: meaning(place) for language, place in locales.items()}
        if tested.isdisjoint(texts.items()):
            if made < held_out:
                tested.update(texts.items())
            yield Parallel(key=f"phrasebook:{made}", texts=texts)
            made, barren = made + 1, 0
        elif (barren := barren + 1) > 1000:
            raise CorpusError(
                f"phrasebook: only {made} different sentences found, {held_out} asked for; "
                "lower corpus.phrasebook.test and dev"
            )


@cache
def cldr_locale(language: str) -> Locale:
    """CLDR's locale of a language code.

    Raises:
        CorpusError: CLDR has no such language, or too little of it to compose sentences from.
    """
    try:
        found = Locale.parse(language, sep="-" if "-" in language else "_")
    except (UnknownLocaleError, ValueError) as error:
        raise CorpusError(
            f"phrasebook: CLDR does not know the language {language!r}; "
            "give a code such as fr or uk"
        ) from error
    for kind, codes, known in (
        ("country", COUNTRIES, found.territories),
        ("language", LANGUAGES, found.languages),
    ):
        if lacking := [code for code in codes if code not in known]:
            raise CorpusError(
                f"phrasebook: CLDR's {language!r} has no name for the {kind} {lacking[0]!r} "
                f"(and {len(lacking) - 1} more); leave the language out, or give a corpus of files"
            )
    return found


def compose_sentence(draw: random.Random, count: int) -> Phrase:
    """`count` phrases of different kinds, and how they are joined."""
    phrases = [kind(draw) for kind in draw.sample(KINDS, count)]
    if len(phrases) == 1:
        return phrases[0]
    if draw.random() < 0.5:
        return lambda place: format_list([say(place) for say in phrases], locale=place)
    joint = draw.choice(JOINTS)
    return lambda place: joint.join(say(place) for say in phrases)


def full_date(draw: random.Random) -> Phrase:
    """A date with its weekday."""
    day = date(2000, 1, 1) + timedelta(days=draw.randrange(10958))
    return lambda place: format_date(day, "full", locale=place)


def relative_time(draw: random.Random) -> Phrase:
    """`in 3 days`, `5 years ago`."""
    period = draw.choice(list(PERIODS))
    span = draw.randint(1, LONGEST[period]) * PERIODS[period] * draw.choice([1, -1])
    return lambda place: format_timedelta(
        span, granularity="second", threshold=1, add_direction=True, locale=place
    )


def measure(draw: random.Random) -> Phrase:
    """A number with its unit written out."""
    number, unit = draw.randint(2, 99), draw.choice(UNITS)
    return lambda place: in_unit(number, unit, place)


def in_unit(number: int, unit: str, place: Locale) -> str:
    """`3 hours`; where Babel lacks the long form it gives the unit's id, and we the short form."""
    long = format_unit(number, unit, length="long", locale=place)
    return format_unit(number, unit, length="short", locale=place) if unit in long else long


def amount(draw: random.Random) -> Phrase:
    """A sum of money, the currency written out."""
    number, currency = draw.randint(2, 99), draw.choice(CURRENCIES)
    return lambda place: format_currency(
        number, currency, locale=place, format_type="name", currency_digits=False
    )


def countries(draw: random.Random) -> Phrase:
    """A list of countries."""
    codes = draw.sample(COUNTRIES, draw.randint(*ITEMS))
    return lambda place: format_list([place.territories[code] for code in codes], locale=place)


def spoken(draw: random.Random) -> Phrase:
    """A list of languages."""
    codes = draw.sample(LANGUAGES, draw.randint(*ITEMS))
    return lambda place: format_list([place.languages[code] for code in codes], locale=place)


def weekday(draw: random.Random) -> Phrase:
    """A day of the week."""
    day = draw.randrange(7)
    return lambda place: str(place.days["stand-alone"]["wide"][day])


KINDS = (full_date, relative_time, measure, amount, countries, spoken, weekday)
