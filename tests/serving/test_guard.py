"""`guard`: judges, asks again, returns the best answer; passes everything else on."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import openai
import pytest
from support.servers import Request, ScriptedServer, answer, asked, complete, serving
from support.serving import events_of, model_server, threaded

from ontarget.errors import TranslationError
from ontarget.serving.guard import upstream as upstreams
from ontarget.serving.guard.proxy import Guard, guard_application, make_guard
from ontarget.serving.guard.rates import GuardRates
from ontarget.serving.guard.requested import NamedLanguages
from ontarget.serving.guard.retries import REMINDERS, beginning, changed_request, reminder
from ontarget.serving.guard.upstream import path_below, upstream_of
from ontarget.serving.metrics import DIRECTIONS, OTHER

ENGLISH = "The old house stood alone at the end of the long road."
ITALIAN = "La vecchia casa stava da sola in fondo alla lunga strada."
REQUEST = "Translate the following sentences from German to Italian.\n\nDas alte Haus."
BODY = {"model": "m", "messages": [{"role": "user", "content": REQUEST}]}
NONE = NamedLanguages(None, None)
TOKEN = "0123456789abcdef-secret"


@dataclass
class Standing:
    """A guard before a scripted server."""

    url: str
    guard: Guard
    server: ScriptedServer

    def post(self, body: Any = BODY, path: str = "/v1/chat/completions", **headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(self.url + path, json=body, headers=sent, timeout=20, trust_env=False)


@contextmanager
def guarding(  # noqa: PLR0913 - the guard's options
    behave: Callable[[Request], None],
    ways: Sequence[str] = ("reminder", "temperature"),
    languages: NamedLanguages = NONE,
    *,
    timeout: float = 10.0,
    running: int = 64,
    token: str = "",
) -> Iterator[Standing]:
    with serving(behave) as server:
        upstream = upstream_of(f"http://127.0.0.1:{server.port}/v1", timeout)
        guard = make_guard(upstream, tuple(ways), languages, running)
        with threaded(guard_application(guard, 2**16, token)) as port:
            yield Standing(f"http://127.0.0.1:{port}", guard, server)
        guard.desk.shutdown()


def said(*texts: str) -> Callable[[Request], None]:
    """Answers with these texts in turn; the last one for good."""
    left = list(texts)
    return lambda request: complete(request, left.pop(0) if left[1:] else left[0])


def test_an_answer_in_the_requested_language_is_returned_byte_by_byte() -> None:
    content = b'{"choices" :[ {"message":{"content":"%s"}}],"x":1}' % ITALIAN.encode()
    with guarding(lambda request: answer(request, content, X_Request_Id="7")) as standing:
        got = standing.post(Authorization="Bearer key-of-the-server")
        assert got.content == content
        assert got.headers["x-request-id"] == "7"
        assert got.headers["x-ontarget-verdict"] == "on_target"
        assert got.headers["x-ontarget-language"] == "it"
        assert got.headers["x-ontarget-attempts"] == "1"
        (request,) = standing.server.requests
        assert request.body == BODY
        assert request.headers["authorization"] == "Bearer key-of-the-server"
        assert not [name for name in request.headers if name.startswith("x-ontarget")]


def test_an_answer_in_another_language_is_asked_for_again_with_a_reminder() -> None:
    with guarding(said(ENGLISH, ITALIAN)) as standing:
        got = standing.post()
        assert got.json()["choices"][0]["message"]["content"] == ITALIAN
        assert got.headers["x-ontarget-attempts"] == "2"
        assert asked(standing.server.requests[1]) == f"Rispondi solo in italiano.\n\n{REQUEST}"


def test_all_ways_are_tried_in_their_order_and_no_more() -> None:
    with guarding(said(ENGLISH), ("temperature", "begin", "reminder")) as standing:
        got = standing.post({"prompt": REQUEST, "temperature": 0}, "/v1/completions")
        assert got.status_code == 200
        assert got.headers["x-ontarget-verdict"] == "pivot"
        assert got.headers["x-ontarget-language"] == "en"
        assert got.headers["x-ontarget-attempts"] == "4"
        bodies = [request.body for request in standing.server.requests]
        assert [body["temperature"] for body in bodies] == [0, 0.7, 0, 0]
        assert bodies[2]["prompt"] == f"{REQUEST}Italiano:"


def test_the_best_answer_is_returned_and_a_failing_attempt_costs_nothing() -> None:
    answers = [ENGLISH, None, ENGLISH]

    def behave(request: Request) -> None:
        text = answers.pop(0)
        if text is None:
            answer(request, b"no", 500)
        else:
            complete(request, text)

    with guarding(behave) as standing:
        got = standing.post()
        assert got.json()["choices"][0]["message"]["content"] == ENGLISH
        assert got.headers["x-ontarget-attempts"] == "3"


def test_rates_by_direction_are_counted_for_prometheus_and_the_table() -> None:
    turns = iter(range(10**6))

    def half(request: Request) -> None:
        again = "Rispondi" in asked(request)
        complete(request, ITALIAN if again or next(turns) % 2 else ENGLISH)

    with guarding(half, ("reminder",)) as standing:
        for _ in range(10):
            assert standing.post().headers["x-ontarget-verdict"] == "on_target"
        assert standing.guard.rates.rows() == [["de-it", "10", "1.50", "50.0", "0.0"]]
        text = httpx.get(f"{standing.url}/metrics", trust_env=False).text
        line = 'ontarget_guard_answers_total{direction="de-it",stage="%s",verdict="%s"} %s'
        assert line % ("first", "pivot", "5.0") in text
        assert line % ("returned", "on_target", "10.0") in text
        assert 'ontarget_guard_attempts_total{direction="de-it"} 15.0' in text


def test_a_header_and_an_option_name_the_language_where_the_text_does_not() -> None:
    plain = {"messages": [{"role": "user", "content": "Das alte Haus."}]}
    with guarding(said(ENGLISH), ()) as standing:
        assert standing.post(plain, X_Ontarget_Target="it").headers["x-ontarget-verdict"] == "pivot"
        assert standing.post(X_Ontarget_Target="eng").headers["x-ontarget-verdict"] == "on_target"
        assert "x-ontarget-verdict" not in standing.post(plain).headers
        refused = standing.post(X_Ontarget_Target="\x1b[2J")
        assert refused.status_code == 400
        wanted = "X-Ontarget-Target: no language has this code"
        assert refused.json()["error"]["message"] == wanted
    with guarding(said(ENGLISH), (), NamedLanguages("en", "it")) as standing:
        assert standing.post(plain).headers["x-ontarget-verdict"] == "source_language"


def test_a_streamed_answer_is_judged_and_then_streamed() -> None:
    with guarding(said(ENGLISH, ITALIAN)) as standing:
        got = standing.post(BODY | {"stream": True, "stream_options": {"include_usage": True}})
        events = events_of(got.text)
        assert got.headers["content-type"].startswith("text/event-stream")
        assert got.headers["x-ontarget-attempts"] == "2"
        assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ITALIAN}
        assert events[-1]["choices"][0]["finish_reason"] == "stop"
        assert [request.body["stream"] for request in standing.server.requests] == [False, False]


@pytest.mark.filterwarnings("ignore")
def test_the_openai_client_works_through_guard_and_serve() -> None:
    with model_server() as behind:
        guard = make_guard(upstream_of(f"{behind.url}/v1", 20.0), (), NONE, 9)
        with threaded(guard_application(guard, 2**16, "")) as port:
            client = openai.OpenAI(
                base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0
            )
            assert [model.id for model in client.models.list()] == ["tiny"]
            messages: Any = [{"role": "user", "content": "Translate into Italian: hello"}]
            whole = client.chat.completions.create(model="tiny", messages=messages)
            parts = client.chat.completions.create(model="tiny", messages=messages, stream=True)
            texts = [part.choices[0].delta.content or "" for part in parts]
            assert "".join(texts) == whole.choices[0].message.content
            client.close()
        guard.desk.shutdown()


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
def test_errors_of_the_server_are_passed_on_and_not_repeated(status: int) -> None:
    def behave(request: Request) -> None:
        answer(request, b'{"error": "\x1b"}', status, Retry_After="9")

    with guarding(behave) as standing:
        got = standing.post()
        assert (got.status_code, got.content) == (status, b'{"error": "\x1b"}')
        assert got.headers["retry-after"] == "9"
        assert len(standing.server.requests) == 1


def test_calls_of_tools_and_empty_choices_are_passed_on() -> None:
    for content in ({"choices": [{"message": {"content": None, "tool_calls": [1]}}]}, {"a": 1}):
        whole = json.dumps(content).encode()
        with guarding(lambda request, whole=whole: answer(request, whole)) as standing:  # type: ignore[misc]
            got = standing.post()
            assert (got.content, got.headers["x-ontarget-verdict"]) == (whole, "not_judged")


def half_an_answer(request: Request) -> None:
    request.handler.send_response(200)
    request.handler.send_header("Content-Length", "1000")
    request.handler.end_headers()
    request.handler.wfile.write(b'{"choices')


def endless(request: Request) -> None:
    request.handler.send_response(200)
    request.handler.end_headers()
    try:
        while True:
            request.handler.wfile.write(b"x" * 65536)
    except OSError:
        pass


FAULTS: dict[str, tuple[Callable[[Request], None], int, str]] = {
    "garbage": (lambda request: answer(request, b"\x00\xff"), 502, "is not JSON"),
    "deep": (lambda request: answer(request, b"[" * 10**5), 502, "is not JSON"),
    "half": (half_an_answer, 502, "broke off its answer"),
    "nothing": (lambda request: request.handler.connection.close(), 502, "broke off its answer"),
    "no HTTP": (lambda request: request.handler.wfile.write(b"x\r\n") and None, 502, "broke off"),
    "hangs": (lambda request: time.sleep(1.0), 504, "did not answer in time"),
    "endless": (endless, 502, "is too long"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_what_is_no_answer_is_one_line(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    behave, status, text = FAULTS[kind]
    monkeypatch.setattr(upstreams, "MOST_BYTES", 2**20)
    with guarding(behave, timeout=0.5) as standing:
        got = standing.post()
        assert got.status_code == status
        assert text in got.json()["error"]["message"] and got.json()["error"]["code"] == status


def test_a_server_that_is_not_there_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    guard = make_guard(upstream_of(f"http://127.0.0.1:{port}/v1", 5.0), (), NONE, 9)
    with threaded(guard_application(guard, 2**16, "")) as own:
        url = f"http://127.0.0.1:{own}/v1/models"
        got = httpx.get(url, trust_env=False)
        assert got.status_code == 502
        assert got.json()["error"]["message"] == "the server behind the guard cannot be reached"
    guard.desk.shutdown()


def test_a_hanging_retry_does_not_lose_the_answer() -> None:
    count = iter(range(9))

    def behave(request: Request) -> None:
        if next(count):
            time.sleep(1.5)
        complete(request, ENGLISH)

    with guarding(behave, timeout=0.7) as standing:
        got = standing.post()
        assert got.json()["choices"][0]["message"]["content"] == ENGLISH


def test_more_requests_than_allowed_are_told_to_wait() -> None:
    held = threading.Event()

    def behave(request: Request) -> None:
        held.wait(20)
        complete(request, ITALIAN)

    with guarding(behave, running=1) as standing:
        thread = threading.Thread(target=standing.post)
        thread.start()
        while not standing.guard.running:
            time.sleep(0.01)
        got = standing.post()
        assert (got.status_code, got.headers["retry-after"]) == (503, "1")
        held.set()
        thread.join()
        assert standing.post().status_code == 200


def test_the_token_of_the_guard_is_not_the_key_of_the_server() -> None:
    with guarding(said(ITALIAN), token=TOKEN) as standing:
        assert standing.post(Authorization=f"Bearer {TOKEN}").status_code == 401
        got = standing.post(X_Ontarget_Token=TOKEN, Authorization="Bearer other")
        assert got.status_code == 200
        (request,) = standing.server.requests
        assert request.headers["authorization"] == "Bearer other"
        assert TOKEN not in str(request.headers)


@pytest.mark.parametrize("path", [b"/v1/../admin", b"/v1/%2e%2e/admin", b"/v1/a/..\\b", b"/v1/."])
def test_no_path_leads_out_of_the_api(path: bytes) -> None:
    with pytest.raises(upstreams.UpstreamFailed, match="the path leads out of /v1"):
        path_below(path, b"")
    assert path_below(b"/v1/models/a%20b", b"x=1") == "/models/a%20b?x=1"


@pytest.mark.parametrize("address", [
    "127.0.0.1:8000", "ftp://a/v1", "http://", "http://a:99999/v1", "http://a/v1#m", "http://a /v1",
    "http://a/\x1b[2J",
])  # fmt: skip
def test_an_address_that_is_none_is_one_line(address: str) -> None:
    with pytest.raises(TranslationError, match="expected the base URL of a server") as found:
        upstream_of(address, 1.0)
    assert str(found.value).isprintable()


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(TranslationError, match="its URL holds a password") as found:
        upstream_of("http://user:hunter2@127.0.0.1/v1", 1.0)
    assert "hunter2" not in str(found.value)


@pytest.mark.parametrize("language", REMINDERS)
def test_reminders_are_in_their_language(language: str) -> None:
    from ontarget.serving.judging import judge_answer

    source = "en" if language != "en" else "it"
    assert not judge_answer(REMINDERS[language], language, source).is_off_target


def test_reminders_for_other_languages_are_english() -> None:
    assert reminder("sw") == "Answer only in Swahili."
    assert reminder("zh-Hant") == "請只用繁體中文回答。"
    assert (reminder("pt-BR"), reminder("no")) == (REMINDERS["pt"], REMINDERS["nb"])
    assert beginning("it") == "Italiano:"


def test_changed_requests_leave_the_original_alone() -> None:
    parts = [{"type": "text", "text": "hello"}]
    body: dict[str, Any] = {"messages": [{"role": "user", "content": parts}], "temperature": 1.2}
    before = json.dumps(body)
    for way in ("reminder", "temperature", "begin"):
        assert changed_request(body, way, "it") != body
    assert json.dumps(body) == before
    assert changed_request(body, "temperature", "it")["temperature"] == 1.3
    assert changed_request({"prompt": ["a", "b"]}, "begin", "nl")["prompt"] == [
        "aNederlands:", "bNederlands:",
    ]  # fmt: skip


def test_a_table_of_rates_has_no_more_rows_than_directions_are_kept() -> None:
    rates = GuardRates()
    regions = [f"{a}{b}" for a in "ABCDEFGHIJKLMNOPQRST" for b in "ABCDEFGHIJKLMNOPQRST"]
    for region in regions:
        rates.count("de", f"en-{region}", ["pivot", "on_target"], "on_target")
    rows = rates.rows()
    assert len(rows) == DIRECTIONS + 1
    (others,) = (row for row in rows if row[0] == OTHER)
    assert others[1] == str(len(regions) - DIRECTIONS)


@contextmanager
def answering_bytes(content: bytes) -> Iterator[int]:
    """A server that answers every connection with these bytes, and closes it; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(content)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


