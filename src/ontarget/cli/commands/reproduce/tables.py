"""The tables of a finished reproduction: written, and the first of them printed."""

from rich.text import Text

from ontarget import artifacts
from ontarget.cli.commands.evaluate import SHOWN
from ontarget.cli.console import console, one_line, write
from ontarget.reproduction.bleurt import KEPT, score_translations
from ontarget.reproduction.figures import Figures, figures_of, translations_of
from ontarget.reproduction.render import page
from ontarget.reproduction.runs import Reproduction
from ontarget.scoring.neural.running import NeuralScorer

TABLE, FIGURES = "table.md", "figures.json"


def show(reproduction: Reproduction, command: list[str], scorer: NeuralScorer | None) -> None:
    """Write the tables and print the first of them.

    BLEURT may fail: before it runs for the first time, tables without it are written.
    """
    out, scores = reproduction.choices.out, None
    with console.status("counting") as status:

        def tell(message: str) -> None:
            status.update(Text(one_line(message)[:SHOWN]))

        if scorer is not None:
            if not (out / KEPT).is_file():
                write_tables(reproduction, figures_of(reproduction, tell), command)
                write("", f"tables without BLEURT: {out / TABLE}")
            translations = translations_of(reproduction)
            scores = score_translations(scorer, translations, out / KEPT, tell)
        figures = figures_of(reproduction, tell, scores)
        write_tables(reproduction, figures, command)
    published = page.published_of(reproduction)
    write("", f"published: {published.title}", *page.overview(figures, published), "")
    write(f"tables: {out / TABLE}", f"figures: {out / FIGURES}")


def write_tables(reproduction: Reproduction, figures: Figures, command: list[str]) -> None:
    """The page and its figures as JSON.

    Raises:
        ArtifactError: a file cannot be written.
    """
    texts = {
        TABLE: page.markdown_page(reproduction, figures, command),
        FIGURES: page.as_json(reproduction, figures),
    }
    for name, text in texts.items():
        with artifacts.publish_file(reproduction.choices.out / name) as file:
            file.write(text)
