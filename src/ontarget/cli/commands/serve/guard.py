"""`guard`: a server in front of another one."""

from typing import Annotated

import typer

from ontarget.cli.commands.serve.options import (
    HOST,
    STOP_SECONDS,
    Body,
    Host,
    Port,
    Stop,
    check_packages,
    language_code,
    say_ready,
)
from ontarget.cli.console import write
from ontarget.errors import RecipeError
from ontarget.report.render.formatting import text_table

DEFAULT_WAYS = "reminder,temperature"


def guard(  # noqa: PLR0913 - a command's options
    upstream: Annotated[
        str, typer.Argument(metavar="UPSTREAM", help="A server, as http://127.0.0.1:8000/v1.")
    ],
    host: Host = HOST,
    port: Port = 8001,
    to: Annotated[
        str | None,
        typer.Option("--to", help="The requested language, where requests do not name it."),
    ] = None,
    source: Annotated[str | None, typer.Option("--from", help="The sources' language.")] = None,
    ways: Annotated[
        str,
        typer.Option(
            help="How to ask again, in this order, each once: reminder, temperature, begin; "
            "with commas between, or none."
        ),
    ] = DEFAULT_WAYS,
    timeout: Annotated[
        float, typer.Option(min=0.1, max=86400, help="Seconds for all attempts of a request.")
    ] = 120.0,
    queue: Annotated[
        int, typer.Option(min=1, max=10**5, help="Requests at once; the next one gets 503.")
    ] = 256,
    max_body: Body = 1024,
    stop_seconds: Stop = STOP_SECONDS,
) -> None:
    """Stand in front of an OpenAI-compatible server: judge its answers, ask again where off-target.

    Requests name the language in their text, or in the header X-Ontarget-Target.

    Example: ontarget guard http://127.0.0.1:8000/v1 --port 8001
    """
    check_packages("guard")
    from ontarget.serving.guard.proxy import guard_application, make_guard
    from ontarget.serving.guard.requested import NamedLanguages
    from ontarget.serving.guard.upstream import upstream_of
    from ontarget.serving.running import address_of, bind, run_server
    from ontarget.serving.security import check_host, token_of_environment

    token = token_of_environment()
    check_host(host, token)
    chosen = chosen_ways(ways)
    languages = NamedLanguages(language_code("--from", source), language_code("--to", to))
    standing = make_guard(upstream_of(upstream, timeout), chosen, languages, queue)
    listener = bind(host, port)
    app = guard_application(standing, max_body * 1024, token)
    run_server(app, listener, stop_seconds, lambda: say_ready("guarding", address_of(listener)))
    if rows := standing.rates.rows():
        head = ["direction", "answers", "attempts", "off-target % first", "returned"]
        write(*text_table(head, rows))


def chosen_ways(text: str) -> tuple[str, ...]:
    """The ways to ask again, of an option.

    Raises:
        RecipeError: one is unknown, or they are too many.
    """
    from ontarget.serving.guard.retries import MOST_ATTEMPTS, WAYS

    ways = () if text == "none" else tuple(way.strip() for way in text.split(","))
    for way in ways:
        if way not in WAYS:
            raise RecipeError(f"--ways: there is no {way!r}; use {', '.join(WAYS)}, or none")
    if len(ways) >= MOST_ATTEMPTS:
        raise RecipeError(f"--ways: {len(ways)} are too many; give at most {MOST_ATTEMPTS - 1}")
    return ways
