"""One call of a metric's program: texts go in as files, scores come out."""

import os
from dataclasses import dataclass
from pathlib import Path

from ontarget import artifacts
from ontarget.errors import ProgramError
from ontarget.programs import environments
from ontarget.programs.environments import ProgramCommand
from ontarget.programs.running import Invocation, run, scratch_folder
from ontarget.programs.running import OnMessage as OnMessage
from ontarget.scoring.neural.program import OUTPUT, Program, SegmentTexts


@dataclass(frozen=True, slots=True)
class NeuralScorer:
    """An available program with one model."""

    program: Program
    model: str  # name, or path of a local model
    command: ProgramCommand
    signature: str  # program, version and model

    def takes(self, kind: str) -> bool:
        """Whether the model uses "sources" or "references"."""
        return kind in self.program.inputs_of(self.model).takes


def find_scorer(program: Program, model: str | None, available: frozenset[str]) -> NeuralScorer:
    """Find the program and check that a model has its inputs; None stands for the default model.

    `available` is a subset of "sources" and "references". A local model is signed by its hash.

    Raises:
        ProgramError: the program or the model is not installed, or an input is missing.
    """
    name = program.model if model is None else model
    if not name:
        raise ProgramError(f"--{program.name}-model: is empty; name a model or omit the option")
    if missing := sorted(program.inputs_of(name).needs - available):
        raise ProgramError(
            f"--{program.name} with {name} needs --{' and --'.join(missing)}; add them, or choose "
            f"another model with --{program.name}-model"
        )
    command = environments.find_command(program, os.environ)
    installed = environments.environment_of(Path(command.prefix[0])) / name
    local = [path.absolute() for path in (Path(name), installed) if os.path.exists(path)]
    if not local and not program.fetches:
        raise ProgramError(
            f"--{program.name}: neither {name} nor {installed} exists; download the model as "
            f"described in the guide and name its folder with --{program.name}-model"
        )
    identity = f"{local[0].name}@sha256:{model_digest(local[0])[:12]}" if local else name
    signature = f"{program.name}:{command.version}|model:{identity}"
    return NeuralScorer(program, str(local[0]) if local else name, command, signature)


def model_digest(path: Path) -> str:
    """SHA-256 of a model file, or of the names and contents in a model folder.

    Raises:
        ProgramError: the model cannot be read.
    """
    try:
        if path.is_file():
            return artifacts.file_hash(path)
        return artifacts.fingerprint(artifacts.folder_hashes(path))
    except OSError as error:
        raise ProgramError(
            f"{path}: {artifacts.error_text(error)}; make the model readable"
        ) from error


def score_segments(scorer: NeuralScorer, texts: SegmentTexts, on_message: OnMessage) -> list[float]:
    """One score per segment; `on_message` gets each line that the program prints to stderr.

    Raises:
        ProgramError: the program failed, or did not write one finite number per segment.
    """
    program = scorer.program
    with scratch_folder(program, scorer.command) as folder:
        output = call_program(scorer, texts, folder=folder, on_message=on_message)
    try:
        scores = program.parse_scores(output)
        if len(scores) != len(texts.hypotheses):
            raise ValueError(f"{len(scores)} scores for {len(texts.hypotheses)} segments")
    except ValueError as error:
        raise ProgramError(
            f"{scorer.command}: unusable output: {artifacts.error_text(error)}; "
            f"is this {program.title} in the version of the guide?"
        ) from error
    return scores


def call_program(
    scorer: NeuralScorer, texts: SegmentTexts, *, folder: Path, on_message: OnMessage
) -> str:
    """Run the program in `folder` and return the content of its output file."""
    written = scorer.program.make_call(texts, scorer.model)
    for name, content in written.files.items():
        (folder / name).write_text(content, encoding="utf-8", newline="\n")
    title, executable = scorer.program.title, Path(scorer.command.prefix[0])
    call = Invocation(
        title=title,
        command=scorer.command,
        arguments=written.arguments,
        folder=folder,
        variables=environments.process_environment(executable, os.environ, datasets_cache=folder),
        model=scorer.model,
        when_stopped=f"stopped while {title} was scoring; no scores were kept",
    )
    run(call, on_message)
    try:
        return (folder / OUTPUT).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProgramError(
            f"{scorer.command}: succeeded without readable scores "
            f"({artifacts.error_text(error)}); is this {title} in the version of the guide?"
        ) from error
