"""All models, one after the other. What was measured before a kill is not measured again."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ontarget import artifacts
from ontarget.ability.harness import HarnessSettings, find_harness, measure_model
from ontarget.ability.models import AbilityModel, models_of
from ontarget.ability.scores import AbilityScore, scores_of
from ontarget.errors import ArtifactError, ModelError
from ontarget.models import folder
from ontarget.programs.environments import ProgramCommand

HEAD = b'{\n "program": "lm_eval",'  # how each file that `write` makes begins
Tell = Callable[[str, int, int], None]  # a message, models measured, of how many


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredModel:
    """A model, what the harness wrote of it, and the scores to show."""

    name: str
    place: str
    measured: dict[str, Any]
    scores: list[AbilityScore]


def measure(
    names: Sequence[str], settings: HarnessSettings, out: Path, tell: Tell
) -> list[MeasuredModel]:
    """Measure the models of all names, and write what the harness wrote to the file `out`.

    Raises:
        OnTargetError: a model cannot be used, or the harness is not installed or fails.
    """
    settings.check()
    check_out(out)
    models = [model for name in names for model in models_of(name)]
    check_models(models, settings)
    command = find_harness()
    with artifacts.lock_output(out):
        unfinished = out.parent / f".{out.name}.unfinished"
        made_from = [command.version, str(settings), task_files(settings.include_path)]
        artifacts.prepare_unfinished(unfinished, artifacts.fingerprint(made_from))
        found = []
        for number, model in enumerate(models):

            def on_message(message: str, done: int = number, name: str = model.name) -> None:
                tell(f"{name}: {message}", done, len(models))

            measured = measure_once(command, model, settings, unfinished, on_message)
            scores = scores_of(measured, settings.tasks)
            found.append(
                MeasuredModel(name=model.name, place=model.place, measured=measured, scores=scores)
            )
        write(found, settings, command, out)
        artifacts.remove_tree(unfinished)
    return found


def check_out(out: Path) -> None:
    """Raise ArtifactError where `out` is a link, or a file that this command did not write."""
    if out.is_symlink():
        raise ArtifactError(f"{out}: is a link; give another --out, or remove the link")
    if not out.is_file():
        return  # anything else that is no file is refused by its lock
    try:
        with out.open("rb") as stream:
            is_ours = stream.read(len(HEAD)) == HEAD
    except OSError as error:
        raise ArtifactError(
            f"{out}: cannot be read ({artifacts.error_text(error)}); give another --out"
        ) from error
    if not is_ours:
        raise ArtifactError(
            f"{out}: was not written by `ontarget ability`; give another --out, or move it away"
        )


def check_models(models: Sequence[AbilityModel], settings: HarnessSettings) -> None:
    """Raise ModelError for a model that is named twice, or cannot be asked by a chat template."""
    seen: dict[tuple[str, str | None], str] = {}
    for model in models:
        is_folder = not folder.is_hub_id(model.place)
        key = (str(Path(model.place).resolve()) if is_folder else model.place, model.revision)
        if key in seen:
            same = "" if seen[key] == model.name else f", first as {seen[key]}"
            raise ModelError(f"{model.name}: is named twice{same}; name each model once")
        seen[key] = model.name
        if settings.chat:
            folder.check_chat_template(model.place)


def task_files(include_path: Path | None) -> list[tuple[str, int, int]]:
    """Names, sizes and times of the files in the folder of tasks, if there is one."""
    if include_path is None:
        return []
    files = sorted(path for path in include_path.rglob("*") if path.is_file())
    return [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]


def measure_once(
    command: ProgramCommand,
    model: AbilityModel,
    settings: HarnessSettings,
    unfinished: Path,
    on_message: Callable[[str], None],
) -> dict[str, Any]:
    """What the harness writes of a model, from `unfinished` if it was measured before.

    Raises:
        ProgramError: the harness failed.
    """
    identity = artifacts.fingerprint([model.place, folder.identity(model.place, model.revision)])
    kept = unfinished / f"{identity}.json"
    if not kept.is_file():
        measured = measure_model(command, model, settings, on_message)
        with artifacts.publish_file(kept) as file:
            json.dump(measured, file, ensure_ascii=False)
    content: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return content


def write(
    found: Sequence[MeasuredModel], settings: HarnessSettings, command: ProgramCommand, out: Path
) -> None:
    """The settings, and of each model all that the harness measured, as JSON."""
    content = {
        "program": "lm_eval",
        "version": command.version,
        "settings": asdict(settings),
        "models": [
            {"name": model.name, "model": model.place, "measured": model.measured}
            for model in found
        ],
    }
    with artifacts.publish_file(out) as file:
        json.dump(content, file, ensure_ascii=False, indent=1, default=str)
        file.write("\n")
