"""Servers that answer, fail, hang, lie and die."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from support.servers import Request, answer, asked, complete, serving

from ontarget.decoding.backends import BackendOptions, open_translator
from ontarget.decoding.base import Hypothesis, Search, translate_all
from ontarget.decoding.servers import requests as server_requests
from ontarget.decoding.servers import translator as servers
from ontarget.decoding.servers.requests import retry_after, server_of
from ontarget.errors import TranslationError
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample

SEARCH = Search(beams=1, max_new_tokens=7, batch=4)
TEXT = PromptFormat(template="To {target}: {input}", stop="\n")
CHAT = PromptFormat(template="To {target}: {input}", chat=True, system="Be brief.")
KEY = "sk-very-secret"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between attempts, and no key of the user."""
    monkeypatch.setattr(server_requests, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(server_requests, "ATTEMPTS", 3)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def samples(count: int = 1) -> list[Sample]:
    return [
        Sample(
            key=f"test:{number}", source_lang="en", asked_lang="it", target_lang="it",
            source=f"source {number}", target="",
        )
        for number in range(count)
    ]  # fmt: skip


def translate(
    address: str, count: int = 1, form: PromptFormat = TEXT, **options: Any
) -> list[Hypothesis]:
    """All hypotheses, in the order of the samples."""
    found: dict[int, Hypothesis] = {}
    with open_translator(address, form, SEARCH, options=BackendOptions(**options)) as translator:
        for batch in translator.translate(samples(count)):
            found |= batch
    return [found[index] for index in range(count)]


def only_error(behave: Callable[[Request], None], **options: Any) -> str:
    """The error of the only segment that a server is asked for."""
    with serving(behave) as server:
        (found,) = translate(server.address, **options)
    assert found.error and "\n" not in found.error and not found.text
    return found.error


def error_of(behave: Callable[[Request], None], count: int = 1, **options: Any) -> str:
    """The error of a server that is no use."""
    with serving(behave) as server, pytest.raises(TranslationError) as raised:
        translate(server.address, count, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value).replace(server.address.partition("#")[0], "URL")


def echo(request: Request) -> None:
    complete(request, asked(request).upper())


def test_a_text_format_is_continued_and_a_chat_is_answered() -> None:
    for form, path, key in ((TEXT, "completions", "prompt"), (CHAT, "chat/completions", "")):
        with serving(echo) as server:
            (found,) = translate(server.address, form=form)
        assert found == Hypothesis("TO ITALIAN: SOURCE 0")
        (request,) = server.requests
        assert request.path == f"/v1/{path}"
        expected: dict[str, Any] = {"model": "tiny", "temperature": 0, "max_tokens": 7}
        if key:
            expected |= {"prompt": "To Italian: source 0", "stop": ["\n"]}
        else:
            expected["messages"] = [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "To Italian: source 0"},
            ]
        assert request.body == expected


def test_at_most_concurrency_requests_run_at_once_and_each_segment_gets_its_own_answer() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def slow_echo(request: Request) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02 * (1 + request.body["prompt"].endswith("0")))
        with lock:
            running -= 1
        echo(request)

    with serving(slow_echo) as server:
        found = translate(server.address, 12, concurrency=3)
    assert [f.text for f in found] == [f"TO ITALIAN: SOURCE {n}" for n in range(12)]
    assert most == 3


def test_the_finish_reason_length_is_a_truncated_text_and_others_are_failures() -> None:
    with serving(lambda request: complete(request, "a\n b", "length")) as server:
        assert translate(server.address) == [Hypothesis("a b", truncated=True)]
    for reason in ("content_filter", None, 3, ["stop"]):
        found = only_error(lambda request, reason=reason: complete(request, "a", reason))
        assert found == f"the server ended its answer for the reason {str(reason)!r}"


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_a_status_that_may_pass_is_tried_again(status: int) -> None:
    left = [status, status]

    def recover(request: Request) -> None:
        if left:
            return answer(request, b"busy", left.pop())
        return echo(request)

    with serving(recover) as server:
        (found,) = translate(server.address)
    assert found.text and len(server.requests) == 3


def test_a_status_that_does_not_pass_fails_the_segment_with_what_the_server_said() -> None:
    found = only_error(lambda request: answer(request, b"\x1b[31mout of\nmemory", 500))
    assert found == "status 500 (\\x1b[31mout of memory), 3 times"
    found = only_error(lambda request: answer(request, b"too long", 400))
    assert found == "status 400 (too long)"


def test_retry_after_is_waited_for_and_a_long_one_ends_the_run() -> None:
    times = []

    def limited(request: Request) -> None:
        times.append(time.monotonic())
        if len(times) == 1:
            return answer(request, b"", 429, Retry_After="1")
        return echo(request)

    with serving(limited) as server:
        assert translate(server.address)[0].text
    assert 1 <= times[1] - times[0] < 2
    found = error_of(lambda request: answer(request, b"quota", 429, Retry_After="3600"))
    assert found == "URL: status 429 (quota); it asks to wait 3600 seconds: run again then"


