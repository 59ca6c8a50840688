"""A server from start to stop: a socket, uvicorn, signals."""

import asyncio
import resource
import socket
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from typing import Any

import uvicorn

from ontarget.errors import TranslationError, visible
from ontarget.serving.limits import CONNECTIONS, HEADER_BYTES, BoundedProtocol

OPEN_FILES = 2 * CONNECTIONS
BACKLOG = 1024  # connections that the system keeps until they are accepted


class _StoppableServer(uvicorn.Server):
    """A server that ends without passing on the signal that stopped it."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop accepting; a second signal drops the requests that run."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End as usual, and drop the connections of clients that have not left in time."""
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)  # sockets are closed in the loop's next turn


def bind(host: str, port: int) -> socket.socket:
    """A socket that has an address, and does not listen yet.

    Raises:
        TranslationError: the address is taken, or is none of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with ExitStack() as undo:
            listener = undo.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            undo.pop_all()
    except (OSError, UnicodeError) as error:
        fault = getattr(error, "strerror", None) or str(error)
        raise TranslationError(
            f"{visible(host)[:100]}:{port}: cannot listen there ({fault}); give another --host or "
            "--port"
        ) from error
    return listener


def address_of(listener: socket.socket) -> str:
    """The URL of a socket."""
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server_on(application: Any, stop_seconds: int) -> uvicorn.Server:
    """The server of an application. It logs no requests, and nothing that clients sent."""
    config = uvicorn.Config(
        application,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=HEADER_BYTES,
        timeout_graceful_shutdown=stop_seconds,
    )
    return _StoppableServer(config)


def run_server(
    application: Any, listener: socket.socket, stop_seconds: int, ready: Callable[[], None]
) -> None:
    """Serve until SIGTERM or SIGINT; requests that run then have `stop_seconds` to end."""
    allow_many_connections()
    listener.listen(BACKLOG)
    ready()
    server_on(application, stop_seconds).run([listener])


def allow_many_connections() -> None:
    """Raise the limit of open files as far as this user may; each connection is one."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
