"""`play`: the systems of a run side by side, on one page."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ontarget.cli.commands.play.models import RunModel, models_of, recipe_in, references_of
from ontarget.cli.commands.serve.options import HOST, Port, check_packages, say_ready
from ontarget.cli.console import console, error_console, one_line, quiet_libraries
from ontarget.errors import ArtifactError
from ontarget.recipe.recipe import Recipe
from ontarget.records import Direction, Sample

if TYPE_CHECKING:
    from ontarget.serving.play.systems import PlayedSystem

MOST_NEW_TOKENS = 256
STOP_SECONDS = 1


def play(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    port: Port = 0,
) -> None:
    """Try a run on one page: type a sentence and see base, stage 1 and stage 2 side by side.

    Shows the language of each answer and, at its first token, how likely each language is. Open
    the printed address in a browser; the page is for this machine only.

    Example: ontarget play runs/demo
    """
    check_packages("play")
    from ontarget.serving.running import address_of, bind, run_server

    recipe = recipe_in(run)
    found = models_of(run, recipe)
    dev, training = references_of(run)
    example = example_of(dev, training, recipe.zero_shot_directions)
    listener = bind(HOST, port)
    quiet_libraries()
    from ontarget.serving.play.routes import Playground, play_application

    systems = load_systems(found, recipe, [*dev, *training])
    say_memory(systems)
    desk = ThreadPoolExecutor(1, "play")
    playground = Playground(
        title=recipe.name, languages=recipe.languages, systems=systems, example=example, desk=desk
    )
    try:
        app = play_application(playground)
        run_server(app, listener, STOP_SECONDS, lambda: say_ready("playing", address_of(listener)))
    finally:
        desk.shutdown(cancel_futures=True)


def load_systems(
    models: Sequence[RunModel], recipe: Recipe, references: Sequence[Sample]
) -> "tuple[PlayedSystem, ...]":
    """The models in memory, on the accelerator if there is one."""
    from ontarget.models.loading import load_model, move_to_accelerator
    from ontarget.serving.play.systems import played_system

    most, systems = min(recipe.translate.max_new_tokens, MOST_NEW_TOKENS), []
    for one in models:
        with console.status(f"loading {one.system.name}"):
            loaded = load_model(one.model, one.revision)
            move_to_accelerator(loaded.model)
            form, title = recipe.prompt_format, one.system.title
            systems.append(played_system(one.system.name, title, loaded, form, most, references))
    return tuple(systems)


def example_of(dev: list[Sample], training: list[Sample], wanted: Collection[Direction]) -> Sample:
    """The sample that the page begins with: of a wanted direction, where dev has one.

    Raises:
        ArtifactError: there is no sample at all.
    """
    fitting = [s for s in dev if Direction(s.source_lang, s.asked_lang) in wanted]
    for sample in [*fitting, *dev, *training]:
        return sample
    raise ArtifactError("1_prepare: has no dev or training sentences; run the recipe again")


def say_memory(systems: "tuple[PlayedSystem, ...]") -> None:
    """Say how much memory the weights take."""
    names = ", ".join(system.name for system in systems)
    total = sum(system.gibibytes for system in systems)
    device = systems[0].loaded.model.device.type
    text = f"{names}: {total:.2f} GiB of weights on {device}, all loaded at once"
    error_console().print(one_line(text), soft_wrap=True, markup=False)
