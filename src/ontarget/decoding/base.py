"""What every translator offers, and how it searches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ontarget.records import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How to decode."""

    beams: int  # 1: greedy
    max_new_tokens: int
    batch: int  # prompts at once


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One translation."""

    text: str
    truncated: bool = False  # it was cut at `max_new_tokens`


@runtime_checkable
class Translator(Protocol):
    """Translates samples into their `asked_lang`; prompting and tokenization are internal."""

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        """Translations as they are finished, by the index of their sample; every index once.

        Batches may depend on the samples, but not on those of earlier batches: without these, the
        same batches follow. So a translation that was interrupted between batches can go on.

        Raises:
            OnTargetError: a sample cannot be translated.
        """


def translate_all(
    translator: Translator,
    samples: Sequence[Sample],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[str]:
    """One translation a sample, in the order of the samples; `progress` gets (done, total)."""
    texts: dict[int, str] = {}
    for batch in translator.translate(samples):
        texts |= {index: found.text for index, found in batch.items()}
        progress(len(texts), len(samples))
    return [texts[index] for index in range(len(samples))]
