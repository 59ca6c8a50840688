"""The other server: its address, and bounded requests to it."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import httpx

from ontarget.decoding.servers.requests import is_loopback
from ontarget.errors import TranslationError, visible

MOST_BYTES = 16 * 2**20  # of a judged answer
MOST_PASSED = 2**30  # of an answer that is passed on as it comes
Header = tuple[bytes, bytes]
HOP_BY_HOP = {  # RFC 9110, 7.6.1, and what is set anew
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization",
    b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
    b"content-length", b"host", b"accept-encoding", b"expect",
}  # fmt: skip
SSL_REASON = re.compile(r"\[SSL: (\w+)\]")  # in OpenSSL's messages
OWN = b"x-ontarget-"  # headers for the guard, not for the server


class UpstreamFailed(Exception):
    """The server gave no answer, or none that can be passed on; with the status for the client."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The other server."""

    url: str  # with /v1
    timeout: float  # seconds for all attempts of a request


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """A request as it is sent to the other server."""

    method: str
    path: str  # below /v1, with its query
    headers: Sequence[Header]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamAnswer:
    """A whole answer of the other server."""

    status: int
    headers: Sequence[Header]
    body: bytes


def upstream_of(address: str, timeout: float) -> Upstream:
    """The server at an address.

    Raises:
        TranslationError: it is none, or holds a password.
    """
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or not address.isprintable() or " " in address:
        raise TranslationError(
            f"{visible(address)[:100]}: expected the base URL of a server, such as "
            "http://127.0.0.1:8000/v1"
        )
    if parts.username or parts.password:
        raise TranslationError(
            f"the server {parts.hostname}: its URL holds a password; leave it out, clients send "
            "their keys"
        )
    return Upstream(url=address.rstrip("/"), timeout=timeout)


def client_of_upstream(upstream: Upstream, connections: int) -> httpx.AsyncClient:
    """A client that follows no redirects; proxies of the environment are not used on this machine.

    It has no timeout of its own: callers limit whole answers.
    """
    local = is_loopback(urlsplit(upstream.url).hostname or "")
    return httpx.AsyncClient(
        timeout=None,
        follow_redirects=False,
        trust_env=not local,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
    )


def path_below(raw_path: bytes, query: bytes) -> str:
    """The path below /v1 with its query.

    Raises:
        UpstreamFailed: it leads out of /v1.
    """
    path = raw_path.decode("latin-1").removeprefix("/v1")
    if any(part in (".", "..") for part in unquote(path).replace("\\", "/").split("/")):
        raise UpstreamFailed(400, "the path leads out of /v1")
    return f"{path}?{query.decode('latin-1')}" if query else path


def passed_on(headers: Iterable[Header]) -> list[Header]:
    """Headers without those that are for one connection, or for the guard."""
    return [
        (name, value)
        for name, value in headers
        if name.lower() not in HOP_BY_HOP and not name.lower().startswith(OWN)
    ]


@asynccontextmanager
async def streamed(
    client: httpx.AsyncClient, upstream: Upstream, request: Forwarded
) -> AsyncIterator[httpx.Response]:
    """The answer to a request, whose body is still to be read.

    Raises:
        UpstreamFailed: it cannot be reached, or breaks off.
    """
    headers = [*passed_on(request.headers), (b"accept-encoding", b"identity")]
    try:
        async with client.stream(
            request.method, upstream.url + request.path, content=request.body, headers=headers
        ) as response:
            yield response
    except httpx.TransportError as error:
        raise UpstreamFailed(502, fault_of(error, upstream)) from error
    except httpx.InvalidURL as error:
        raise UpstreamFailed(400, "the path is none") from error


def fault_of(error: httpx.TransportError, upstream: Upstream) -> str:
    """What went wrong with a connection, with the other scheme where that may help."""
    server = "the server behind the guard"
    if isinstance(error, httpx.ConnectError):
        if "SSL" not in str(error):
            return f"{server} cannot be reached"
        reason = SSL_REASON.search(str(error))
        return (
            f"no TLS connection to {server} ({reason[1] if reason else 'no reason is known'}); if "
            "it speaks plain HTTP, start the guard with http:// in place of https://"
        )
    garbage = isinstance(error, httpx.RemoteProtocolError) and "illegal" in str(error)
    fault = f"{server} {'did not answer in HTTP' if garbage else 'broke off its answer'}"
    if upstream.url.startswith("https:"):
        return fault
    return f"{fault}; if it speaks TLS, start the guard with https:// in place of http://"


async def whole_answer(
    client: httpx.AsyncClient, upstream: Upstream, request: Forwarded, seconds: float
) -> UpstreamAnswer:
    """The answer to a request.

    Raises:
        UpstreamFailed: there is none within `seconds`, or it is too long.
    """
    content = bytearray()
    try:
        async with (
            asyncio.timeout(seconds),
            streamed(client, upstream, request) as response,
        ):
            async for part in response.aiter_raw():
                content += part
                if len(content) > MOST_BYTES:
                    raise UpstreamFailed(
                        502, "the answer of the server behind the guard is too long"
                    )
    except TimeoutError as error:
        raise UpstreamFailed(504, "the server behind the guard did not answer in time") from error
    return UpstreamAnswer(
        status=response.status_code, headers=passed_on(response.headers.raw), body=bytes(content)
    )
