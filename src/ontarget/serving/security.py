"""Tokens, and who may listen where.

Without a token a server listens on this machine only, and answers only requests that name this
machine: a page in a browser could otherwise reach it under a name of its own (DNS rebinding).
"""

import hmac
import os
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from ontarget.decoding.servers.requests import is_loopback
from ontarget.errors import TranslationError, visible
from ontarget.serving.limits import Application, Receive, Scope, Send, refuse

TOKEN_VARIABLE = "ONTARGET_TOKEN"
SHORTEST_TOKEN = 16  # characters
BEARER = b"bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who is served."""

    token: str  # "": everyone on this machine
    header: bytes = b"authorization"  # that the token comes in; lower case
    open_paths: Collection[str] = ("/health",)  # without a token
    own_check: Collection[str] = ()  # paths that look for a token in the body, if no header has one

    def admits(self, text: str) -> bool:
        """Whether this is the token, compared in constant time."""
        return hmac.compare_digest(text.encode("utf-8", "replace"), self.token.encode())


def token_of_environment() -> str:
    """The token in the environment; "" without one.

    Raises:
        TranslationError: it cannot be sent in a header, or is easily guessed.
    """
    token = os.environ.get(TOKEN_VARIABLE, "")
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise TranslationError(
            f"environment: {TOKEN_VARIABLE} has characters that a header cannot hold; use letters "
            "and digits"
        )
    if token and len(token) < SHORTEST_TOKEN:
        raise TranslationError(
            f"environment: {TOKEN_VARIABLE} is shorter than {SHORTEST_TOKEN} characters; "
            "make one with `openssl rand -hex 16`"
        )
    return token


def check_host(host: str, token: str) -> None:
    """Raise TranslationError where others could reach a server that asks for no token."""
    if not token and not is_loopback(host):
        raise TranslationError(
            f"--host {visible(host)[:100]}: others could use the server; set the environment "
            f"variable {TOKEN_VARIABLE}, or listen on 127.0.0.1"
        )


@dataclass(frozen=True, slots=True)
class Guarded:
    """An application that only those with the token reach."""

    app: Application
    access: Access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request without the token, before its body is read."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not self.access.token:
            if not headers.get(b"host"):
                text = "the request has no Host header; send one, such as Host: 127.0.0.1"
                await refuse(scope, send, 400, text)
                return
            if not names_this_machine(headers[b"host"]):
                await refuse(scope, send, 403, "the Host header names another machine")
                return
        elif scope["path"] not in self.access.open_paths:
            given = headers.get(self.access.header)
            awaited = given is None and scope["path"] in self.access.own_check
            if not awaited and not self.access.admits(token_in(given or b"")):
                text = f"no valid token in the header {self.access.header.decode().title()}"
                await refuse(scope, send, 401, text, (b"www-authenticate", b"Bearer"))
                return
            scope["ontarget.token_checked"] = not awaited
        await self.app(scope, receive, send)


def token_in(header: bytes) -> str:
    """The token in a header, with or without `Bearer` before it."""
    if header[: len(BEARER)].lower() == BEARER:
        header = header[len(BEARER) :]
    return header.decode("latin-1").strip()


def names_this_machine(host: bytes) -> bool:
    """Whether a Host header is a name or address of this machine."""
    try:
        return is_loopback(urlsplit(f"//{host.decode('ascii')}").hostname or "")
    except ValueError:
        return False
