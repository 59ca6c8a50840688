"""`serve`: a model as a server."""

from pathlib import Path
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
from ontarget.cli.console import quiet_libraries
from ontarget.errors import RecipeError
from ontarget.models import folder
from ontarget.models.templates import TEMPLATES, PromptFormat, prompt_format_of
from ontarget.pipeline.new_recipe import traits_of
from ontarget.translation.choice import choose_model, is_run

BATCH_TOKENS = 2**16  # of a batch, padded


def serve(  # noqa: PLR0913 - a command's options
    model: Annotated[
        str,
        typer.Argument(
            metavar="RUN|MODEL", help="A run (RUN or RUN#stage1), a model folder or a hub id."
        ),
    ],
    host: Host = HOST,
    port: Port = 8000,
    template: Annotated[
        str | None,
        typer.Option(
            help=f"How /translate prompts: {', '.join(TEMPLATES)}, or a text; by default "
            "the run's, instruction for a model with a chat template, else alma."
        ),
    ] = None,
    chat: Annotated[
        bool, typer.Option("--chat", help="The template is a turn of the chat template.")
    ] = False,
    languages: Annotated[
        str | None, typer.Option(help="Those of /translate, with commas between; default: all.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The model's name in requests; default: MODEL's last part.")
    ] = None,
    max_new_tokens: Annotated[
        int, typer.Option(min=1, max=2**20, help="New tokens of an answer at most.")
    ] = 512,
    batch: Annotated[int, typer.Option(min=1, max=4096, help="Requests decoded at once.")] = 64,
    queue: Annotated[
        int, typer.Option(min=1, max=10**5, help="Requests that may wait; the next one gets 503.")
    ] = 256,
    max_body: Body = 1024,
    stop_seconds: Stop = STOP_SECONDS,
) -> None:
    """Serve a model: OpenAI's chat and completions, and /translate as LibreTranslate has it.

    Clients send the token in the environment variable ONTARGET_TOKEN, if it is set.

    Example: ontarget serve org/model --template alpaca --port 8000
    """
    check_packages("serve")
    from ontarget.serving.running import address_of, bind, run_server
    from ontarget.serving.security import check_host, token_of_environment

    token = token_of_environment()
    check_host(host, token)
    codes = language_codes(languages)
    served = name or Path(model.partition("#")[0]).name
    if is_run(Path(model.partition("#")[0])):
        choice = choose_model(model, template)
        model, form = choice.model, choice.prompt_format
        codes = codes or choice.languages
    else:
        folder.check_folder(model)
        form = prompt_format(model, template, chat)
    listener = bind(host, port)
    quiet_libraries()
    from ontarget.models.loading import load_model, move_to_accelerator
    from ontarget.serving.api.app import application, service_of
    from ontarget.serving.batching import BatchLimits
    from ontarget.serving.engine import ModelEngine

    loaded = load_model(model)
    move_to_accelerator(loaded.model)
    limits = BatchLimits(queue=queue, rows=batch, tokens=BATCH_TOKENS)
    engine = ModelEngine(loaded, form, max_new_tokens)
    service = service_of(engine, served, codes, limits, token)
    service.queue.start()
    try:
        app = application(service, max_body * 1024)
        run_server(app, listener, stop_seconds, lambda: say_ready("serving", address_of(listener)))
    finally:
        service.queue.stop()
        service.desk.shutdown()


def prompt_format(model: str, template: str | None, chat: bool) -> PromptFormat:
    """How translations are requested from the model.

    Raises:
        RecipeError: the template is faulty.
    """
    try:
        return prompt_format_of(template or traits_of(model).template, chat or None)
    except ValueError as error:
        raise RecipeError(f"--{error}") from error


def language_codes(languages: str | None) -> tuple[str, ...]:
    """The codes of an option; () without it."""
    if languages is None:
        return ()
    codes = [language_code("--languages", code.strip()) or "" for code in languages.split(",")]
    return tuple(dict.fromkeys(codes))
