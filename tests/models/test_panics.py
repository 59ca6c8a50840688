"""Panics of the tokenizers library: one error of ours, no stack trace, other output kept."""

import os
import sys

import pytest
from support.models import tiny, tokenizer
from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel
from ontarget.models.panics import STDERR, panics_as_errors

LONG = "a" * 40 + "b"  # on which the pattern below backtracks beyond the limit of the regex engine


def with_pattern(pattern: str) -> LoadedModel:
    """A tokenizer that splits at a regular expression."""
    plain = tokenizer()
    inner = type(plain._tokenizer).from_str(plain._tokenizer.to_str())
    inner.pre_tokenizer = Split(Regex(pattern), "isolated")
    words = type(plain)(tokenizer_object=inner, pad_token="<pad>", eos_token="</s>")
    return LoadedModel(tiny().model, words)


def test_a_panic_of_a_tokenizer_is_one_error_without_a_stack_trace(
    capfd: pytest.CaptureFixture[str],
) -> None:
    loaded = with_pattern(r"(a+)+$")
    with pytest.raises(ModelError) as caught:
        loaded.prompts([LONG])
    message = str(caught.value)
    assert message.startswith("the model: its tokenizer fails on a text (")
    assert message.endswith("or mend the pattern in tokenizer.json") and "\n" not in message
    assert capfd.readouterr() == ("", "")
    assert loaded.prompts(["aab"])  # other texts still can be tokenised


def test_other_output_to_stderr_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with panics_as_errors("m"):
        os.write(STDERR, b"a warning of a library\n")
    os.write(STDERR, b"later\n")
    assert capfd.readouterr().err == "a warning of a library\nlater\n"


def test_other_exceptions_and_their_output_are_passed_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(KeyError, match="other"), panics_as_errors("m"):
        os.write(STDERR, b"before\n")
        raise KeyError("other")
    assert capfd.readouterr().err == "before\n"


def test_output_before_the_block_keeps_its_place(capfd: pytest.CaptureFixture[str]) -> None:
    sys.stderr.write("first\n")
    with panics_as_errors("m"):
        os.write(STDERR, b"second\n")
    assert capfd.readouterr().err == "first\nsecond\n"
