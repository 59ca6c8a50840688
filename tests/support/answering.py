"""A translator that answers by a function of the sample and of the prompt that it would read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ontarget.decoding.base import Hypothesis
from ontarget.models.templates import PromptFormat, fill_template, prompt_format_of
from ontarget.records import Direction, Sample
from ontarget.translation.translating import Translating
from ontarget.translation.wishes import Wishes


def shout(sample: Sample, prompt: str) -> Hypothesis:
    """The source in capitals."""
    return Hypothesis(sample.source.upper())


@dataclass(frozen=True)
class AnsweringTranslator:
    """A `Translator`; `seen` gets all prompts."""

    answer: Callable[[Sample, str], Hypothesis] = shout
    prompt_format: PromptFormat = field(default_factory=lambda: prompt_format_of("instruction"))
    batch: int = 2
    seen: list[str] = field(default_factory=list)

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        """Answers in batches, the last sample first."""
        order = list(range(len(samples)))[::-1]
        for start in range(0, len(order), self.batch):
            found = {}
            for index in order[start : start + self.batch]:
                prompt = fill_template(samples[index], self.prompt_format)
                self.seen.append(prompt)
                found[index] = self.answer(samples[index], prompt)
            yield found


def answering(
    answer: Callable[[Sample, str], Hypothesis] = shout, wishes: Wishes | None = None
) -> Translating:
    """How segments are translated from English into Italian by such a translator."""
    return Translating(
        translator=AnsweringTranslator(answer),
        direction=Direction("en", "it"),
        wishes=wishes or Wishes(),
    )
