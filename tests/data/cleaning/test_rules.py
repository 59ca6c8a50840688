"""The rules' settings: the cascade, and what a recipe may say."""

from typing import Any

import pytest
from pydantic import ValidationError

from ontarget.data.cleaning.rules import Cascade, Rules, corpus_of, explain, row_of

LEVELS = ["own", "source", "target", "reversed", "pair", "corpus"]  # later ones decide


def cascade_of(**limits: int) -> Cascade:
    """A cascade that sets `max_words` at some levels, for en-it in train.tsv."""

    def at(**places: str) -> dict[str, Any]:
        return {
            key: {"max_words": limits[level]} for level, key in places.items() if level in limits
        }

    return Cascade(
        **{"max_words": limits["own"]} if "own" in limits else {},
        languages=at(source="en", target="it"),
        pairs=at(reversed="it-en", pair="en-it"),
        corpora=at(corpus="train.tsv"),
    )


@pytest.mark.parametrize("number", range(1 << len(LEVELS)))
def test_the_latest_level_that_sets_a_rule_decides(number: int) -> None:
    chosen = [level for place, level in enumerate(LEVELS) if number >> place & 1]
    cascade = cascade_of(**{level: 1 + LEVELS.index(level) for level in chosen})
    expected = 1 + LEVELS.index(chosen[-1]) if chosen else 200
    assert cascade.rules_for("en", "it", "train.tsv").max_words == expected


def test_a_level_changes_only_what_it_sets() -> None:
    cascade = Cascade(
        tags=False,
        languages={"en": Rules(numbers=False)},
        pairs={"en-it": Rules(ratio=8)},
        corpora={"a.tsv": Rules(numbers=True, max_characters=False)},
    )
    rules = cascade.rules_for("en", "it", "a.tsv").model_dump(include=set(Rules.model_fields))
    changed = {"tags": False, "numbers": True, "ratio": 8, "max_characters": None}
    assert rules == Rules().model_dump() | changed
    other = cascade.rules_for("de", "nl", "b.tsv")
    assert (other.tags, other.numbers, other.ratio, other.max_characters) == (False, True, 6, 1000)


def test_a_default_that_is_set_explicitly_counts() -> None:
    cascade = Cascade(languages={"it": {"max_words": 9}}, corpora={"a": {"max_words": 200}})
    assert cascade.rules_for("en", "it", "a").max_words == 200


def test_all_rules_has_each_change_once() -> None:
    cascade = Cascade(
        languages={"en": {"near_duplicates": 0.9}}, pairs={"en-it": {}}, corpora={"a": {"ratio": 9}}
    )
    assert [rules.near_duplicates for rules in cascade.all_rules] == [None, 0.9, None, None]
    assert [rules.ratio for rules in cascade.all_rules] == [6, 6, 6, 9]


@pytest.mark.parametrize("name", ["max_characters", "max_words", "ratio", "near_duplicates"])
def test_false_turns_a_limit_off(name: str) -> None:
    assert getattr(Rules(**{name: False}), name) is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"max_wrods": 3}, "Extra inputs are not permitted"),
        ({"languages": {"en": {"max_wrods": 3}}}, "Extra inputs are not permitted"),
        ({"languages": {"en": {"languages": {}}}}, "Extra inputs are not permitted"),
        ({"max_words": 0}, "greater than 0"),
        ({"max_words": "9"}, "valid integer"),
        ({"max_words": True}, "valid integer"),
        ({"ratio": 1}, "greater than 1"),
        ({"ratio": float("nan")}, "finite number"),
        ({"near_duplicates": 0.5}, "greater than 0.5"),
        ({"near_duplicates": 1.5}, "less than or equal to 1"),
        ({"tags": "no"}, "valid boolean"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(content: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        Cascade(**content)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"ratios": 3}, "ratios: is no rule; did you mean ratio?"),
        ({"languages": {"it": 5}}, "languages.it: found '5'; input should be a valid dictionary"),
        (
            {"languages": {"it": {"max_words": -1}}},
            "languages.it.max_words: found '-1'; input should be greater than 0",
        ),
    ],
)
def test_wrong_rules_are_explained_in_one_line(content: dict[str, Any], line: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Cascade(**content)
    assert explain(caught.value) == line


def test_a_key_has_its_row_and_its_corpus() -> None:
    assert row_of("a/b:c.tsv:17/en-it") == "a/b:c.tsv:17"
    assert corpus_of("a/b:c.tsv:17/en-it") == "a/b:c.tsv"
