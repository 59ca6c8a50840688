"""The systems that a run compares and the trainings that make them, in one table.

A new system is one row here and one step in `steps/`; commands, pipeline, tables, curves and model
cards read this table.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

TRAIN = "1_prepare/train.arrow"
SETTINGS = {True: "supervised", False: "zero-shot"}  # by whether a direction is in training


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One model in the comparison; `folder` and `step` are those of the training that makes it."""

    name: str  # in files and on the command line
    title: str  # in tables
    section: str | None  # of the recipe: present if the run has this system; None: always
    folder: str  # below the run's folder
    step: str  # module in `steps/`
    verb: str  # the command that runs this step
    summary: str  # of the step, for `--help`
    heading: str  # above the training's curves
    starts_from: tuple[str, ...] = ()  # the first of these systems that the run has
    reads: tuple[str, ...] = ()  # files of other steps that the training reads, besides the model
    compared: bool = True  # False: translated and scored, but in no comparison
    ways: tuple[str, ...] = ()  # to stay on target, with which the model translates


SYSTEMS = (
    System(
        name="base",
        title="base",
        section=None,
        folder="0_base",
        step="s0_base",
        verb="base",
        summary="Step 0: train the small base model (recipes with base.scratch).",
        heading="Step 0: the base model",
        reads=("1_prepare/rows.jsonl",),
    ),
    System(
        name="stage1",
        title="stage 1 (MLE)",
        section="mle",
        folder="3_mle",
        step="s3_mle",
        verb="mle",
        summary="Step 3: stage 1, maximum likelihood.",
        heading="Stage 1: maximum likelihood",
        starts_from=("base",),
        reads=(TRAIN,),
    ),
    System(
        name="stage1-longer",
        title="stage 1, longer (control)",
        section="control",
        folder="4_control",
        step="s4_control",
        verb="control",
        summary="Step 4, control: stage 1 continued for stage 2's compute.",
        heading="Control: stage 1, longer",
        starts_from=("stage1", "base"),
        reads=(TRAIN,),
    ),
    System(
        name="stage2",
        title="stage 2",
        section="unlikelihood",
        folder="4_unlikelihood",
        step="s4_unlikelihood",
        verb="unlikelihood",
        summary="Step 4: diagnose the model, then stage 2, MLE plus unlikelihood.",
        heading="Stage 2",
        starts_from=("stage1", "base"),
        reads=(TRAIN,),  # and what the recipe makes for it: conflicts, synthetic pairs
    ),
    System(
        name="base-by-cue",
        title="base, in its own format",
        section="base.scratch",
        folder="0_base",
        step="s0_base",
        verb="base",
        summary="",
        heading="",
        compared=False,
    ),
)
BASE, STAGE1, CONTROL, STAGE2, BASE_BY_CUE = SYSTEMS
BY_NAME = {system.name: system for system in SYSTEMS}


def system_of(name: str) -> System:
    """The system of a name; `stage1+anti-lm` is the model of stage 1 with a way to stay on target.

    Raises:
        KeyError: there is no such model.
    """
    model, *ways = name.split("+")
    system = BY_NAME[model]
    if not ways:
        return system
    return replace(system, name=name, title=f"{system.title}, {', '.join(ways)}", ways=tuple(ways))


def is_step(name: str) -> bool:
    """Whether a system is a step of the method: not the control, and without ways."""
    return name != CONTROL.name and "+" not in name


def title_of(name: str) -> str:
    """A system's title; of a name that is in no table, the name."""
    return system_of(name).title if name.partition("+")[0] in BY_NAME else name


def present(has_section: Callable[[str], bool], *, compared: bool = True) -> list[System]:
    """The systems of a run, in the order of the table; `has_section` asks its recipe."""
    return [
        system
        for system in SYSTEMS
        if (system.section is None or has_section(system.section))
        and (system.compared or not compared)
    ]


def start_of(system: System, names: Iterable[str]) -> System:
    """The system whose model the training of `system` starts from, among those in the run."""
    run = set(names)
    return next(BY_NAME[name] for name in system.starts_from if name in run)