def test_retry_after_is_a_number_or_a_date_and_anything_else_is_nothing() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 57 < retry_after(soon) <= 60
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("7") == 7
    for text in ("", "nan", "-3", "soon", "1e9", "٣", "9" * 5000 + "x"):
        assert retry_after(text) == 0


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>", "the server's answer is not JSON: '<html>'"),
        (b"\xff\xfe", "the server's answer is not JSON: '\ufffd\ufffd'"),
        (b"[" * 100_000, f"the server's answer is not JSON: {'[' * 80!r}"),
        (b'{"choices": [{"text": "half', 'is not JSON: \'{"choices"'),
        (b"{}", "the server's answer has no text or no end: '{}'"),
        (b'{"choices": []}', "has no text or no end"),
        (b'{"choices": [{"text": "a"}]}', "has no text or no end"),
        (b'[[{"text": "a"}]]', "has no text or no end"),
        (b'{"choices": [{"text": null, "finish_reason": "stop"}]}', "is not a text: 'None'"),
        (b'{"choices": [{"text": "\\ud800", "finish_reason": "stop"}]}', "is not a text"),
    ],
)
def test_an_answer_of_another_form_is_a_failed_segment(body: bytes, error: str) -> None:
    assert error in only_error(lambda request: answer(request, body))


def test_half_an_answer_is_tried_again_and_then_fails() -> None:
    def half(request: Request) -> None:
        request.handler.send_response(200)
        request.handler.send_header("Content-Length", "1000")
        request.handler.end_headers()
        request.handler.wfile.write(b'{"choices"')

    assert only_error(half).startswith("the connection failed (peer closed connection")


@pytest.mark.parametrize("trickles", [False, True])
def test_a_server_that_hangs_or_trickles_fails_the_segment_in_time(trickles: bool) -> None:
    free = threading.Event()

    def hang(request: Request) -> None:
        if trickles:
            request.handler.send_response(200)
            request.handler.end_headers()
        while not free.wait(0.02) and trickles:
            request.handler.wfile.write(b" ")

    def behave(request: Request) -> None:
        try:
            hang(request)
        finally:
            free.wait(0.5)

    start = time.monotonic()
    try:
        with serving(behave) as server:
            (found,) = translate(server.address, timeout=0.1)
            taken = time.monotonic() - start
            free.set()
    finally:
        free.set()
    assert found.error == "no answer within 0.1 seconds, 3 times"
    assert taken < 2


def test_an_endless_answer_is_cut_off() -> None:
    sent = 0

    def endless(request: Request) -> None:
        nonlocal sent
        request.handler.send_response(200)
        request.handler.end_headers()
        while True:
            request.handler.wfile.write(b"x" * 2**16)
            sent += 2**16

    assert only_error(endless) == "the answer is longer than 4 MB"
    assert sent < 64 * 2**20


def test_a_redirect_is_not_followed_and_the_key_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(echo) as other:
        there = f"http://127.0.0.1:{other.port}/v1/completions"
        found = error_of(lambda request: answer(request, b"moved", 307, Location=there))
        assert other.requests == []
    assert found == ("URL: status 307 (moved): it redirects; give the address that it redirects to")


def test_a_key_comes_from_the_environment_and_is_in_no_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with serving(echo) as server:
        translate(server.address, key_variable="MY_KEY")
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    with serving(echo) as server:
        translate(server.address)
    assert "authorization" not in server.requests[0].headers
    refused = lambda request: answer(request, f"wrong key {KEY}".encode(), 401)  # noqa: E731
    found = error_of(refused, key_variable="MY_KEY")
    assert found == ("URL: status 401 (wrong key ***); set the environment variable of its key")
    assert KEY not in repr(server_of("http://127.0.0.1:1/v1#m", "MY_KEY", 1.0))


def test_a_server_without_chat_is_a_clear_error() -> None:
    found = error_of(lambda request: answer(request, b"Not Found", 404), form=CHAT)
    assert found == (
        "URL: status 404 (Not Found): there is no chat, or no model tiny; mend the address or the "
        "model's name, or prompt it without chat"
    )
    assert "there is no completions of plain texts" in error_of(
        lambda request: answer(request, b"", 404)
    )


def test_many_failures_in_a_row_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "IN_A_ROW", 4)
    found = error_of(lambda request: answer(request, b"bad", 400), 20)
    assert found == (
        "URL: 4 segments in a row failed, the last one with: status 400 (bad); look at the server, "
        "then run again"
    )


def test_a_failed_segment_between_good_ones_is_told_apart() -> None:
    def picky(request: Request) -> None:
        return answer(request, b"no", 400) if "source 1" in asked(request) else echo(request)

    with serving(picky) as server:
        found = translate(server.address, 3)
        assert [f.error for f in found] == ["", "status 400 (no)", ""]
        with (
            open_translator(server.address, TEXT, SEARCH) as translator,
            pytest.raises(TranslationError, match="^1 of 3 segments .* test:1: status 400"),
        ):
            translate_all(translator, samples(3))


