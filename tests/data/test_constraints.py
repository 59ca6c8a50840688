"""Constraints besides the language: records whose output obeys one instruction and no other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.data.constraints import (
    Constraint,
    Formality,
    Glossary,
    OutputFormat,
    Pair,
    Term,
    constrain,
    obeyed_percent,
    obeys,
)
from ontarget.data.constraints.making import CONTROL, NO_RESPONSE, NO_VALUES
from ontarget.errors import CorpusError
from ontarget.models.templates import fill_request, prompt_format_of
from ontarget.records import Sample
from ontarget.translation.wishes import make_wishes, with_sentences

UPPER = "Write the translation in upper case."
JSON = 'Write the translation as a JSON object: {"translation": "..."}'
QUOTES = "Write the translation in double quotes."
PLAIN = "Write the translation in ordinary case, without quotes or any other format."
FIRST = "Translate the following sentences from English to Italian.\n"
CATS = Glossary((Term(source="cat", targets=("gatto", "micio", "gatto selvatico")),))


def pair(target: str, source: str = "The cat sleeps.", **changes: Any) -> Pair:
    return replace(
        Pair(key="a.tsv:2/en-it", source_lang="en", target_lang="it", source=source, target=target),
        **changes,
    )


def made(constraint: Constraint, *pairs: Pair, **settings: Any) -> list[dict[str, Any]]:
    return list(constrain(pairs, constraint, **settings))


def written(target: str) -> dict[str, str]:
    """A text in each form, by its sentence."""
    return {
        FIRST + UPPER: target.upper(),
        FIRST + JSON: '{"translation": "' + target + '"}',
        FIRST + QUOTES: '"' + target + '"',
        FIRST + PLAIN: target,
    }


def test_a_translation_is_written_in_the_form_of_its_instruction_and_the_others_conflict() -> None:
    pairs = [pair(f"Il gatto {n} dorme.", f"Cat {n} sleeps.") for n in range(200)]
    records = made(OutputFormat(), *pairs)
    for one, record in zip(pairs, records, strict=True):
        expected = written(one.target)
        assert record["output"] == expected.pop(record["instruction"])
        assert (record["input"], sorted(record["conflicts"])) == (one.source, sorted(expected))
    counts = Counter(record["instruction"] for record in records)
    assert len(counts) == 4 and min(counts.values()) > 25


def test_a_draw_depends_on_the_seed_and_on_the_pair_alone() -> None:
    pairs = [pair(f"Il gatto {n}.", f"Cat {n}.") for n in range(50)]
    records = made(OutputFormat(), *pairs)
    moved = [replace(one, key=f"b.tsv:{n}/en-it") for n, one in enumerate(reversed(pairs))]
    assert made(OutputFormat(), *moved) == records[::-1]
    assert made(OutputFormat(), *pairs, seed=2) != records


@given(st.text(min_size=1).map(str.strip).filter(bool))
def test_an_output_is_in_the_form_of_its_instruction_and_in_no_conflicting_one(text: str) -> None:
    names = dict(zip([UPPER, JSON, QUOTES, PLAIN], ["upper", "json", "quotes", "plain"],
                     strict=True))  # fmt: skip
    for record in made(OutputFormat(), pair(text)):
        own, *others = (
            names[wording.removeprefix(FIRST)]
            for wording in (record["instruction"], *record["conflicts"])
        )
        assert obeys(OutputFormat(), own, record["output"])
        assert not any(obeys(OutputFormat(), other, record["output"]) for other in others)


@pytest.mark.parametrize(
    ("target", "language", "asked"),
    [
        ("猫が寝る。", "ja", {JSON, QUOTES, PLAIN}),  # no cases
        ("NATO", "it", {UPPER, JSON}),  # is in upper case already, also in quotes
        ('Il "gatto"', "it", {UPPER, JSON, PLAIN}),
        ("İyi günler", "tr", {JSON, QUOTES, PLAIN}),
    ],
)
def test_only_forms_that_tell_a_translation_apart_are_asked_for(
    target: str, language: str, asked: set[str]
) -> None:
    (record,) = made(OutputFormat(), pair(target, target_lang=language))
    worded = [record["instruction"], *record["conflicts"]]
    assert {wording.split("\n")[1] for wording in worded} == asked


def test_a_quoted_translation_has_no_two_forms_and_is_left_out() -> None:
    assert made(OutputFormat(), pair('"Ciao"')) == []


@pytest.mark.parametrize(
    ("value", "obeying", "others"),
    [
        ("upper", ["CIAO 2", " CIAO\n"], ["Ciao", "2", "", "猫"]),
        ("json", ['{"translation": "Ciao"}', ' {"translation":"x"} '],
         ['{"text": "Ciao"}', '{"translation": 3}', '["translation"]', "Ciao", "{",
          '{"translation": "a", "note": "b"}', '```json\n{"translation": "a"}\n```']),
        ("quotes", ['"Ciao"'], ["Ciao", '"', '""', '"a" e "b"', "'Ciao'", "«Ciao»"]),
        ("plain", ["Ciao", "3 gatti", "Il \"gatto\""],
         ["CIAO", '"Ciao"', '{"text": "a"}', "```\nCiao\n```", " "]),
    ],
)  # fmt: skip
def test_a_response_obeys_the_form_that_it_is_in(
    value: str, obeying: Sequence[str], others: Sequence[str]
) -> None:
    found = {text: obeys(OutputFormat(), value, text) for text in (*obeying, *others)}
    assert found == dict.fromkeys(obeying, True) | dict.fromkeys(others, False)


def test_a_conflict_names_each_other_translation_of_the_term() -> None:
    (record,) = made(CATS, pair("Il micio dorme."))
    assert record == {
        "instruction": FIRST + 'Translate "cat" as "micio".',
        "input": "The cat sleeps.",
        "output": "Il micio dorme.",
        "conflicts": [
            FIRST + 'Translate "cat" as "gatto".',
            FIRST + 'Translate "cat" as "gatto selvatico".',
        ],
    }


@pytest.mark.parametrize(
    ("source", "target", "instruction"),
    [
        ("A Cat.", "Un Gatto.", "gatto"),  # in any case
        ("A cat.", "Un gatto selvatico.", "gatto selvatico"),  # the longer one, not both
        ("Cats.", "Un gatto.", None),  # part of another word
        ("A cat.", "Gattopardo.", None),
        ("A cat.", "Gatto o micio.", None),  # two of them
        ("A cat.", "Un felino.", None),  # none
    ],
)
def test_a_pair_with_a_term_and_one_of_its_translations_is_taken(
    source: str, target: str, instruction: str | None
) -> None:
    records = made(CATS, pair(target, source))
    expected = [f'{FIRST}Translate "cat" as "{instruction}".'] if instruction else []
    assert [record["instruction"] for record in records] == expected


def test_of_two_terms_the_first_that_applies_is_asked_for() -> None:
    dogs = Term(source="dog", targets=("cane", "cagnolino"))
    both = Glossary((dogs, *CATS.terms))
    (record,) = made(both, pair("Il gatto.", "A cat and a dog."))
    assert record["instruction"].endswith('Translate "cat" as "gatto".')
    assert made(both, pair("Un cane.", "A cow.")) == []
    wild = Term(source="wild cat", targets=("gatto selvatico", "lince"))
    (record,) = made(Glossary((*CATS.terms, wild)), pair("Una lince.", "A wild cat."))
    assert record["instruction"].endswith('Translate "wild cat" as "lince".')


def test_pairs_are_left_out_and_counted_by_reason() -> None:
    left_out: Counter[str] = Counter()
    pairs = [pair("Un gatto."), pair("Un cane."), pair("Un gatto.", "A dog."), pair("Gatto\a.")]
    assert len(list(constrain(pairs, CATS, left_out=left_out))) == 1
    assert left_out == {CONTROL: 1, NO_VALUES: 1, NO_RESPONSE: 1}


def test_a_response_obeys_a_glossary_with_the_term_and_without_the_others() -> None:
    texts = ["Il gatto.", "Il gatto e il micio.", "Il micio.", "Il gatto selvatico.", ""]
    assert [obeys(CATS, "gatto", text) for text in texts] == [True, False, False, False, False]
    assert obeyed_percent(CATS, ["gatto", "micio", "micio"], texts[:3]) == pytest.approx(
        66.67, 1e-3
    )


def test_a_share_needs_responses_and_a_value_of_each() -> None:
    with pytest.raises(CorpusError, match="no responses, so there is no share of those that obey"):
        obeyed_percent(CATS, [], [])
    with pytest.raises(ValueError, match="longer"):
        obeyed_percent(CATS, ["gatto"], ["Il gatto.", "Il gatto."])


def test_formality_is_what_the_corpus_says_and_cannot_be_judged_by_a_rule() -> None:
    pairs = [
        pair("Lei dorme.", labels={"formality": label}) for label in ("formal", "", "informal")
    ]
    formal, informal = made(Formality(), *pairs, pair("Lei dorme."))
    asked = [FIRST + "Use formal language.", FIRST + "Use informal language."]
    assert [formal["instruction"], *formal["conflicts"]] == asked
    assert [informal["instruction"], *informal["conflicts"]] == asked[::-1]
    assert formal["output"] == "Lei dorme."
    with pytest.raises(CorpusError, match="no rule tells whether a response is formal; let a clas"):
        obeys(Formality(), "formal", "Lei dorme.")


def test_formality_and_terms_are_worded_as_translate_words_them() -> None:
    """So a model is asked for them later as in training."""
    wishes = make_wishes({"cat": "micio"}, "formal", "").sentences("The cat sleeps.")
    one = pair("Il micio dorme.", labels={"formality": "formal"})
    records = [*made(Formality(), one), *made(CATS, one)]
    assert tuple(record["instruction"].removeprefix(FIRST) for record in records) == wishes


def test_a_record_prompts_a_chat_model_as_translate_does() -> None:
    form = prompt_format_of("instruction")
    for record in made(OutputFormat(), *(pair(f"Gatto {n}.", f"Cat {n}.") for n in range(20))):
        sentence = record["instruction"].removeprefix(FIRST)
        asked = Sample(
            key="1/en-it", source_lang="en", asked_lang="it", target_lang="it",
            source=record["input"], target="",
        )  # fmt: skip
        general = replace(
            asked, source_lang="", asked_lang="", target_lang="",
            source=f"{record['instruction']}\n\n{record['input']}",
        )  # fmt: skip
        request = fill_request(asked, with_sentences(form, [sentence]))
        assert fill_request(general, form) == request


class Length:
    """A constraint of one's own."""

    def values(self, pair: Pair) -> Sequence[str]:
        return ("short", "long")

    def wording(self, pair: Pair, value: str) -> str:
        return f"Be {value}."

    def response(self, pair: Pair, value: str) -> str | None:
        return pair.target if self.holds(value, pair.target) else None

    def holds(self, value: str, response: str) -> bool:
        return (len(response) < 5) == (value == "short")


