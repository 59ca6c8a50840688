"""A translator that mentions wishes, and that fails on single segments only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ontarget.decoding.base import Hypothesis, Translator, failed
from ontarget.errors import ModelError, OnTargetError, TranslationError
from ontarget.records import Sample
from ontarget.translation.wishes import Wishes, with_sentences


@dataclass(frozen=True, slots=True)
class CarefulTranslator:
    """A `Translator` around another one."""

    inner: Translator
    wishes: Wishes

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        """Translations batch by batch; samples with the same wishes share batches.

        Raises:
            TranslationError: a server is dead.
        """
        groups: dict[tuple[str, ...], list[int]] = {}
        for index, sample in enumerate(samples):
            groups.setdefault(self.wishes.sentences(sample.source), []).append(index)
        for sentences, indices in groups.items():
            translator = wishing(self.inner, sentences) if sentences else self.inner
            for batch in isolated(translator, [samples[index] for index in indices]):
                yield {indices[number]: found for number, found in batch.items()}


def wishing(translator: Any, sentences: Sequence[str]) -> Translator:
    """The translator with a template that says these sentences."""
    form = with_sentences(translator.prompt_format, sentences)
    changed: Translator = replace(translator, prompt_format=form)
    return changed


def isolated(translator: Translator, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
    """Translations; a sample that the model cannot be given is failed, and the others are not.

    A model refuses all samples of a call for one of them, such as one with a special token, so
    they are halved until it stands alone.
    """
    done: set[int] = set()
    try:
        for batch in translator.translate(samples):
            done |= set(batch)
            yield batch
        return
    except TranslationError:
        raise
    except OnTargetError as error:
        left = [index for index in range(len(samples)) if index not in done]
        if not left:
            raise
        reason = str(error)
    if len(left) == 1:
        yield {left[0]: failed(reason)}
        return
    middle = len(left) // 2
    for half in (left[:middle], left[middle:]):
        for batch in isolated(translator, [samples[index] for index in half]):
            yield {half[number]: found for number, found in batch.items()}


def check_wishes(translator: Any, wishes: Wishes) -> None:
    """Raise ModelError where a model cannot read what is wished."""
    if not (wishes.glossary or wishes.formality or wishes.instruction):
        return
    with_sentences(translator.prompt_format, ["."])
    loaded = getattr(translator, "loaded", None)
    if loaded is None:
        return
    from ontarget.models.prompting import language_codes

    if language_codes(loaded):
        raise ModelError(
            f"{loaded.name}: reads language codes and no instructions; leave the glossary, the "
            "formality and the instruction out"
        )
