"""Conflicts from own answers: one row each, labels on the answer, no loss on shared beginnings."""

from collections.abc import Sequence

import pytest
from support.models import prompt_of

from ontarget.models.prompting import Beginning
from ontarget.training.batches.own_answers import (
    OwnAnswers,
    conflict_row,
    is_shared,
    shared_tokens,
    with_answers,
)
from ontarget.training.batches.sequences import Example, OwnConflict, token_sequence

SOURCE = "Die Datei report.odt wird in LibreOffice 7 geöffnet; 打开文件"
PIECES = [" Open", " Libre", "Office", " 7", ".", "\n", " wird", "", "打开", " Die", "1", "é", ' "']


def decode(tokens: Sequence[int]) -> str:
    """Token n is the n-th of `PIECES`; the one without text is special."""
    return "".join(PIECES[token] for token in tokens)


def own(number: int, *, tokens: int = 3) -> OwnConflict:
    return OwnConflict(
        key=f"k{number}",
        source=SOURCE,
        answered=prompt_of(7, number),
        asked=prompt_of(8, number),
        tokens=tokens,
    )


def beginning(*tokens: int) -> Beginning:
    return Beginning(tokens=tokens, plausible=((5,),) * len(tokens))


@pytest.mark.parametrize(
    ("word", "shared"),
    [
        ("Datei", True),  # a noun of the source, or a name: it may stand in any language
        ("LibreOffice", True),
        ("Open", False),
        ("wird", False),  # in small letters: a copy of the source, no translation
        ("7", True),
        ("8", False),  # a number that the source does not have
        ("打开文件", True),  # without small letters
        ("打开", False),  # no whole word of the source
    ],
)
def test_a_word_is_shared_if_it_is_a_name_or_a_number_of_the_source(
    word: str, shared: bool
) -> None:
    assert is_shared(word, SOURCE, unfinished=False) == shared


def test_the_last_word_of_an_answer_may_be_unfinished() -> None:
    assert is_shared("Libre", SOURCE, unfinished=True)
    assert not is_shared("Libre", SOURCE, unfinished=False)


@pytest.mark.parametrize(
    ("answer", "flags"),
    [
        ([0, 1, 2], [False, True, True]),  # Open LibreOffice
        ([1, 2, 0], [True, True, False]),  # LibreOffice Open
        ([1, 0], [False, False]),  # " Libre Open": Libre is complete and in no source word
        ([3, 4, 5], [True, True, True]),  # " 7.", a line break
        ([12, 3], [False, True]),  # a quotation mark that the source does not have
        ([9, 6], [True, False]),  # " Die wird"
        ([7], [False]),  # an empty answer is no answer in any language
        ([10, 11], [False, False]),  # one word with a letter that is not in the source
    ],
)
def test_tokens_are_shared_with_the_words_that_they_belong_to(
    answer: list[int], flags: list[bool]
) -> None:
    assert shared_tokens(answer, SOURCE, decode) == flags


def test_the_answer_to_one_prompt_is_unlikely_under_the_other() -> None:
    row = conflict_row(own(1, tokens=2), beginning(0, 1, 2), decode)
    assert row.tokens == (8, 1, 0, 1) and row.prompt_tokens == 2  # not longer than requested
    assert row.unlikely and row.by_reach and row.weights == (1.0, 0.0)


def test_plausible_tokens_are_alternatives_unless_they_are_shared() -> None:
    """Of a token that is shared itself there are none: it takes no loss."""
    answer = Beginning(tokens=(0, 1), plausible=((6, 1, 3, 7, 12), (0, 6)))
    row = conflict_row(own(1), answer, decode)
    assert row.alternatives == ((6, 7, 12), ())


def test_every_own_conflict_gets_its_answer_and_the_model_is_asked_once() -> None:
    asked = []

    def begin(prompts: Sequence[object], tokens: int) -> list[Beginning]:
        asked.append((list(prompts), tokens))
        return [beginning(index) for index in range(len(prompts))]

    true = token_sequence("k", prompt_of(1), [2])
    examples = [Example(rows=(true,), own=own(1)), Example(rows=(true,)), Example(rows=(true,))]
    examples.append(Example(rows=(true,), own=own(2, tokens=5)))
    made = list(with_answers(examples, OwnAnswers(begin=begin, decode=decode)))
    assert asked == [([prompt_of(7, 1), prompt_of(7, 2)], 5)]
    assert [[row.tokens for row in example.rows] for example in made] == [
        [(1, 2), (8, 1, 0)], [(1, 2)], [(1, 2)], [(1, 2), (8, 2, 1)],
    ]  # fmt: skip
    assert all(example.own is None for example in made)


def test_a_blank_example_is_answered_without_contributing() -> None:
    """Engines that shard weights need as many forward passes of every process."""
    blank = Example(rows=(token_sequence("k", prompt_of(1), [2]),), own=own(1)).blank
    answers = OwnAnswers(begin=lambda prompts, tokens: [beginning(0, 1)], decode=decode)
    (example,) = with_answers([blank], answers)
    assert [row.prompt_tokens == len(row.tokens) for row in example.rows] == [True, True]


def test_an_example_is_as_long_as_its_longer_prompt_with_the_answer() -> None:
    true = token_sequence("k", prompt_of(1), [2])
    conflict = OwnConflict(
        key="k", source="", answered=prompt_of(1, 2, 3), asked=prompt_of(1), tokens=4
    )
    assert Example(rows=(true,), own=conflict).length == 3 + 4
