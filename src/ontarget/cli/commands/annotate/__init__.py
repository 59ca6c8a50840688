"""`annotate`: disputed segments to annotators, and their answers back.

campaign   `annotate export`
answers    `annotate import`
"""

import typer

from ontarget.cli.commands.annotate.answers import import_answers
from ontarget.cli.commands.annotate.campaign import export_campaign
from ontarget.cli.overview import ListedCommands

app = typer.Typer(
    cls=ListedCommands,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Have people check verdicts, in pearmut (pip install pearmut).\n\n"
    "Example: ontarget annotate export segments.jsonl",
)
app.command("export")(export_campaign)
app.command("import")(import_answers)
