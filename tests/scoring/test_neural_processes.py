"""Programs of neural metrics as processes: files, messages, faults, and what a signal leaves."""

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.neural_programs import COMET, cached, call, find_comet, isolate

from ontarget.errors import ProgramError, Stopped
from ontarget.scoring.neural import PROGRAMS, running
from ontarget.scoring.neural.program import SegmentTexts


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path)


def score(*texts: str, on_message: running.OnMessage = lambda _: None) -> list[float]:
    """COMET's scores of texts that are their own sources and references."""
    return running.score_segments(find_comet(), SegmentTexts(texts, texts, texts), on_message)


def test_texts_are_passed_in_files_of_a_temporary_folder(tmp_path: Path) -> None:
    environment = cached(tmp_path, "comet")
    hostile = ["$(touch x)", "'; exit 1 #", "--model=y", "\t\u2028\x0b", "a" * 100_000]
    assert score(*hostile) == [len(text.strip()) / 100 for text in hostile]
    record = call(environment)
    assert not Path(record["cwd"]).exists() and "ontarget-comet-" in record["cwd"]
    assert not any("touch" in argument for argument in record["argv"])


def test_messages_of_the_program_are_passed_on_while_it_runs(tmp_path: Path) -> None:
    talking = (
        'sys.stderr.buffer.write(b"one\\r two\\r\\n\\nthree \\x1b[2K\\n\\xe2\\x82")\n'
        "sys.stderr.flush(); time.sleep(0.2)\n"  # in the middle of a character
        'sys.stderr.buffer.write(b"\\xac\\xff\\n"); sys.stderr.flush()\n'
        "while not (PROBE / 'heard').exists(): time.sleep(0.01)\n"
    )
    environment = cached(tmp_path, "comet", talking + COMET)
    messages: list[str] = []

    def listen(message: str) -> None:
        messages.append(message)
        if message.startswith("€"):
            (environment / "heard").touch()

    score("a", on_message=listen)
    assert messages == ["one", "two", "three \x1b[2K", "€\ufffd", "Predicting DataLoader 0: 100%"]