def test_a_constraint_of_ones_own_is_an_object_with_these_methods() -> None:
    records = made(Length(), pair("Ciao"), pair("Buongiorno"), template="{target}: {constraint}")
    assert [(record["instruction"], record["conflicts"]) for record in records] == [
        ("Italian: Be short.", ["Italian: Be long."]),
        ("Italian: Be long.", ["Italian: Be short."]),
    ]


class Speechless(Length):
    """One that words all values alike."""

    def wording(self, pair: Pair, value: str) -> str:
        return "Be."


def test_values_that_are_worded_alike_are_refused() -> None:
    with pytest.raises(CorpusError, match="a.tsv:2/en-it: the constraint words two values alike;"):
        made(Speechless(), pair("Ciao"))


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{target} {constraint} {style}", r"\{style\} is no field; write \{constraint\}, "),
        ("{target} {constraint} {}", r"\{\} is no field"),
        ("{constraint}", r"lacks \{constraint\} or \{target\}"),
        ("Into {target}.", r"lacks \{constraint\} or \{target\}"),
        ("{target:>9} {constraint}", "a field has a format"),
        ("{target!r} {constraint}", "a field has a format"),
        ("{target", "the template of instructions: .*; write"),
        ("{target} {constraint} \udcff", "is not UTF-8; write it in UTF-8"),
    ],
)
def test_a_faulty_template_is_refused(template: str, fault: str) -> None:
    with pytest.raises(CorpusError, match=f"the template of instructions: .*{fault}|{fault}"):
        made(OutputFormat(), pair("Ciao"), template=template)


def test_a_brace_in_a_template_is_written_twice() -> None:
    (record,) = made(Length(), pair("Ciao"), template="{{{target}}} {constraint}")
    assert record["instruction"] == "{Italian} Be short."
