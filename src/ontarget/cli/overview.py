"""The list of all commands, in sections by what one wants to do."""

from collections.abc import Mapping, Sequence
from typing import Any

from typer.core import TyperGroup

SECTIONS = {
    "Repair a model": (
        "repair", "demo", "diagnose", "new", "templates", "check", "plan", "run", "status",
    ),
    "Measure and compare": (
        "evaluate", "compare", "calibrate", "lcb", "judge", "ability", "annotate", "reproduce",
    ),
    "Translate and serve": ("translate", "serve", "guard", "play"),
    "Prepare data": ("convert", "corpora", "constrain"),
    "Publish a model": ("push", "merge", "export", "add-code"),
    "Single steps of a recipe": (
        "base", "prepare", "conflict", "mle", "synthesize", "control", "unlikelihood", "report",
    ),
}  # fmt: skip

SENTENCE = 200  # characters that no first sentence exceeds


class ListedCommands(TyperGroup):
    """A group of commands whose help has the whole first sentence of each."""

    def sections(self) -> Mapping[str, Sequence[str]]:
        """The names of commands under their titles."""
        return {"Commands": tuple(self.commands)}

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write each section."""
        for title, names in self.sections().items():
            rows = [(name, self.commands[name].get_short_help_str(SENTENCE)) for name in names]
            with formatter.section(title):
                formatter.write_dl(rows)


class GroupedCommands(ListedCommands):
    """A group of commands whose help has `SECTIONS`."""

    def sections(self) -> Mapping[str, Sequence[str]]:
        """The sections of all commands."""
        return SECTIONS

    def list_commands(self, ctx: Any) -> list[str]:
        """Every command, in the order of `SECTIONS`."""
        return [name for names in SECTIONS.values() for name in names]
