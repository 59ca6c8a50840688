"""What a model decodes, and what changes its scores on the way.

A way to stay on target is a function from a plan to another plan, so ways can be combined.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from torch import Tensor

from ontarget.errors import ModelError
from ontarget.models.loading import LoadedModel
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample

# From the log-probabilities of the next token ("row token"), the place of each row's sample in its
# batch, and the tokens of each row so far ("row time"), to other scores ("row token"). Rows with
# the same place are beams of one sample.
ScoreRule = Callable[[Tensor, Sequence[int], Tensor], Tensor]
Language = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A prompt beside that of each sample, under which the answer should be unlikely."""

    samples: tuple[Sample, ...]  # their prompts; one a sample of the plan
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How samples are decoded."""

    samples: tuple[Sample, ...]  # as they are prompted for
    prompt_format: PromptFormat
    demonstrations: tuple[tuple[Sample, ...], ...] = ()  # shown before each sample; (): none
    begins: tuple[str, ...] = ()  # what each answer begins with; (): nothing
    cut: bool = False  # these beginnings are taken off the translations
    contrasts: tuple[Contrast, ...] = ()
    rules: tuple[Callable[[Sequence[Sample]], ScoreRule], ...] = ()  # for a batch of samples
    # For a batch of one requested language: the model is changed within this context.
    changes: tuple[Callable[[Language], AbstractContextManager[None]], ...] = ()

    @property
    def needs_scores(self) -> bool:
        """Whether it needs a backend that shows the scores of all tokens."""
        return bool(self.contrasts or self.rules or self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What ways learn from; none of it is test data."""

    loaded: LoadedModel
    languages: tuple[str, ...]
    examples: Sequence[Sample] = ()  # translations, of dev
    texts: Mapping[Language, Sequence[str]] = field(default_factory=dict)  # monolingual

    def text_of(self, language: Language, way: str) -> Sequence[str]:
        """Sentences in a language.

        Raises:
            ModelError: there are none.
        """
        texts = self.texts.get(language, ())
        if not texts:
            raise ModelError(
                f"{way}: has no text in {language} to learn from; add sentences in this language "
                "to the corpus"
            )
        return texts
