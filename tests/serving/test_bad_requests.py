"""`serve`: what is wrong with a request is said where its client knows the place."""

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.serving import Running, model_server

from ontarget.serving.api import translate_api

HELLO = {"role": "user", "content": "hello"}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with model_server() as running:
        yield running


def message_of(answer: httpx.Response) -> str:
    """The text of an error, which is one line."""
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    text = str(error["message"] if isinstance(error, dict) else error)
    assert text.isprintable()
    return text


@pytest.mark.parametrize(
    "change",
    [
        {"seed": "x"}, {"seed": 1.5}, {"seed": True}, {"top_p": [1]}, {"top_p": "0.5"},
        {"top_p": True}, {"top_p": 1.5}, {"stream": "yes"}, {"stream": 1}, {"max_tokens": "5"},
        {"max_tokens": True}, {"max_tokens": 2.0}, {"max_completion_tokens": "5"},
    ],
    ids=str,
)  # fmt: skip
def test_a_setting_of_another_type_is_refused_by_its_name(
    server: Running, change: dict[str, Any]
) -> None:
    (name,) = change
    for path, body in (
        ("chat/completions", {"messages": [HELLO]}),
        ("completions", {"prompt": "a"}),
    ):
        answer = server.post(f"/v1/{path}", body | change)
        assert message_of(answer).startswith(f"{name}: Input should be ")
        assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "change",
    [{"seed": 7}, {"top_p": 1}, {"top_p": None, "seed": None, "stream": None, "max_tokens": None}],
    ids=str,
)
def test_a_setting_of_the_right_type_changes_nothing(
    server: Running, change: dict[str, Any]
) -> None:
    plain = server.post("/v1/completions", {"prompt": "hello"}).json()["choices"]
    assert server.post("/v1/completions", {"prompt": "hello"} | change).json()["choices"] == plain


PLACES = {
    "a number": (
        "/translate",
        {"q": 1, "target": "it"},
        "q: Input should be a valid string or a valid list",
    ),
    "a number in a list": (
        "/translate",
        {"q": ["a", 1], "target": "it"},
        "q[1]: Input should be a valid string",
    ),
    "no texts": ("/translate", {"q": [], "target": "it"}, "q: List should have at least 1 item"),
    "no target": ("/translate", {"q": ["a"]}, "target: Field required"),
    "a stop": (
        "/v1/completions",
        {"prompt": "a", "stop": ["b", 2]},
        "stop[1]: Input should be a valid string",
    ),
    "an empty stop": (
        "/v1/completions",
        {"prompt": "a", "stop": ""},
        "stop: String should have at least 1",
    ),
    "a prompt": (
        "/v1/completions",
        {"prompt": ["a", [1]]},
        "prompt[1]: Input should be a valid string",
    ),
    "a list": ("/v1/completions", [1], "the body is no JSON object"),
    "a message that is a number": (
        "/v1/chat/completions",
        {"messages": [5]},
        "messages[0]: must be an object with role and content",
    ),
    "a message that is a text": (
        "/v1/chat/completions",
        {"messages": [HELLO, "a"]},
        "messages[1]: must be an object with role and content",
    ),
    "a message without content": (
        "/v1/chat/completions",
        {"messages": [HELLO, {"role": "user"}]},
        "messages[1].content: Field required",
    ),
    "a content": (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": 1}]},
        "messages[0].content: Input should be a valid string or a valid list",
    ),
    "a part": (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": ["a"]}]},
        "messages[0].content[0]: must be an object with type and text",
    ),
    "a part without text": (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        "messages[0].content[0].text: Field required",
    ),
    "messages that are none": (
        "/v1/chat/completions",
        {"messages": "hello"},
        "messages: Input should be a valid list",
    ),
}


@pytest.mark.parametrize("kind", PLACES)
def test_a_fault_is_named_by_its_json_path(server: Running, kind: str) -> None:
    path, body, text = PLACES[kind]
    assert message_of(server.post(path, body)).startswith(text)


def test_a_model_without_chat_template_names_the_other_routes(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.service.engine.loaded.tokenizer, "chat_template", None)
    assert message_of(server.post("/v1/chat/completions", {"messages": [HELLO]})) == (
        "this model has no chat template; POST a prompt to /v1/completions, or texts to /translate"
    )


SERVED = ("en", "it", "zh", "zh-Hant", "sr", "pt-PT", "no", "es-419")


@pytest.mark.parametrize(
    ("code", "served"),
    [
        ("it-IT", "it"), ("IT_ch", "it"), ("ita", "it"), ("zh-CN", "zh"), ("zh-TW", "zh-Hant"),
        ("zh-HK", "zh-Hant"), ("zh-Hans-SG", "zh"), ("sr-RS", "sr"), ("sr-Latn", None),
        ("sr-ME", None), ("pt-PT", "pt-PT"), ("pt-BR", None), ("pt", None), ("de-DE", None),
        ("nb-NO", None), ("no-NO", "no"), ("es-419", "es-419"), ("es-MX", None),
    ],
)  # fmt: skip
def test_a_region_fits_its_language_in_the_same_script(code: str, served: str | None) -> None:
    assert translate_api.served_language(code, SERVED) == served


def test_a_regional_tag_is_translated_as_its_language(server: Running) -> None:
    plain = server.post("/translate", {"q": "hello", "source": "en", "target": "it"}).json()
    regional = {"q": "hello", "source": "en-US", "target": "it-IT"}
    assert server.post("/translate", regional).json() == plain
    same = {"q": "hello", "source": "it-CH", "target": "it-IT"}
    assert message_of(server.post("/translate", same)) == "source and target are both it"
    other = {"q": "hello", "source": "en", "target": "de-AT"}
    assert message_of(server.post("/translate", other)).startswith("target: de-AT is not served")


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_the_language_of_no_text_is_not_detected(server: Running, text: str) -> None:
    answer = server.post("/detect", {"q": text})
    assert message_of(answer) == "q: is empty; give the text whose language is asked for"


def raw(server: Running, *lines: str) -> bytes:
    """What the server answers to a request of these lines, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_body_of_two_lengths_is_refused_and_the_connection_closed(server: Running) -> None:
    body = '{"prompt": "hello"}'
    for headers in (
        ("Content-Length: 6", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 6"),
    ):
        answer = raw(
            server, "POST /v1/completions HTTP/1.1", "Host: 127.0.0.1",
            "Content-Type: application/json", *headers, "",
            f"{len(body):x}", body, "0", "", "",
        )  # fmt: skip
        assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1") == 1
        assert b"the request has both Content-Length and Transfer-Encoding; send one" in answer


def test_http_1_0_without_host_is_told_to_send_it(server: Running) -> None:
    answer = raw(server, "GET /health HTTP/1.0", "", "")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert (
        b'{"error": "the request has no Host header; send one, such as Host: 127.0.0.1"}' in answer
    )
    named = raw(server, "GET /health HTTP/1.0", "Host: 127.0.0.1", "", "")
    assert named.startswith(b"HTTP/1.1 200 ")
