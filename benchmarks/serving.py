"""Latency of `ontarget serve` under load, and what `ontarget guard` adds to a request.

    python benchmarks/serving.py MODEL [SECONDS] [CLIENTS]

MODEL is a folder. First one client, then CLIENTS (50) ask for SECONDS (60) each, one request after
another, for greedy continuations of the same length: requests, errors, and milliseconds (p50, p95).
The aim is a p95 below four times that of the lone client at equal batch work, so a lone client that
sends CLIENTS prompts in one request is measured too. Then a lone client asks a stand-in server that
answers at once, directly and through the guard; the difference is what the guard adds.
"""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

TOKENS = 32  # of each answer at most
PROMPT = "Translate the following sentences from English to Italian.\n\nThe old house number {} is"
ANSWER = "La vecchia casa stava da sola in fondo alla lunga strada."
DIRECT = 200  # requests to the stand-in, each way
Ask = Callable[[httpx.Client, int], httpx.Response]


@contextmanager
def started(*arguments: str) -> Iterator[str]:
    """A server of `ontarget` and its address."""
    command = [sys.executable, "-m", "ontarget", *arguments, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        line = process.stderr.readline() if process.stderr else ""
        found = re.search(r"http://\S+", line)
        if found is None:
            sys.exit(line)
        try:
            yield found[0]
        finally:
            process.terminate()


def load(ask: Ask, clients: int, seconds: float) -> tuple[list[float], int]:
    """Milliseconds of all answers of `clients` that ask for `seconds`, and the number of errors."""
    times: list[float] = []
    errors: list[str] = []
    until = time.perf_counter() + seconds

    def work(number: int) -> None:
        with httpx.Client(timeout=300, trust_env=False) as client:
            while (start := time.perf_counter()) < until:
                try:
                    ask(client, number).raise_for_status()
                except httpx.HTTPError as error:
                    errors.append(str(error))
                else:
                    times.append(1000 * (time.perf_counter() - start))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, len(errors)


def report(name: str, times: list[float], errors: int) -> None:
    """One line: requests, errors, milliseconds."""
    times = sorted(times) or [float("nan")]
    p50, p95 = (times[int(share * (len(times) - 1))] for share in (0.5, 0.95))
    print(f"{name:34} {len(times):6} requests {errors} errors  p50 {p50:.1f}  p95 {p95:.1f} ms")


def prompts(count: int) -> Callable[[str], Ask]:
    """A client's request with `count` prompts, to a server's address."""

    def asking(url: str) -> Ask:
        def ask(client: httpx.Client, number: int) -> httpx.Response:
            body = {"prompt": [PROMPT.format(number + n) for n in range(count)]}
            return client.post(f"{url}/v1/completions", json=body | {"max_tokens": TOKENS})

        return ask

    return asking


class StandIn(BaseHTTPRequestHandler):
    """A server that answers at once."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        content = json.dumps({"choices": [{"text": ANSWER, "finish_reason": "stop"}]}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        self.wfile.write(head + content)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def guard_milliseconds() -> None:
    """Print what the guard adds to a request."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    direct = f"http://127.0.0.1:{server.server_address[1]}"
    with started("guard", f"{direct}/v1") as guarded, httpx.Client(trust_env=False) as client:
        found: dict[str, list[float]] = {direct: [], guarded: []}
        for turn in range(DIRECT + 10):
            for url, times in found.items():
                start = time.perf_counter()
                body = {"prompt": PROMPT.format(turn)}
                client.post(f"{url}/v1/completions", json=body).raise_for_status()
                if turn >= 10:
                    times.append(1000 * (time.perf_counter() - start))
    for name, times in zip(("stand-in, direct", "stand-in, guarded"), found.values(), strict=True):
        report(name, times, 0)
    server.shutdown()


def main() -> None:
    """Print the measurements."""
    model, *rest = sys.argv[1:]
    seconds, clients = float((*rest, 60)[0]), int((*rest[1:], 50)[0])
    with started("serve", model, "--batch", str(clients)) as url:
        load(prompts(1)(url), 1, 1.0)
        report("one client", *load(prompts(1)(url), 1, seconds))
        report(f"one client, {clients} prompts", *load(prompts(clients)(url), 1, seconds))
        report(f"{clients} clients", *load(prompts(1)(url), clients, seconds))
    guard_milliseconds()


if __name__ == "__main__":
    main()
