"""Which model is meant by a name, and how it is prompted."""

import json
import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from ontarget.artifacts import STAMP
from ontarget.cluster import LOCAL, address_of
from ontarget.decoding.base import Search, Translator
from ontarget.decoding.servers.requests import address_parts
from ontarget.errors import ModelError, TranslationError
from ontarget.models import folder
from ontarget.models.templates import PromptFormat, prompt_format_of
from ontarget.pipeline.new_recipe import traits_of
from ontarget.recipe.recipe import Recipe
from ontarget.systems import BY_NAME, CONTROL, STAGE1, STAGE2

MAX_NEW_TOKENS = 256
BATCH, BATCH_TOKENS = 256, 16_384  # segments and tokens at once, at most
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+")  # of a URL; longer than the drive C:
TRAINED = (STAGE2, STAGE1, CONTROL)  # systems of a run, the best first


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """A model, how it is prompted, and which languages it is for."""

    model: str  # a folder, a hub id, a .gguf file or the URL of a server
    prompt_format: PromptFormat
    max_new_tokens: int
    languages: tuple[str, ...] = ()  # (): any

    @property
    def identity(self) -> list[object]:
        """What changes when the translations may."""
        path = Path(self.model)
        files = folder.identity(self.model, None)
        status = path.stat() if path.is_file() else None
        changed = (status.st_size, status.st_mtime_ns) if status else ()
        return [self.model, files, changed, repr(self.prompt_format), self.max_new_tokens]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How a chosen model decodes."""

    backend: str | None = None  # by default the one that the form of the model's name asks for
    quantization: str = "float32"  # of the weights, see `BackendOptions`
    beams: int = 1  # 1: greedy
    batch: int | None = None  # segments at once; None: as many as fit in a budget of tokens
    engine: str = LOCAL  # this process, or workers of a Ray cluster

    def search(self, max_new_tokens: int) -> Search:
        """The search, whose budget always holds a segment of ordinary length."""
        tokens = max(BATCH_TOKENS, 2 * self.beams * max_new_tokens)
        return Search(
            beams=self.beams,
            max_new_tokens=max_new_tokens,
            batch=self.batch or BATCH,
            batch_tokens=None if self.batch else tokens,
        )


def choose_model(
    name: str, template: str | None = None, max_new_tokens: int | None = None
) -> ModelChoice:
    """The model of a name: the folder of a run (RUN or RUN#SYSTEM), or what a backend opens.

    A run's recipe says how its models are prompted, unless `template` is given.

    Raises:
        OnTargetError: there is no such model, or the template is faulty.
    """
    form = None if template is None else named_format(template)
    run, _, system = name.partition("#")
    if not name.startswith(("http://", "https://")) and is_run(Path(run)):
        choice = of_run(Path(run), system)
    else:
        choice = of_model(name)
    if form is not None:
        choice = replace_format(choice, form)
    return choice if max_new_tokens is None else replace(choice, max_new_tokens=max_new_tokens)


def replace_format(choice: ModelChoice, form: PromptFormat) -> ModelChoice:
    """The choice with another template; its codes and names of languages stay."""
    own = choice.prompt_format
    form = replace(
        own, template=form.template, chat=form.chat, by_target=form.by_target, wordings=()
    )
    return replace(choice, prompt_format=form)


def named_format(template: str) -> PromptFormat:
    """The format of a template.

    Raises:
        TranslationError: it is faulty.
    """
    try:
        return prompt_format_of(template)
    except ValueError as error:
        raise TranslationError(f"--{error}") from error


def of_model(name: str) -> ModelChoice:
    """The choice of what is no run, with the template that fits the kind of model."""
    scheme, _, place = name.partition(":/")
    if scheme.lower() in ("http", "https") and place:
        address_parts(name)
        form = prompt_format_of("instruction")
    elif place and SCHEME.fullmatch(scheme):
        raise ModelError(f"{name}: {not_a_model(scheme, place)}")
    elif name.endswith(".gguf"):
        if not Path(name).is_file():
            raise ModelError(f"{name}: no such file; give a .gguf file")
        form = prompt_format_of("instruction")
    else:
        folder.check_folder(name)
        traits = traits_of(name)
        form = prompt_format_of(traits.template, traits.chat or None)
    return ModelChoice(model=name, prompt_format=form, max_new_tokens=MAX_NEW_TOKENS)


def not_a_model(scheme: str, place: str) -> str:
    """What is wrong with a URL in place of a model, and what to give."""
    if scheme.lower() == "file":
        return f"is a URL; give the path of the model's folder: /{place.lstrip('/')}"
    return (
        f"the scheme {scheme}: is none of a model's; give a folder, a hub id such as org/name, or "
        "a server such as http://127.0.0.1:8000/v1#NAME"
    )


def is_run(path: Path) -> bool:
    """Whether a folder is that of a run: it has steps that have finished."""
    return path.is_dir() and any(path.glob(f"[0-9]_*/{STAMP}"))


def of_run(path: Path, system: str) -> ModelChoice:
    """The choice of a run's system, its best one unless it is named.

    Raises:
        ModelError: the run has no such model.
    """
    if system and system not in BY_NAME:
        names = ", ".join(one.name for one in (*TRAINED, BY_NAME["base"]))
        raise ModelError(f"{path}#{system}: there is no system {system!r}; use one of {names}")
    systems = [BY_NAME[system]] if system else [*TRAINED, BY_NAME["base"]]
    step = next((path / s.folder for s in systems if (path / s.folder / STAMP).is_file()), None)
    if step is None or not (step / "model").is_dir():
        wanted = f"the system {system!r}" if system else "any training"
        raise ModelError(f"{path}: {wanted} has not finished; run its recipe first")
    recipe = recipe_of(step)
    model = step / "model"
    folder.check_folder(str(model))
    return ModelChoice(
        model=str(model),
        prompt_format=recipe.prompt_format,
        max_new_tokens=recipe.translate.max_new_tokens,
        languages=recipe.languages,
    )


def recipe_of(step: Path) -> Recipe:
    """The recipe that made a step.

    Raises:
        ModelError: its step.json is damaged.
    """
    try:
        content = json.loads((step / STAMP).read_text(encoding="utf-8"))
        return Recipe.model_validate(content["recipe"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:80]
        raise ModelError(
            f"{step / STAMP}: does not hold the recipe of its run ({reason}); run the recipe again"
        ) from error


def open_choice(
    choice: ModelChoice,
    decoding: Decoding,
) -> AbstractContextManager[Translator]:
    """The translator of a choice, opened when the block begins."""
    from ontarget.decoding.backends import BackendOptions, backend_of, open_translator

    search, backend = decoding.search(choice.max_new_tokens), decoding.backend
    options = BackendOptions(quantization=decoding.quantization)
    if decoding.engine == LOCAL:
        return open_translator(
            choice.model, choice.prompt_format, search, backend=backend, options=options
        )
    from ontarget.decoding.cluster import ClusterTranslator

    backend_of(choice.model, backend)
    return nullcontext(
        ClusterTranslator(
            model=choice.model,
            prompt_format=choice.prompt_format,
            search=search,
            backend=backend,
            options=options,
            address=address_of(decoding.engine),
        )
    )
