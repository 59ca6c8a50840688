"""Bodies, headers and connections: how large, how slow, how many. In ASGI, below any framework."""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADER_BYTES = 32 * 2**10  # of a request line and its headers
HEADER_SECONDS = 10.0  # from the connection, or the first byte, to the last header
BODY_SECONDS = 15.0  # from the last header to the last byte of the body
CONNECTIONS = 4096
FAILED = "the server failed on this request"  # what clients are told of a bug
DRAINED = 16  # times the limit of a body: read and dropped, so that the client reads why


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """An application that gets whole bodies only, of at most `most` bytes."""

    app: Application
    most: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then call the application with it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
            # A proxy may believe the other one, and take the rest for a request (RFC 9112, 6.3).
            text = "the request has both Content-Length and Transfer-Encoding; send one"
            await refuse(scope, send, 400, text)
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await read_body(receive, self.most)
        except TimeoutError:
            text = f"the body did not come within {BODY_SECONDS:g} seconds"
            await refuse(scope, send, 408, text)
            return
        if body is None:
            await refuse(scope, send, 413, f"the body is longer than {self.most} bytes")
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_whole() -> Message:
            return waiting.pop() if waiting else await receive()

        await self.app(scope, receive_whole, send)


async def read_body(receive: Receive, most: int) -> bytes | None:
    """The body of a request; None if it is longer than `most`, or if the client left."""
    body, size = bytearray(), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size <= most:
            body += part
        if not message.get("more_body", False) or size > DRAINED * most:
            return bytes(body) if size <= most else None


async def until_left(receive: Receive) -> None:
    """Return when the client has left; the body has been read before."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def refuse(
    scope: Scope, send: Send, status: int, text: str, *headers: tuple[bytes, bytes]
) -> None:
    """Answer with an error, and close the connection."""
    content = json.dumps(error_content(scope["path"], status, text)).encode()
    start = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": content})


def error_content(path: str, status: int, text: str) -> dict[str, Any]:
    """An error in the form of the API that a path belongs to: LibreTranslate's or OpenAI's."""
    if not path.startswith("/v1/"):
        return {"error": text}
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": text, "type": kind, "param": None, "code": status}}


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 that closes connections whose headers do not come, and those beyond the limit."""

    deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for headers, or close at once where too many connections are open."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
            return
        self.wait_for_headers()

    def data_received(self, data: bytes) -> None:
        """Stop the clock with the last header; start it with the first one of the next request."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self.stop_waiting()
        elif self.deadline is None:
            self.wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self.stop_waiting()
        super().connection_lost(exc)

    def wait_for_headers(self) -> None:
        """Start the clock."""
        self.deadline = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def stop_waiting(self) -> None:
        """Stop the clock."""
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