WRITE = 'Path("scores").write_'
FAULTS = {
    "an error": (
        'sys.stderr.write("Traceback\\n  File\\nKeyError: \\"None.\\"\\n\\n")\nsys.exit(1)',
        'comet-score: failed with exit code 1: KeyError: "None."; check that COMET runs by hand',
    ),
    "no message": ("sys.exit(4)", "failed with exit code 4 without a message; check that COMET"),
    "no line break": ('sys.stderr.write("bad")\nsys.exit(4)', "with exit code 4: bad; check that"),
    "killed for memory": (
        "os.kill(os.getpid(), 9)", "comet-score: was killed by signal 9 without a message",
    ),
    "closed stderr": (
        "os.close(2); time.sleep(0.1); os._exit(5)", "failed with exit code 5 without a message",
    ),
    "other options": ("argparse.ArgumentParser().parse_args()", "unrecognized arguments"),
    "no output": ("pass", "comet-score: succeeded without readable scores (No such file or dir"),
    "not JSON": (
        WRITE + 'text("score: 0.8")',
        "unusable output: not JSON with one file's segments and their COMET scores; is this COMET",
    ),
    "not UTF-8": (WRITE + 'bytes(b"\\xff")', "succeeded without readable scores ('utf-8' codec"),
    "too many": (
        WRITE + """text('{"a": [{"COMET": 1}, {"COMET": 2}, {"COMET": 2}]}')""",
        "unusable output: 3 scores for 2 segments; is this COMET in the version of the guide?",
    ),
    "not a number": (
        COMET.replace('len(each["mt"]) / 100', 'float("nan")'),
        "unusable output: score 1 is 'nan'; expected a finite number; is this",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_program_gives_an_error_and_no_scores(tmp_path: Path, fault: str) -> None:
    body, message = FAULTS[fault]
    environment = cached(tmp_path, "comet", body)
    with pytest.raises(ProgramError, match=re.escape(message)) as error:
        score("a", "b")
    assert str(error.value).startswith(str(environment))
    assert not Path(call(environment)["cwd"]).exists()


def test_long_messages_are_cut_in_errors(tmp_path: Path) -> None:
    cached(tmp_path, "comet", 'sys.stderr.write("bad " + "x" * 99999 + "\\n")\nsys.exit(3)')
    with pytest.raises(ProgramError, match="failed with exit code 3: bad xxx") as error:
        score("a")
    assert len(str(error.value)) < 600


def test_a_program_that_cannot_be_started_and_a_full_disk_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cached(tmp_path, "comet") / "bin" / "comet-score").write_bytes(b"\x00\x01")
    with pytest.raises(ProgramError, match=r"cannot be started \(Exec format error\); run it by"):
        score("a")
    cached(tmp_path, "comet")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(ProgramError, match=r"cannot be started \(No such file .* space for temp"):
        score("a")


def test_a_missing_checkpoint_is_an_error_before_anything_runs(tmp_path: Path) -> None:
    environment = cached(tmp_path, "bleurt")
    with pytest.raises(ProgramError) as error:
        running.find_scorer(PROGRAMS["bleurt"], "BLEURT-21", frozenset({"references"}))
    assert f"neither BLEURT-21 nor {environment}/BLEURT-21 exists; down" in str(error.value)
    assert not (environment / "call0.json").exists()


def test_a_local_model_is_signed_by_its_content(tmp_path: Path) -> None:
    cached(tmp_path, "comet")
    signatures = []
    for content in (b"one", b"two", b"one"):
        (tmp_path / "own.ckpt").write_bytes(content)
        model = str(tmp_path / "own.ckpt")
        scorer = running.find_scorer(PROGRAMS["comet"], model, frozenset({"sources"}))
        signatures.append(scorer.signature)
    assert signatures[0] == signatures[2] != signatures[1]
    assert signatures[0].startswith("comet:unknown|model:own.ckpt@sha256:7692c3ad3540")


WITH_WORKER = """\
import subprocess
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], **{options})
(PROBE / "worker.partial").write_text(str(worker.pid))
(PROBE / "worker.partial").rename(PROBE / "worker")
"""


@pytest.mark.parametrize("exit_code", [0, 3])
def test_a_process_left_behind_is_killed_and_does_not_block(tmp_path: Path, exit_code: int) -> None:
    """It inherits stderr, so the pipe stays open after the program has ended."""
    body = WITH_WORKER.format(options="{}") + COMET + f"sys.exit({exit_code})\n"
    environment = cached(tmp_path, "comet", body)
    start = time.monotonic()
    if exit_code:
        with pytest.raises(ProgramError, match="exit code 3: Predicting DataLoader 0: 100%; check"):
            score("abc")
    else:
        assert score("abc") == [0.03]
    assert time.monotonic() - start < 20
    wait_until(lambda: not alive(int((environment / "worker").read_text())))


def test_a_daemon_in_a_session_of_its_own_does_not_block(tmp_path: Path) -> None:
    options = '{"start_new_session": True}'
    environment = cached(tmp_path, "comet", WITH_WORKER.format(options=options) + COMET)
    start = time.monotonic()
    assert score("abc") == [0.03]
    assert time.monotonic() - start < 20
    os.kill(int((environment / "worker").read_text()), signal.SIGKILL)


WAITING = WITH_WORKER.format(options="{}") + "time.sleep(300)\n"


@pytest.fixture
def signals_restored() -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == handlers


@pytest.mark.usefixtures("signals_restored")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_kills_the_program_and_its_children(
    tmp_path: Path, number: signal.Signals
) -> None:
    environment = cached(tmp_path, "comet", WAITING)
    worker = environment / "worker"
    is_interrupt = number == signal.SIGINT
    handler = signal.default_int_handler if is_interrupt else signal.SIG_DFL
    previous = signal.signal(number, handler)  # the tests may run under nohup or in a shell's &

    def send() -> None:
        wait_until(worker.is_file)
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    sender.start()
    message = None if is_interrupt else "stopped while COMET was scoring; no scores were"
    try:
        with pytest.raises((KeyboardInterrupt, Stopped), match=message):
            score("a")
    finally:
        signal.signal(number, previous)
    sender.join()
    wait_until(lambda: not alive(int(worker.read_text())))
    assert not alive(call(environment)["pid"])
    assert not Path(call(environment)["cwd"]).exists()


def test_an_ignored_hangup_stays_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under nohup."""
    monkeypatch.setenv("PARENT", str(os.getpid()))
    body = 'os.kill(int(os.environ["PARENT"]), 1)\ntime.sleep(0.1)\n' + COMET
    cached(tmp_path, "comet", body)
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert score("abc") == [0.03]
    finally:
        signal.signal(signal.SIGHUP, previous)


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
