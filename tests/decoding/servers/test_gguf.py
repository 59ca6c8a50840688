"""The life of a llama-server, by a stand-in program; and llama.cpp's library, by a stand-in."""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ontarget.decoding.backends import BackendOptions, open_translator
from ontarget.decoding.base import Hypothesis, Search, translate_all
from ontarget.decoding.servers import gguf
from ontarget.decoding.servers import requests as server_requests
from ontarget.errors import ModelError, OnTargetError, ProgramError
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample

SEARCH = Search(beams=1, max_new_tokens=7, batch=4)
CHAT = PromptFormat(template="To {target}: {input}", chat=True)
SAMPLES = [
    Sample(
        key=str(number), source_lang="en", asked_lang="it", target_lang="it",
        source=f"source {number}", target="",
    )
    for number in range(5)
]  # fmt: skip

# It notes its process and command line, loads for a moment, then answers with the request in upper
# case, if the key is right. What else it does is the name of the model.
PROGRAM = """#!{python}
import json, os, signal, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
kind, key = os.path.basename(options["--model"]), os.environ["LLAMA_API_KEY"]
with open({notes!r}, "a") as notes:
    print(json.dumps([os.getpid(), sys.argv, key]), file=notes)
print("loading\\n" + "x" * 300_000, file=sys.stderr, flush=True)
if kind == "broken.gguf":
    print("unknown model architecture", file=sys.stderr)
    sys.exit(3)
if kind == "stubborn.gguf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
start, answered = time.monotonic(), 0

class Handler(BaseHTTPRequestHandler):
    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        ready = self.path == "/health" and time.monotonic() > start + 0.2
        self.reply(200 if ready else 503, b"")

    def do_POST(self):
        global answered
        answered += 1
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != "Bearer " + key:
            return self.reply(401, b"")
        if kind == "dying.gguf" and answered > 2:
            print("CUDA error: out of memory", file=sys.stderr, flush=True)
            os._exit(9)
        text = body["messages"][-1]["content"].upper()
        choice = {{"message": {{"content": text}}, "finish_reason": "stop"}}
        self.reply(200, json.dumps({{"choices": [choice]}}).encode())

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(options["--port"])), Handler).serve_forever()
"""


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A llama-server on the PATH; what it notes is in this file."""
    notes = tmp_path / "notes"
    program = tmp_path / "bin" / "llama-server"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable, notes=str(notes)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr(server_requests, "FIRST_WAIT", 0.001)
    return notes


def model_file(folder: Path, name: str = "model.gguf") -> str:
    (folder / name).write_bytes(b"GGUF rest")
    return str(folder / name)


def started(notes: Path) -> list[tuple[int, list[str], str]]:
    """Process, command line and key of each server that was started; none runs any more."""
    found = [tuple(json.loads(line)) for line in notes.read_text().splitlines()]
    for pid, *_ in found:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    return found


def test_a_server_is_started_asked_and_stopped(notes: Path, tmp_path: Path) -> None:
    model, options = model_file(tmp_path), BackendOptions(concurrency=3)
    with open_translator(model, CHAT, SEARCH, options=options) as translator:
        assert "key=" not in repr(translator)
        assert translate_all(translator, SAMPLES) == [f"TO ITALIAN: SOURCE {n}" for n in range(5)]
    ((_, command, key),) = started(notes)
    assert command[1:5] == ["--model", model, "--host", "127.0.0.1"]
    assert command[7:] == ["--parallel", "3", "--offline"]
    assert len(key) >= 32 and not any(key in word for word in command)


def test_a_server_is_stopped_after_an_error_even_if_it_ignores_the_signal(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf, "STOP_SECONDS", 0.2)
    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117
        with open_translator(model_file(tmp_path, "stubborn.gguf"), CHAT, SEARCH):
            raise KeyboardInterrupt
    assert len(started(notes)) == 1


def test_a_server_that_does_not_start_is_an_error_with_what_it_said(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def error() -> str:
        with (
            pytest.raises(ProgramError) as raised,
            open_translator(model_file(tmp_path, "broken.gguf"), CHAT, SEARCH),
        ):
            pass
        return str(raised.value)

    assert error() == (
        "llama-server: ended with status 3 (unknown model architecture); update llama.cpp, or "
        "fetch the model again"
    )
    monkeypatch.setattr(gguf, "START_SECONDS", 0.0)
    assert error() == "llama-server: is not ready after 0 s; take a smaller model"
    assert started(notes)


def test_a_server_that_dies_is_an_error_and_what_it_answered_is_kept(
    notes: Path, tmp_path: Path
) -> None:
    found: dict[int, Hypothesis] = {}
    options = BackendOptions(concurrency=1)
    model = model_file(tmp_path, "dying.gguf")
    with (
        pytest.raises(ProgramError) as raised,
        open_translator(model, CHAT, SEARCH, options=options) as translator,
    ):
        for batch in translator.translate(SAMPLES):
            found |= batch
    assert str(raised.value) == (
        "llama-server: ended with status 9 (CUDA error: out of memory); run again"
    )
    assert sorted(found) == [0, 1] and len(started(notes)) == 1


class Llama:
    """Llama of llama-cpp-python, as far as it is documented."""

    def __init__(self, *, model_path: str, n_ctx: int, verbose: bool) -> None:
        if "bad" in model_path:
            raise ValueError("Failed to load model from file")
        assert (n_ctx, verbose) == (0, False)
        self.closed = False

    def create_chat_completion(
        self, messages: list[dict[str, str]], temperature: float, max_tokens: int
    ) -> Any:
        assert (temperature, max_tokens) == (0, 7)
        text = messages[-1]["content"]
        if text.endswith("3"):
            raise ValueError("Requested tokens exceed context window")
        return {"choices": [{"message": {"content": text[-1]}, "finish_reason": "length"}]}

    def close(self) -> None:
        self.closed = True


def test_without_the_program_the_library_translates_and_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "llama_cpp", SimpleNamespace(Llama=Llama))
    with open_translator(model_file(tmp_path), CHAT, SEARCH) as translator:
        found = [h for batch in translator.translate(SAMPLES) for h in batch.values()]
        engine: Any = translator
        assert not engine.engine.closed
    assert engine.engine.closed
    refused = "llama.cpp refuses it (Requested tokens exceed context window)"
    assert found == [
        Hypothesis("", error=refused) if n == 3 else Hypothesis(str(n), truncated=True)
        for n in range(5)
    ]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("none.gguf", None, "none.gguf: no such file; give a .gguf file"),
        ("text.gguf", b"GGML", "text.gguf: is not in the format GGUF; convert the model for"),
        ("bad.gguf", b"GGUF", r"llama.cpp cannot load it \(Failed to load model from file\)"),
    ],
)
def test_files_that_are_no_models_are_errors(
    name: str, content: bytes | None, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "llama_cpp", SimpleNamespace(Llama=Llama))
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with (
        pytest.raises(ModelError, match=error),
        open_translator(str(tmp_path / name), CHAT, SEARCH),
    ):
        pass


def test_without_program_and_library_the_error_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with (
        pytest.raises(OnTargetError) as raised,
        open_translator(model_file(tmp_path), CHAT, SEARCH),
    ):
        pass
    assert str(raised.value).startswith("backend llama.cpp: the package llama_cpp is not installed")
    assert str(raised.value).endswith(
        'pip install "llama-cpp-python", or put llama-server on the PATH'
    )
