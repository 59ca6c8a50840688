"""A measurement of general ability that failed or was killed goes on where it was."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from support.harness import WORKS, ability, calls_of, install_harness, save_weights

FAILS_SECOND = "if calls == 1:\n    sys.exit('out of memory')\n" + WORKS


def test_a_measurement_resumes_with_the_model_that_failed(tmp_path: Path, harness: Path) -> None:
    models = [save_weights(tmp_path / name) for name in ("one", "two")]
    install_harness(harness, FAILS_SECOND)
    failed = ability(tmp_path, *models, "--tasks", "a")
    assert (failed.code, failed.stdout) == (2, "")
    message = f"{harness}/bin/lm_eval: failed with exit code 1: out of memory; check that "
    expected = f"ontarget: {message}lm-evaluation-harness runs by hand with {models[1]}"
    assert failed.stderr.splitlines()[-1] == expected
    assert not (tmp_path / "out" / "ability.json").exists()
    assert ability(tmp_path, *models, "--tasks", "a").code == 0
    assert calls_of(harness) == 3, "the first model is measured once"
    assert ability(tmp_path, *models, "--tasks", "a").code == 0
    assert calls_of(harness) == 5, "nothing is kept of a measurement that is complete"


@pytest.mark.parametrize("changed", ["a setting", "the model", "a task"])
def test_what_was_measured_otherwise_is_not_resumed(
    tmp_path: Path, harness: Path, changed: str
) -> None:
    models = [save_weights(tmp_path / name) for name in ("one", "two")]
    more = tmp_path / "more"
    more.mkdir()
    install_harness(harness, FAILS_SECOND)
    arguments = [*models, "--tasks", "a", "--include-path", more, "--limit", "7"]
    assert ability(tmp_path, *arguments).code == 2
    if changed == "a setting":
        arguments[-1] = "8"
    elif changed == "the model":
        (models[0] / "config.json").write_text('{"vocab_size": 3}')
    else:
        (more / "a.yaml").write_text("task: a")
    assert ability(tmp_path, *arguments).code == 0
    assert calls_of(harness) == 4


def test_a_signal_kills_the_program_and_keeps_what_was_measured(
    tmp_path: Path, harness: Path
) -> None:
    models = [save_weights(tmp_path / name) for name in ("one", "two")]
    install_harness(harness, "if calls == 1:\n    time.sleep(300)\n" + WORKS)
    second = harness / "call1.json"

    def send() -> None:
        end = time.monotonic() + 60
        while not second.exists() and time.monotonic() < end:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    previous = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sender = threading.Thread(target=send)
    sender.start()
    result = ability(tmp_path, *models, "--tasks", "a")
    sender.join()
    signal.signal(signal.SIGTERM, previous)
    assert result.code == 143 and "models measured so far are kept" in result.stderr
    install_harness(harness)
    assert ability(tmp_path, *models, "--tasks", "a").code == 0
    assert calls_of(harness) == 3
