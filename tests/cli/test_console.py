"""What is shown of a running step, on a terminal and in a log file."""

import io
import re
import time
from collections.abc import Callable

import pytest
from rich.console import Console

from ontarget.cli import console as console_module
from ontarget.cli.console import ConsoleProgress, PlainLog, format_duration, format_result
from ontarget.pipeline.graph import Step
from ontarget.recipe.step_settings import MleSettings

STEP = Step(
    folder="5_translate/stage2", verb="translate", module="s5_translate", settings=MleSettings.of
)
LOSSES = "likelihood 1.234  unlikelihood 0.567  1,234 tokens/s"


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=120, highlight=False)


def log_file() -> Console:
    return Console(file=io.StringIO(), force_terminal=False, width=80, highlight=False)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_running_step_shows_its_speed_and_the_time_left() -> None:
    console = terminal()
    display = ConsoleProgress(console)
    display.began(STEP)
    for done in range(1, 5):
        display.tell("segments", done, 8)
        time.sleep(0.01)
    assert display.progress is not None
    (task,) = display.progress.tasks
    assert task.speed and task.time_remaining is not None
    assert task.fields["speed"].endswith(" segments/s")
    display.close()
    assert "5_translate/stage2" in printed(console)


def test_batches_that_are_minutes_apart_have_a_speed_too() -> None:
    display = ConsoleProgress(terminal())
    display.began(STEP)
    assert display.progress is not None
    clock = [0.0]
    display.progress.get_time = lambda: clock[0]
    (task,) = display.progress.tasks
    task._get_time = display.progress.get_time
    for done in range(4):
        clock[0] += 120
        display.tell("segments", done * 24, 240)
    assert task.speed is not None
    assert task.fields["speed"] == "0.2 segments/s"
    display.close()


def test_a_log_file_gets_a_line_when_a_step_starts_and_then_regularly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(console_module, "LOG_SECONDS", 0.05)
    console = log_file()
    display = ConsoleProgress(console)
    display.began(STEP)
    assert printed(console) == "5_translate/stage2       started\n"  # before anything is done
    display.tell("loading the model", 0, 1)
    wait_for(lambda: "5_translate/stage2       loading the model\n" in printed(console))
    display.tell(LOSSES, 1, 1000)
    time.sleep(0.01)
    display.tell(LOSSES, 5, 1000)
    state = rf"5_translate/stage2       5 of 1,000  {re.escape(LOSSES)}  \d+[^\n]* left\n"
    wait_for(lambda: re.search(state, printed(console)))
    lines = printed(console).count("\n")
    wait_for(lambda: printed(console).count("\n") >= lines + 3)  # without any news
    display.ended(STEP, 2.5, {"segments": 8})
    finished = printed(console)
    assert finished.endswith("5_translate/stage2          2.5 s  segments 8\n")
    time.sleep(0.2)
    assert printed(console) == finished
    assert "\x1b" not in finished and "\r" not in finished


def test_long_work_without_counts_leaves_lines_in_a_log_and_quick_work_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    console = log_file()
    monkeypatch.setattr(console_module, "error_console", lambda: console)
    with console_module.working("judging"):
        pass
    assert printed(console) == ""
    monkeypatch.setattr(console_module, "LOG_SECONDS", 0.05)
    with console_module.working("judging") as say:
        wait_for(lambda: printed(console).startswith("judging\n"))
        say("COMET\x1b[2J")
        wait_for(lambda: re.search(r"judging {18}COMET\\x1b\[2J\n", printed(console)))


def test_a_terminal_gets_no_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_module, "LOG_SECONDS", 0.01)
    console = terminal()
    display = ConsoleProgress(console)
    display.began(STEP)
    display.tell(LOSSES, 1, 1000)
    time.sleep(0.1)
    display.close()
    assert display.log is None
    assert "started" not in printed(console) and "of 1,000" not in printed(console)


def test_plain_lines_have_the_time_left_and_the_speed_of_segments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(console_module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(PlainLog, "repeat", lambda self: None)
    log = PlainLog(log_file(), "5_translate/base")
    log.update("segments", 0, 12_000)
    now[0] += 10
    log.update("segments", 500, 12_000)
    assert log.line() == (
        "5_translate/base         500 of 12,000  segments  50 segments/s  3 min 50 s left"
    )
    log.update(LOSSES, 100, 200)  # another count: its own clock
    now[0] += 5
    log.update(LOSSES, 150, 200)
    assert log.line() == f"5_translate/base         150 of 200  {LOSSES}  5 s left"
    log.close()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.0, "59 s"), (60.0, "1 min 00 s"), (7500.0, "2 h 05 min")],
)
def test_durations_are_rounded_to_two_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize("make", [terminal, log_file])
def test_a_finished_step_is_one_line_without_markup(make: Callable[[], Console]) -> None:
    console = make()
    result = {"segments": 12000, "names": {"a": 1}, "note": "[red]x[/red]"}
    ConsoleProgress(console).ended(STEP, 2.5, result)
    assert printed(console) == (
        "5_translate/stage2          2.5 s  segments 12,000, names a:1, note [red]x[/red]\n"
    )


def test_results_are_formatted_by_type() -> None:
    values = (12345, {"train": 1, "dev": 2}, "fine")
    assert [format_result(value) for value in values] == ["12,345", "train:1 dev:2", "fine"]
