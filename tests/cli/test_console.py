"""What a person sees of a running step."""

import io
import time

from rich.console import Console

from ontarget.cli.console import ConsoleProgress, format_result
from ontarget.pipeline.graph import Step

UNIT = Step(folder="5_translate/stage2", verb="translate", module="s5_translate")


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=120, highlight=False)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_running_step_shows_its_speed_and_the_time_left() -> None:
    console = terminal()
    live = ConsoleProgress(console)
    live.began(UNIT)
    for done in range(1, 5):
        live.tell("segments", done, 8)
        time.sleep(0.01)
    assert live.progress is not None
    (task,) = live.progress.tasks
    assert task.speed and task.time_remaining is not None
    assert task.fields["speed"].endswith(" segments/s")
    live.close()
    assert "5_translate/stage2" in printed(console)


def test_batches_that_are_minutes_apart_have_a_speed_too() -> None:
    live = ConsoleProgress(terminal())
    live.began(UNIT)
    assert live.progress is not None
    clock = [0.0]
    live.progress.get_time = lambda: clock[0]
    (task,) = live.progress.tasks
    task._get_time = live.progress.get_time
    for done in range(4):
        clock[0] += 120
        live.tell("segments", done * 24, 240)
    assert task.speed is not None
    assert task.fields["speed"] == "0.2 segments/s"
    live.close()


def test_a_finished_step_is_one_line_with_its_result_as_it_is() -> None:
    console = terminal()
    ConsoleProgress(console).ended(
        UNIT, 2.5, {"segments": 12000, "names": {"a": 1}, "note": "[red]x[/red]"}
    )
    assert printed(console) == (
        "5_translate/stage2          2.5 s  segments 12,000, names a:1, note [red]x[/red]\n"
    )


def test_results_are_said_in_words() -> None:
    assert [format_result(each) for each in (12345, {"train": 1, "dev": 2}, "fine")] == [
        "12,345", "train:1 dev:2", "fine",
    ]  # fmt: skip
