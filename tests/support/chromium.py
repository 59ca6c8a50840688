"""A headless Chromium, driven by its own protocol over two pipes."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--remote-debugging-pipe", "about:blank",
)  # fmt: skip
KEYS = {"Enter": ("Enter", 13, "\r"), "Tab": ("Tab", 9, "")}
CONTROL = 2  # of the protocol's modifiers
SECONDS = 30.0


def chromium() -> str | None:
    """The browser, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """One tab; `problems` are what its console and its policy complained of."""

    def __init__(self, reading: int, writing: int) -> None:
        self.answers, self.writing = os.fdopen(reading, "rb"), writing
        self.number, self.session, self.rest = 0, "", b""
        self.problems: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """The result of a command."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        while (answer := self.read()).get("id") != self.number:
            if answer.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.problems.append(json.dumps(answer["params"]))
        assert "error" not in answer, answer
        return answer["result"]

    def read(self) -> dict[str, Any]:
        """The next message."""
        while b"\0" not in self.rest:
            part = os.read(self.answers.fileno(), 2**16)
            assert part, "chromium has ended"
            self.rest += part
        message, _, self.rest = self.rest.partition(b"\0")
        content: dict[str, Any] = json.loads(message)
        return content

    def open(self, url: str, width: int) -> None:
        """Load a page in a window of this width; phones have narrow ones."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1,
            mobile=width < 600,
        )  # fmt: skip
        self.call("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, expression: str) -> Any:
        """The value of an expression, once it is true."""
        until = time.monotonic() + SECONDS
        while not (found := self.value(expression)):
            assert time.monotonic() < until, (expression, self.problems)
            time.sleep(0.05)
        return found

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, name: str, modifiers: int = 0) -> None:
        """Press a key and release it."""
        key, code, text = KEYS[name]
        pressed = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        typed = {"text": text} if text and not modifiers else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **pressed, **typed)
        self.call("Input.dispatchKeyEvent", type="keyUp", **pressed)

    def screenshot(self, path: Path) -> None:
        """Write the whole page as a PNG."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """A page in a new browser, which ends with the block."""
    program = chromium()
    assert program
    its_input, writing = os.pipe()
    reading, its_output = os.pipe()
    # Chromium reads commands from descriptor 3 and writes answers to descriptor 4.
    shell = ["bash", "-c", f'exec "$@" 3<&{its_input} 4>&{its_output}', "chromium"]
    command = [*shell, program, f"--user-data-dir={profile}", *FLAGS]
    none = subprocess.DEVNULL
    with subprocess.Popen(
        command, pass_fds=(its_input, its_output), stdin=none, stdout=none, stderr=none
    ) as process:
        os.close(its_input)
        os.close(its_output)
        page = None
        try:
            page = Page(reading, writing)
            yield page
        finally:
            process.kill()
            if page is not None:
                page.answers.close()
            os.close(writing)
