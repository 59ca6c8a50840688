"""`serve` and `guard` as commands: options, start, stop."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import util
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.commands import error_of, loaded_by
from support.models import tiny
from support.runs import FinishedRun
from support.servers import complete, serving

from ontarget.cli.commands.serve import options
from ontarget.models.loading import save_model

LONGEST = 400  # new tokens: a second or so
ITALIAN = "La vecchia casa stava da sola in fondo alla lunga strada."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny"
    save_model(tiny(), path)
    return path


@contextmanager
def started(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server as a process of its own, and its address."""
    command = [sys.executable, "-m", "ontarget", *map(str, arguments), "--port", "0"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            match = re.search(r"^\w+ on (http://\S+)$", line.strip())
            assert match, line + process.stderr.read()
            yield process, match[1]
        finally:
            process.kill()


def post(url: str, body: Any, **headers: str) -> httpx.Response:
    return httpx.post(url, json=body, headers=headers, timeout=60, trust_env=False)


def test_sigterm_lets_running_requests_end_and_the_exit_code_is_0(model: Path) -> None:
    body = {"prompt": "hello", "max_tokens": LONGEST}
    arguments = ("serve", model, "--max-new-tokens", str(LONGEST), "--template", "plain")
    with started(*map(str, arguments)) as (process, url), ThreadPoolExecutor(1) as clients:
        running = clients.submit(post, f"{url}/v1/completions", body)
        for _ in range(1000):
            text = httpx.get(f"{url}/metrics", trust_env=False).text
            if "ontarget_batch_size_count 1.0" in text:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        answer = running.result()
        assert answer.json()["usage"]["completion_tokens"] == LONGEST
        stdout, stderr = process.communicate(timeout=60)
        assert (process.returncode, stdout, stderr) == (0, "", "")


def test_a_run_is_served_with_its_own_template_and_languages(finished_run: FinishedRun) -> None:
    with started("serve", f"{finished_run.out}#stage1") as (process, url):
        listed = httpx.get(f"{url}/languages", timeout=60, trust_env=False).json()
        assert {one["code"] for one in listed} == {"en", "it", "nl"}
        models = httpx.get(f"{url}/v1/models", timeout=60, trust_env=False).json()["data"]
        assert [one["id"] for one in models] == [finished_run.out.name]
        body = {"q": "3 days ago", "source": "en", "target": "it"}
        assert post(f"{url}/translate", body).status_code == 200


def test_the_guard_prints_its_rates_when_it_stops() -> None:
    body = {"prompt": "Translate the following sentences from English to Italian.\n\nHi"}
    with serving(lambda request: complete(request, ITALIAN)) as server:
        upstream = f"http://127.0.0.1:{server.port}/v1"
        with started("guard", upstream) as (process, url):
            answer = post(f"{url}/v1/completions", body)
            assert answer.headers["x-ontarget-verdict"] == "on_target"
            process.send_signal(signal.SIGTERM)
            stdout, stderr = process.communicate(timeout=60)
    head, row = stdout.splitlines()
    assert head.split() == "direction answers attempts off-target % first returned".split()
    assert row.split() == ["en-it", "1", "1.00", "0.0", "0.0"]
    assert (process.returncode, stderr) == (0, "")


def test_the_guard_loads_no_model_library() -> None:
    code = "import ontarget.serving.guard.proxy, ontarget.serving.running"
    assert not {"torch", "transformers"} & loaded_by(code)


@pytest.mark.parametrize("package", options.PACKAGES)
def test_a_missing_package_is_said_with_the_command_for_it(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        options, "find_spec", lambda name: None if name == package else util.find_spec(name)
    )
    for command in (("serve", "folder"), ("guard", "http://127.0.0.1:1/v1")):
        name = package.replace("_", "-")
        assert f'{name} is not installed; pip install "ontarget[serve]"' in error_of(*command)


@pytest.mark.parametrize(
    "arguments, text",
    [
        (("serve", "no/such/folder"), "no/such/folder: no such folder"),
        (("serve", "m", "--host", "0.0.0.0"), "--host 0.0.0.0: others could use the server"),
        (("serve", "m", "--languages", "en,xx"), "--languages: CLDR knows no language 'xx'"),
        (("serve", "m", "--port", "70000"), "should be less than or equal to 65535"),
        (("guard", "localhost:8000"), "localhost:8000: expected the base URL of a server"),
        (("guard", "http://a/v1", "--to", "Italian"), "did you mean it?"),
        (("guard", "http://a/v1", "--ways", "pray"), "--ways: there is no 'pray'; use reminder"),
        (("guard", "http://a/v1", "--ways", ",".join(["begin"] * 8)), "--ways: 8 are too many"),
        (("guard", "http://a/v1", "--host", "::"), "--host ::: others could use the server"),
        (("guard", "http://a/v1", "--host", "x.invalid", "--to", "it"), "others could use"),
    ],
    ids=str,
)
def test_bad_options_are_one_line(
    arguments: tuple[str, ...], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONTARGET_TOKEN", raising=False)
    assert text in error_of(*arguments)


def test_a_template_that_is_none_is_one_line(model: Path) -> None:
    assert "--template: is 'x', not the name of a template" in error_of(
        "serve", model, "--template", "x"
    )
