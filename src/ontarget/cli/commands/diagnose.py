"""The preflight alone: which fault a model has, before anything is trained."""

from collections.abc import Callable
from pathlib import Path

from ontarget.analysis import diagnose
from ontarget.analysis.preflight import DiagnosisResult
from ontarget.data import readers
from ontarget.data.directions import around_pivot, remaining_directions
from ontarget.decoding.base import Search
from ontarget.errors import RecipeError
from ontarget.languages.names import is_known
from ontarget.models import folder, loading
from ontarget.models.templates import TEMPLATES, PromptFormat, template_fault
from ontarget.offtarget.metric import Detection
from ontarget.steps import inputs

SEED = 0  # of the draw of sentences and of their conflicts


def run(
    model: str,
    data: Path,
    languages: tuple[str, ...],
    setting: tuple[int, PromptFormat],
    tell: Callable[[int, int], None],
) -> DiagnosisResult:
    """Examine `model` on sentences drawn from `data`; `setting` is (segments, how it is asked).

    Raises:
        OnTargetError: the model, the data, a language or the template cannot be used.
    """
    segments, asking = setting
    refuse_unusable(languages, asking.template)
    folder.check_folder(model)
    rows = list(readers.read(data, languages))
    supervised = around_pivot(languages)
    every = supervised + remaining_directions(languages, supervised)
    inputs.refuse_lacking(rows, data, every)
    drawn = inputs.samples(rows, every)
    samples = inputs.per_direction(inputs.chosen(drawn, len(drawn), SEED), segments)
    loaded = loading.load_model(model)
    loading.move_to_accelerator(loaded.model)
    return diagnose.diagnose(
        loaded,
        samples,
        diagnose.DiagnosisSettings(
            languages=languages,
            supervised=supervised,
            asking=asking,
            detection=Detection(pivot=languages[0]),
            seed=SEED,
            search=Search(beams=1, max_new_tokens=256, batch=64),
        ),
        tell,
    )


def refuse_unusable(languages: tuple[str, ...], template: str) -> None:
    """Raise RecipeError for languages or a template that no recipe could have either."""
    if len(set(languages)) < max(2, len(languages)):
        raise RecipeError("languages: give at least two codes, each once, comma between: en,it,nl")
    for code in languages:
        if not is_known(code):
            raise RecipeError(f"languages: CLDR knows no language {code!r}; give a code such as it")
    Detection(pivot=languages[0]).refuse(languages)
    if fault := template_fault(template):
        raise RecipeError(f"template: {fault}; or use one of {', '.join(TEMPLATES)}")
