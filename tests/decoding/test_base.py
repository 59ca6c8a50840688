"""The Translator Protocol: anything that gives every index a text will do."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.translators import FixedTranslator

from ontarget.decoding.base import Hypothesis, Translator, failed, require, translate_all
from ontarget.errors import ModelError, TranslationError
from ontarget.records import Sample


def samples(count: int) -> list[Sample]:
    return [
        Sample(
            key=str(number), source_lang="en", asked_lang="it", target_lang="it",
            source=f"source {number}", target="",
        )
        for number in range(count)
    ]  # fmt: skip


class ShuffledTranslator:
    """Answers with the source in upper case, in batches of any order and size."""

    def __init__(self, batches: list[list[int]]) -> None:
        self.batches = batches

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        for batch in self.batches:
            yield {index: Hypothesis(samples[index].source.upper()) for index in batch}


@given(st.data())
def test_texts_are_in_the_order_of_the_samples_whatever_the_order_of_the_batches(
    data: st.DataObject,
) -> None:
    order = data.draw(st.permutations(range(data.draw(st.integers(0, 8)))))
    size = data.draw(st.integers(1, 3))
    batches = [list(order[start : start + size]) for start in range(0, len(order), size)]
    translator: Translator = ShuffledTranslator(batches)
    progress: list[tuple[int, int]] = []
    texts = translate_all(
        translator, samples(len(order)), lambda done, total: progress.append((done, total))
    )
    assert texts == [f"SOURCE {number}" for number in range(len(order))]
    done = [min(number * size, len(order)) for number in range(1, len(batches) + 1)]
    assert progress == [(count, len(order)) for count in done]


def test_a_dictionary_of_answers_is_a_translator() -> None:
    answers = {str(number): f"risposta {number}" for number in range(5)}
    translator = FixedTranslator(answers, batch=2)
    assert isinstance(translator, Translator)
    assert not isinstance(object(), Translator)
    assert translate_all(translator, samples(5)) == list(answers.values())


def test_a_translator_that_leaves_a_sample_out_is_an_error() -> None:
    with pytest.raises(KeyError):
        translate_all(ShuffledTranslator([[0], [2]]), samples(3))


class FailingTranslator:
    """Fails on every second sample."""

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        for index in range(len(samples)):
            yield {index: failed("no\n  answer \x07") if index % 2 else Hypothesis("ciao")}


def test_failed_segments_are_an_error_that_names_the_first() -> None:
    with pytest.raises(TranslationError) as raised:
        translate_all(FailingTranslator(), samples(5))
    assert str(raised.value) == (
        "2 of 5 segments were not translated; the first is 1: no answer \\x07; remove the cause "
        "and run again, or leave them out"
    )


def test_a_missing_library_is_one_line_with_what_to_install() -> None:
    with pytest.raises(ModelError) as raised:
        require("no_such_library", "vllm", "ontarget[vllm]")
    assert str(raised.value) == (
        "backend vllm: the package no_such_library is not installed or does not load "
        "(No module named 'no_such_library'); pip install \"ontarget[vllm]\""
    )