def test_nothing_that_listens_is_an_error_after_the_retries() -> None:
    with serving(echo) as server:
        address = server.address
    with pytest.raises(TranslationError, match="; start the server, or mend the address$"):
        translate(address, 30)


def test_a_server_that_never_answered_is_given_up_within_three_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()  # the real waits
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serving(echo) as server:
        address = server.address
    start = time.monotonic()
    with pytest.raises(TranslationError, match="; start the server, or mend the address$"):
        translate(address, 30)
    assert time.monotonic() - start < 3


def test_a_server_that_has_answered_is_waited_for_when_it_restarts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_requests, "ATTEMPTS", 6)
    refused = 0
    genuine = server_requests.post_once

    async def restarting(client: Any, url: str, body: Any) -> Any:
        nonlocal refused
        if "source 1" in str(body) and refused < 5:
            refused += 1
            raise httpx.ConnectError("All connection attempts failed")
        return await genuine(client, url, body)

    monkeypatch.setattr(server_requests, "post_once", restarting)
    with serving(echo) as server:
        options = BackendOptions(concurrency=1)
        with open_translator(server.address, TEXT, SEARCH, options=options) as translator:
            (first,) = translator.translate(samples(1))  # another call than the next one
            assert first[0].text
            found = [one for batch in translator.translate(samples(2)) for one in batch.values()]
    assert [one.text for one in found] == ["TO ITALIAN: SOURCE 0", "TO ITALIAN: SOURCE 1"]
    assert refused == 5


def test_tls_to_a_server_without_it_names_the_scheme() -> None:
    with serving(echo) as server:
        address = server.address.replace("http", "https", 1)
        message = r"WRONG_VERSION_NUMBER.*; the server may speak plain HTTP: give http:// in place"
        with pytest.raises(TranslationError, match=message):
            translate(address)


DYING = """
import os, sys
from support.servers import complete, serving
import threading
count = 0
def behave(request):
    global count
    count += 1
    if count > 2:
        os._exit(1)
    complete(request, "ciao")
with serving(behave) as server:
    print(server.address, flush=True)
    threading.Event().wait()
"""


def test_a_server_that_dies_in_the_middle_ends_the_run_but_keeps_what_was_translated() -> None:
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{DYING}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        options = BackendOptions(concurrency=1)
        found: dict[int, Hypothesis] = {}
        with (
            open_translator(address, TEXT, SEARCH, options=options) as translator,
            pytest.raises(TranslationError, match="start the server, or mend the address"),
        ):
            for batch in translator.translate(samples(6)):
                found |= batch
        assert found == {0: Hypothesis("ciao"), 1: Hypothesis("ciao")}
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_leaving_early_stops_all_requests_at_once() -> None:
    free = threading.Event()

    def hang_after_one(request: Request) -> None:
        if "source 0" not in asked(request):
            free.wait(5)
        echo(request)

    with serving(hang_after_one) as server:
        with open_translator(server.address, TEXT, SEARCH) as translator:
            batches: Iterator[Any] = translator.translate(samples(20))
            assert next(batches)[0].text
            start = time.monotonic()
            batches.close()  # type: ignore[attr-defined]
            assert time.monotonic() - start < 1
        free.set()
    assert not [thread for thread in threading.enumerate() if "run_until_done" in thread.name]


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("http://127.0.0.1:8000/v1", "expected the base URL of a server and the name of its model"),
        ("http://#m", "expected the base URL"),
        ("http://h:99999/v1#m", "expected the base URL"),
        ("http://h/v1?key=x#m", "expected the base URL"),
        ("http://a b/v1#m", "expected the base URL"),
        ("https://me:hidden@h/v1#m", "the server h: its URL holds a password; leave it out"),
        ("http://h/v1#m", "the key in THE_KEY would be sent unencrypted; use https"),
    ],
)
def test_addresses_that_are_none_are_refused(
    address: str, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    with pytest.raises(TranslationError) as raised:
        server_of(address, "THE_KEY", 1.0)
    assert error in str(raised.value) and "hidden" not in str(raised.value)


def test_a_key_with_a_line_break_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "abc\ndef")
    with pytest.raises(TranslationError, match="^environment: THE_KEY is not a key; set it again$"):
        server_of("https://h/v1#m", "THE_KEY", 1.0)


def test_beam_search_is_refused() -> None:
    search = Search(beams=4, max_new_tokens=7, batch=4)
    with (
        open_translator("http://127.0.0.1:1/v1#m", TEXT, search) as translator,
        pytest.raises(TranslationError, match="^beams: 4, but a server decodes greedily"),
    ):
        list(translator.translate(samples()))
