"""lm-evaluation-harness (EleutherAI): `lm_eval` of the package lm_eval."""

import json
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ontarget import artifacts
from ontarget.ability.models import AbilityModel
from ontarget.ability.scores import scores_of
from ontarget.errors import ProgramError
from ontarget.programs.environments import (
    OutsideProgram,
    ProgramCommand,
    find_command,
    process_environment,
)
from ontarget.programs.running import Invocation, run, scratch_folder

OLDEST = "0.4.13"  # version that we have run; 0.4.9 does not work with transformers 5
PACKAGE = "lm_eval[hf,sentencepiece]"
OTHERS = ("protobuf",)  # with which transformers reads the tokenizer of Llama 2

PROGRAM = OutsideProgram(
    name="lm_eval",
    title="lm-evaluation-harness",
    executable="lm_eval",
    package="lm_eval",
    install=(
        "python3 -m venv {folder}",
        f"{{folder}}/bin/pip install '{PACKAGE}>={OLDEST}' {' '.join(OTHERS)}",
    ),
    requirements=(f"{PACKAGE}=={OLDEST}", *OTHERS),
)
TASK = re.compile(r"\w[\w.+:-]*")  # no option, path or pattern
RESULTS = "results"
RESULTS_BYTES = 32 << 20  # of a results file, at most
KEPT = (  # of a results file; the rest is about the machine
    "lm_eval_version", "transformers_version", "results", "groups", "group_subtasks", "versions",
    "n-shot", "n-samples", "higher_is_better", "config", "configs", "chat_template_sha",
    "max_length", "total_evaluation_time_seconds",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class HarnessSettings:
    """What is measured, and how."""

    tasks: tuple[str, ...]
    limit: int | None = None  # questions of each task, the first ones; None: all
    shots: int | None = None  # examples before each question; None: as many as the task says
    chat: bool = False  # ask by the chat template
    batch: int = 8
    include_path: Path | None = None  # more tasks, as YAML files

    def check(self) -> None:
        """Raise ProgramError for a task that is no name or named twice, or a missing folder."""
        for task in self.tasks:
            if not TASK.fullmatch(task):
                raise ProgramError(
                    f"--tasks: {task!r} is no task's name; list names such as arc_easy,hellaswag "
                    f"(all are shown by `{PROGRAM.executable} ls tasks`)"
                )
            if self.tasks.count(task) > 1:
                raise ProgramError(f"--tasks: {task!r} is named twice; name each task once")
        if self.include_path is not None and not self.include_path.is_dir():
            raise ProgramError(
                f"--include-path {self.include_path}: is no folder; give one with tasks as YAML"
            )


def find_harness() -> ProgramCommand:
    """The installed program.

    Raises:
        ProgramError: it is not installed, or too old.
    """
    command = find_command(PROGRAM, os.environ)
    if is_older(command.version, OLDEST):
        raise ProgramError(
            f"{command}: is {PROGRAM.title} {command.version}, expected {OLDEST} or newer; "
            f"in its environment, run: pip install '{PACKAGE}>={OLDEST}'"
        )
    return command


def is_older(version: str, oldest: str) -> bool:
    """Whether a version is below another one; one without numbers is not."""
    numbers, others = ([int(n) for n in re.findall(r"\d+", v)[:3]] for v in (version, oldest))
    return bool(numbers) and numbers < others


def arguments_of(model: AbilityModel, settings: HarnessSettings, results: Path) -> list[str]:
    """The command line. Neither the code of a model nor pickled weights are ever loaded."""
    loading: dict[str, Any] = {"pretrained": model.place}
    loading |= {"trust_remote_code": False, "use_safetensors": True}
    if model.revision is not None:
        loading["revision"] = model.revision
    arguments = ["--model", "hf", "--model_args", json.dumps(loading)]
    arguments += ["--tasks", ",".join(settings.tasks)]
    if settings.chat:
        arguments += ["--apply_chat_template"]
    if settings.limit is not None:
        arguments += ["--limit", str(settings.limit)]
    if settings.shots is not None:
        arguments += ["--num_fewshot", str(settings.shots)]
    if settings.include_path is not None:
        arguments += ["--include_path", str(settings.include_path.absolute())]
    return [*arguments, "--batch_size", str(settings.batch), "--output_path", str(results)]


def measure_model(
    command: ProgramCommand,
    model: AbilityModel,
    settings: HarnessSettings,
    on_message: Callable[[str], None],
) -> dict[str, Any]:
    """What the harness writes of a model; `on_message` gets each line that it prints to stderr.

    It runs in the folder of tasks, so that a task can name its files, or else in an empty one.

    Raises:
        ProgramError: it failed, or wrote no results.
    """
    with scratch_folder(PROGRAM, command) as scratch:
        work = scratch / "work"
        work.mkdir()
        call = Invocation(
            title=PROGRAM.title,
            command=command,
            arguments=arguments_of(model, settings, scratch / RESULTS),
            folder=settings.include_path or work,
            variables=process_environment(Path(command.prefix[0]), os.environ),
            model=model.place,
            when_stopped="stopped; models measured so far are kept, run the same command again to "
            "resume",
        )
        run(call, on_message)
        return read_results(command, scratch / RESULTS, settings)


def read_results(
    command: ProgramCommand, folder: Path, settings: HarnessSettings
) -> dict[str, Any]:
    """The content of the one results file, without what is about the machine.

    Raises:
        ProgramError: there is none, or it has no scores.
    """
    try:
        files = sorted(folder.glob("*/results_*.json"))
        if len(files) != 1:
            raise ValueError(f"{len(files)} files of results")
        content = json.loads(read_regular(files[0]), parse_constant=lambda _: None)
        if not isinstance(content, dict) or not scores_of(content, settings.tasks):
            raise ValueError("no scores")
        kept = {key: content[key] for key in KEPT if key in content}
        check_writable(kept)
    except (OSError, ValueError, RecursionError) as error:
        raise ProgramError(
            f"{command}: succeeded without usable results ({artifacts.error_text(error)}); "
            f"is this {PROGRAM.title} in the version of the guide?"
        ) from error
    return kept


def read_regular(file: Path) -> str:
    """The text of a results file; nothing else is opened, since it could wait or never end.

    Raises:
        OSError: it cannot be read.
        ValueError: it is a link, no file, too large or not UTF-8.
    """
    if file.is_symlink() or file.parent.is_symlink():
        raise ValueError("the results are a link")
    with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ValueError("the results are no regular file")
        content = stream.read(RESULTS_BYTES + 1)
    if len(content) > RESULTS_BYTES:
        raise ValueError(f"the results are larger than {RESULTS_BYTES >> 20} MB")
    return content.decode("utf-8")


def check_writable(content: dict[str, Any]) -> None:
    """Raise ValueError for text that UTF-8 cannot encode: JSON can escape half a character."""
    try:
        json.dumps(content, ensure_ascii=False, indent=1).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text has half of a surrogate pair") from error
