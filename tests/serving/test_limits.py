"""What hostile clients send: too much, too slowly, too often, without a token."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.serving import BODY, Running, model_server

from ontarget.errors import TranslationError
from ontarget.serving import limits, security
from ontarget.serving.metrics import OTHER, Directions
from ontarget.serving.running import allow_many_connections, bind

TOKEN = "0123456789abcdef-secret"
HELLO = {"prompt": "hello", "max_tokens": 2}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with model_server(token=TOKEN) as running:
        yield running


@pytest.fixture(scope="module")
def open_server() -> Iterator[Running]:
    with model_server() as running:
        yield running


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def raw(server: Running, *parts: bytes, pause: float = 0.0, wait: float = 20.0) -> bytes:
    """What the server answers to bytes, sent with pauses; b"" if it only closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait) as connection:
        answer = b""
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
            while part := connection.recv(65536):
                answer += part
        except (ConnectionResetError, BrokenPipeError):
            pass
    return answer


def head(path: str, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize(
    "headers", [{}, bearer("wrong"), bearer(TOKEN[:-1]), bearer(TOKEN + "x"), bearer("ü")], ids=str
)
def test_without_the_token_nothing_is_served(server: Running, headers: dict[str, str]) -> None:
    headers = {name: value.encode("utf-8") for name, value in headers.items()}  # type: ignore[misc]
    for path in ("/v1/completions", "/v1/nothing"):
        answer = server.post(path, HELLO, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["message"] == "no valid token in the header Authorization"
    for path in ("/metrics", "/openapi.json", "/v1/models", "/"):
        assert server.get(path, headers=headers).status_code == 401
    assert server.get("/health", headers=headers).json()["status"] == "ok"


def test_with_the_token_everything_is_served(server: Running) -> None:
    assert server.post("/v1/completions", HELLO, headers=bearer(TOKEN)).status_code == 200
    assert server.get("/metrics", headers=bearer(TOKEN)).status_code == 200


def test_the_key_of_libretranslate_is_the_token(server: Running) -> None:
    body = {"q": "hello", "source": "en", "target": "it"}
    assert server.post("/translate", body | {"api_key": TOKEN}).status_code == 200
    assert server.post("/translate", body, headers=bearer(TOKEN)).status_code == 200
    for wrong in (body, body | {"api_key": "wrong"}):
        answer = server.post("/translate", wrong)
        assert answer.status_code == 401
        assert answer.json() == {"error": "no valid token in Authorization or api_key"}
    both = server.post("/translate", body | {"api_key": TOKEN}, headers=bearer("wrong"))
    assert both.status_code == 401


def test_a_wrong_token_is_refused_before_the_body_is_sent(server: Running) -> None:
    answer = raw(server, head("/v1/completions", "Content-Length: 1000"))
    assert answer.startswith(b"HTTP/1.1 401 ") and b"connection: close" in answer


def test_pages_of_other_hosts_cannot_use_a_server_without_a_token(open_server: Running) -> None:
    answer = open_server.get("/health", headers={"Host": "evil.example:8000"})
    assert (answer.status_code, answer.json()) == (
        403, {"error": "the Host header names another machine"},
    )  # fmt: skip
    for host in ("localhost:1", "127.0.0.1", "[::1]:8000"):
        assert open_server.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("size", [BODY + 1, 10 * BODY])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_long_body_is_refused(open_server: Running, size: int, chunked: bool) -> None:
    body = json.dumps({"prompt": "x" * size}).encode()
    content: Any = iter([body[:100], body[100:]]) if chunked else body
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(
        open_server.url + "/v1/completions", content=content, headers=headers, trust_env=False
    )
    assert answer.status_code == 413
    assert answer.json()["error"]["message"] == f"the body is longer than {BODY} bytes"


def test_a_body_without_end_is_cut(open_server: Running) -> None:
    chunk = b"10000\r\n" + b"x" * 2**16 + b"\r\n"
    start = head("/v1/completions", "Transfer-Encoding: chunked")
    answer = raw(open_server, start, *[chunk] * 200)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 ")


def test_headers_without_end_are_refused(open_server: Running) -> None:
    lines = [f"X-{number}: {'a' * 100}\r\n".encode() for number in range(900)]
    answer = raw(open_server, head("/v1/completions")[:-2], *lines)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("sent", [b"", b"POST /v1/comp", head("/v1/completions")[:-2]])
def test_headers_that_do_not_come_close_the_connection(
    open_server: Running, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HEADER_SECONDS", 0.3)
    start = time.monotonic()
    assert raw(open_server, sent) == b""
    assert time.monotonic() - start < 5


def test_headers_that_dribble_close_the_connection(
    open_server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HEADER_SECONDS", 0.3)
    letters = [bytes([letter]) for letter in head("/v1/completions")]
    start = time.monotonic()
    assert raw(open_server, *letters, pause=0.05) == b""
    assert time.monotonic() - start < 3


def test_a_body_that_dribbles_is_refused(
    open_server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.3)
    start = head("/v1/completions", "Content-Length: 1000")
    answer = raw(open_server, start, *[b"x"] * 20, pause=0.05)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("sent", [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01" * 9])
def test_what_is_no_http_is_refused(open_server: Running, sent: bytes) -> None:
    answer = raw(open_server, sent, b"\r\n\r\n")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


def test_a_thousand_open_connections_do_not_keep_others_out(open_server: Running) -> None:
    allow_many_connections()
    connections: list[socket.socket] = []
    try:
        for _ in range(1000):
            connections.append(socket.create_connection(("127.0.0.1", open_server.port), 20))
        assert open_server.post("/v1/completions", HELLO).status_code == 200
    finally:
        for connection in connections:
            connection.close()


def test_connections_beyond_the_limit_are_closed(
    open_server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONNECTIONS", 0)
    assert raw(open_server, b"") == b""


def test_directions_in_metrics_are_bounded() -> None:
    directions = Directions()
    codes = [f"{first}{second}" for first in "abcdefghijklmnopqrst" for second in "abcdefghijklmno"]
    labels = {directions.label("en", code) for code in codes}
    assert OTHER in labels and len(labels) <= 201


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.org", ""])
def test_others_are_not_listened_to_without_a_token(host: str) -> None:
    with pytest.raises(TranslationError, match="others could use the server; set the environment"):
        security.check_host(host, "")
    security.check_host(host, TOKEN)
    security.check_host("127.0.0.1", "")


@pytest.mark.parametrize("token, text", [
    ("short", "is shorter than 16 characters; make one with `openssl rand -hex 16`"),
    ("a secret with spaces in it", "has characters that a header cannot hold"),
    ("geheimnisvolles-töken", "has characters that a header cannot hold"),
])  # fmt: skip
def test_a_token_that_protects_nothing_is_refused(
    token: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(security.TOKEN_VARIABLE, token)
    with pytest.raises(TranslationError, match=text):
        security.token_of_environment()


def test_an_address_that_is_taken_is_one_line() -> None:
    first = bind("127.0.0.1", 0)
    first.listen()
    with pytest.raises(TranslationError, match="cannot listen there .*; give another --host or"):
        bind("127.0.0.1", first.getsockname()[1])
    first.close()
    with pytest.raises(TranslationError, match="cannot listen there"):
        bind("no.such.host.invalid", 1)
