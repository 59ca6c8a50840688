"""What every translator offers, and how it searches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

from ontarget.errors import ModelError, TranslationError, visible
from ontarget.records import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How to decode."""

    beams: int  # 1: greedy
    max_new_tokens: int
    batch: int  # prompts at once
    batch_tokens: int | None = None  # of a batch at most: padded prompts and responses


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One translation, or why there is none."""

    text: str
    truncated: bool = False  # it was cut at `max_new_tokens`
    error: str = ""  # one line; if there is one, this segment failed and has no text


def failed(error: str) -> Hypothesis:
    """A segment without a translation."""
    return Hypothesis("", error=visible(" ".join(error.split())))


@runtime_checkable
class Translator(Protocol):
    """Translates samples into their `asked_lang`; prompting and tokenization are internal."""

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        """Translations as they are finished, by the index of their sample; every index once.

        Batches may depend on the samples, but not on those of earlier batches: without these, the
        same batches follow. So a translation that was interrupted between batches can go on.
        A server may fail on single samples; their hypotheses have an `error`.

        Raises:
            OnTargetError: no sample, or not this one, can be translated.
        """


def translate_all(
    translator: Translator,
    samples: Sequence[Sample],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[str]:
    """One translation a sample, in the order of the samples; `progress` gets (done, total).

    Raises:
        TranslationError: a segment failed.
    """
    done: dict[int, Hypothesis] = {}
    for batch in translator.translate(samples):
        done |= batch
        progress(len(done), len(samples))
    found = [done[index] for index in range(len(samples))]
    check_all_translated(samples, found)
    return [hypothesis.text for hypothesis in found]


def check_all_translated(samples: Sequence[Sample], found: Sequence[Hypothesis]) -> None:
    """Raise TranslationError where a segment failed."""
    errors = [
        f"{sample.key}: {hypothesis.error}"
        for sample, hypothesis in zip(samples, found, strict=True)
        if hypothesis.error
    ]
    if errors:
        raise TranslationError(
            f"{len(errors)} of {len(found)} segments were not translated; the first is {errors[0]};"
            " remove the cause and run again, or leave them out"
        )


def require(library: str, backend: str, install: str) -> Any:
    """An optional library.

    Raises:
        ModelError: it is not installed; `install` is what to give pip.
    """
    try:
        return import_module(library)
    except ImportError as error:
        raise ModelError(
            f"backend {backend}: the package {library} is not installed or does not load "
            f'({visible(str(error))[:100]}); pip install "{install}"'
        ) from error
