"""Which backend translates with a model. Nothing else names a backend."""

from ontarget.decoding.base import Search, Translator
from ontarget.decoding.hf import HuggingFaceTranslator
from ontarget.models.loading import LoadedModel
from ontarget.models.templates import PromptFormat


def translator_of(loaded: LoadedModel, prompt_format: PromptFormat, search: Search) -> Translator:
    """The translator of a model that is loaded in this process."""
    return HuggingFaceTranslator(loaded, prompt_format, search)