TLS_ALERT = b"\x15\x03\x03\x00\x02\x02\x0a"  # unexpected_message, RFC 8446


@pytest.mark.parametrize(
    ("scheme", "content", "text"),
    [
        (
            "https", b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
            "no TLS connection to the server behind the guard (WRONG_VERSION_NUMBER); if it speaks "
            "plain HTTP, start the guard with http:// in place of https://",
        ),
        (
            "http", TLS_ALERT,
            "the server behind the guard did not answer in HTTP; if it speaks TLS, start the guard "
            "with https:// in place of http://",
        ),
        (
            "http", b"",
            "the server behind the guard broke off its answer; if it speaks TLS, start the guard "
            "with https:// in place of http://",
        ),
    ],
    ids=["https to plain HTTP", "http to TLS", "http to a server that says nothing"],
)  # fmt: skip
def test_the_wrong_scheme_of_a_server_is_named(scheme: str, content: bytes, text: str) -> None:
    with answering_bytes(content) as port:
        guard = make_guard(upstream_of(f"{scheme}://127.0.0.1:{port}/v1", 5.0), (), NONE, 9)
        with threaded(guard_application(guard, 2**16, "")) as own:
            got = httpx.get(f"http://127.0.0.1:{own}/v1/models", trust_env=False)
        assert (got.status_code, got.json()["error"]["message"]) == (502, text)
        guard.desk.shutdown()
