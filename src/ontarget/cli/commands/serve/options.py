"""Options and checks that `serve` and `guard` have in common."""

from importlib.util import find_spec
from typing import Annotated

import typer

from ontarget.cli.console import error_console, one_line
from ontarget.errors import ProgramError, RecipeError
from ontarget.languages.names import is_known, unknown_code
from ontarget.languages.tags import standard

PACKAGES = ("fastapi", "uvicorn", "prometheus_client", "httpx")
EXTRA = "ontarget[serve]"
HOST = "127.0.0.1"
STOP_SECONDS = 30

Host = Annotated[str, typer.Option(help="Where to listen; others than this machine need a token.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")]
Body = Annotated[int, typer.Option(min=1, max=2**20, help="KiB of a request's body at most.")]
Stop = Annotated[
    int, typer.Option(min=0, max=3600, help="Seconds that running requests have after SIGTERM.")
]


def check_packages(command: str) -> None:
    """Raise ProgramError where a package of the extra `serve` is missing."""
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        name = missing[0].replace("_", "-")
        raise ProgramError(f'{command}: {name} is not installed; pip install "{EXTRA}"')


def language_code(option: str, code: str | None) -> str | None:
    """A code in CLDR's spelling.

    Raises:
        RecipeError: there is no such language.
    """
    if code is None:
        return None
    if not code or not is_known(code):
        raise RecipeError(f"{option}: {unknown_code(code)}")
    return standard(code)


def say_ready(what: str, address: str) -> None:
    """Say where the server listens, once it does."""
    error_console().print(one_line(f"{what} on {address}"), soft_wrap=True, markup=False)
