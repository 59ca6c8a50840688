"""A server on this machine whose every answer is scripted, well or badly."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Request:
    """What the server got."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    handler: BaseHTTPRequestHandler


Behaviour = Callable[[Request], None]


@dataclass
class ScriptedServer:
    """Its address, and what it was asked."""

    port: int
    requests: list[Request] = field(default_factory=list)

    @property
    def address(self) -> str:
        """As the command line takes it."""
        return f"http://127.0.0.1:{self.port}/v1#tiny"


def answer(request: Request, body: bytes, status: int = 200, **headers: str) -> None:
    """Send a whole answer."""
    request.handler.send_response(status)
    for name, value in headers.items():
        request.handler.send_header(name.replace("_", "-"), value)
    request.handler.send_header("Content-Length", str(len(body)))
    request.handler.end_headers()
    request.handler.wfile.write(body)


def complete(request: Request, text: Any, reason: Any = "stop") -> None:
    """Send a good answer of the kind that was asked for."""
    chat = request.path.endswith("/chat/completions")
    content = {"message": {"content": text}} if chat else {"text": text}
    answer(request, json.dumps({"choices": [content | {"finish_reason": reason}]}).encode())


def asked(request: Request) -> str:
    """The text of a request."""
    body = request.body
    return str(body["messages"][-1]["content"] if "messages" in body else body["prompt"])


@contextmanager
def serving(behave: Behaviour) -> Iterator[ScriptedServer]:
    """A server that answers every POST with `behave`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.path, headers, body, self)
            scripted.requests.append(request)
            behave(request)

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A client that leaves is expected."""

    server = Quiet(("127.0.0.1", 0), Handler)
    scripted = ScriptedServer(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield scripted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
