"""One request to a server that may fail in any way: bounded, with retries, without redirects."""

import asyncio
import json
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from threading import Event
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ontarget.decoding.base import require
from ontarget.errors import TranslationError, visible

EXTRA = "ontarget[server]"
ATTEMPTS = 5  # of a request
FIRST_ATTEMPTS = 3  # to connect to a server that has not answered yet; within 3 seconds
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds between attempts, doubled each time
PATIENCE = 120.0  # seconds that a server may ask for with Retry-After
MOST_BYTES = 4 * 2**20  # of an answer
RETRIED = {408, 409, 429}  # statuses that may pass, besides 500 and above
HOPELESS = {401, 403, 404, 405}  # statuses that every other request would get too


class RequestFailed(Exception):
    """One request got no usable answer; others may get one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An OpenAI-compatible server."""

    url: str  # the base URL, such as http://127.0.0.1:8000/v1
    model: str
    key: str = field(default="", repr=False)
    timeout: float  # seconds for a whole answer

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine."""
        return is_loopback(urlsplit(self.url).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def server_of(address: str, key_variable: str, timeout: float) -> Server:
    """The server and model of `http://HOST:PORT/v1#MODEL`, with the key of an environment variable.

    Raises:
        TranslationError: it is no such address, or the key would be sent unencrypted.
    """
    parts = address_parts(address)
    url, _, model = address.partition("#")
    if parts.username or parts.password:
        raise TranslationError(
            f"the server {parts.hostname}: its URL holds a password; leave it out and set "
            f"{key_variable}"
        )
    key = os.environ.get(key_variable, "")
    if not (key.isascii() and key.isprintable()):
        raise TranslationError(f"environment: {key_variable} is not a key; set it again")
    server = Server(url=url.rstrip("/"), model=model, key=key, timeout=timeout)
    if key and parts.scheme == "http" and not server.is_local:
        raise TranslationError(
            f"{url}: the key in {key_variable} would be sent unencrypted; use https, a tunnel to "
            f"127.0.0.1, or `unset {key_variable}`"
        )
    return server


def address_parts(address: str) -> SplitResult:
    """The parts of the URL in `http://HOST:PORT/v1#MODEL`.

    Raises:
        TranslationError: it is no such address.
    """
    url, _, model = address.partition("#")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not model or parts.query or not url.isprintable() or " " in url:
        raise TranslationError(
            f"{visible(address)[:100]}: expected the base URL of a server and the name of its "
            "model, such as http://127.0.0.1:8000/v1#NAME"
        )
    return parts


def client_of(server: Server, concurrency: int) -> Any:
    """An httpx.AsyncClient; proxies of the environment are not used for this machine."""
    httpx = require("httpx", "server", EXTRA)
    headers = {
        "Accept-Encoding": "identity",  # so that the bytes that are counted are all
        "Content-Type": "application/json",
    }
    if server.key:
        headers["Authorization"] = f"Bearer {server.key}"
    return httpx.AsyncClient(
        headers=headers,
        timeout=None,  # `post` has one for the whole answer
        follow_redirects=False,  # another host would get the key
        trust_env=not server.is_local,
        limits=httpx.Limits(max_connections=concurrency),
    )


async def post(
    client: Any, server: Server, path: str, body: Mapping[str, Any], answered: Event
) -> bytes:
    """The answer to a request, after up to `ATTEMPTS`; sets `answered` when the server speaks.

    One that never did is most likely not there, and given up after `FIRST_ATTEMPTS`.

    Raises:
        RequestFailed: this request has no answer.
        TranslationError: no request would have one.
    """
    httpx = require("httpx", "server", EXTRA)
    for attempt in range(ATTEMPTS):
        unreachable, wait = False, backoff(attempt)
        try:
            async with asyncio.timeout(server.timeout):
                status, headers, content = await post_once(client, server.url + path, body)
        except httpx.InvalidURL as error:
            raise TranslationError(f"{server.url}: not an address ({error}); mend it") from error
        except TimeoutError:
            fault = f"no answer within {server.timeout:g} seconds"
        except httpx.TransportError as error:
            unreachable = isinstance(error, httpx.ConnectError)
            fault = f"the connection failed ({visible(str(error))[:100] or type(error).__name__})"
            check_scheme(server, fault)
            if unreachable and attempt + 1 >= FIRST_ATTEMPTS and not answered.is_set():
                break
        else:
            answered.set()
            if status == 200:
                return content
            fault = f"status {status} ({message_of(content, server.key)})"
            check_status(server, path, status, fault)
            wait = max(wait, retry_after(headers.get("retry-after", "")))
        if wait > PATIENCE:
            raise TranslationError(
                f"{server.url}: {fault}; it asks to wait {wait:.0f} seconds: run again then"
            )
        if attempt + 1 < ATTEMPTS:
            await asyncio.sleep(wait)
    if unreachable:
        raise TranslationError(f"{server.url}: {fault}; start the server, or mend the address")
    raise RequestFailed(f"{fault}, {ATTEMPTS} times")


def check_scheme(server: Server, fault: str) -> None:
    """Raise TranslationError where the server most likely speaks no TLS."""
    if "WRONG_VERSION_NUMBER" in fault:
        raise TranslationError(
            f"{server.url}: {fault}; the server may speak plain HTTP: give http:// in place of "
            "https://"
        )


async def post_once(
    client: Any, url: str, body: Mapping[str, Any]
) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and content of the answer.

    Raises:
        RequestFailed: it is longer than `MOST_BYTES`.
    """
    content = bytearray()
    async with client.stream("POST", url, content=json.dumps(body)) as response:
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > MOST_BYTES:
                raise RequestFailed(f"the answer is longer than {MOST_BYTES // 2**20} MB")
    return response.status_code, response.headers, bytes(content)


def check_status(server: Server, path: str, status: int, fault: str) -> None:
    """Raise for a status that another attempt would not change."""
    if 300 <= status < 400:
        raise TranslationError(
            f"{server.url}: {fault}: it redirects; give the address that it redirects to"
        )
    if status in (401, 403):
        raise TranslationError(f"{server.url}: {fault}; set the environment variable of its key")
    if status in HOPELESS:
        kind = "chat" if path.startswith("/chat") else "completions of plain texts"
        raise TranslationError(
            f"{server.url}: {fault}: there is no {kind}, or no model {server.model}; mend the "
            "address or the model's name, or prompt it "
            + ("without chat" if kind == "chat" else "as a chat")
        )
    if status < 500 and status not in RETRIED:
        raise RequestFailed(fault)


def message_of(content: bytes, key: str) -> str:
    """What a server says of an error, as a short line without the key."""
    text = content[:2000].decode("utf-8", "replace")
    if key:
        text = text.replace(key, "***")
    return visible(" ".join(text.split()))[:200] or "no message"


def backoff(attempt: int) -> float:
    """Seconds before the next attempt: doubled each time, with jitter so that clients spread."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0**attempt) * random.uniform(0.5, 1.0)


def retry_after(text: str) -> float:
    """The seconds of a Retry-After header, a number or a date; 0 if it has neither form."""
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0
