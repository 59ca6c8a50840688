"""What can be checked of a recipe before it runs: languages, files, model, output. No torch."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ontarget import artifacts, processes
from ontarget.data import readers
from ontarget.data.instructions import rows_to_check
from ontarget.data.readers.base import Entry
from ontarget.data.readers.lines import open_bytes
from ontarget.data.readers.phrasebook import compose_rows
from ontarget.data.splits import Splits, read_held_out, read_monolingual, read_splits
from ontarget.errors import ArtifactError, CorpusError, RecipeError
from ontarget.models import folder
from ontarget.models.special_tokens import special_tokens_of_folder
from ontarget.pipeline.graph import places_of, steps_of
from ontarget.recipe.corpus import (
    check_special_tokens,
    check_splits,
    split_files,
)
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.sections.corpus import Phrasebook
from ontarget.training.monitoring import trackers

FIRST_ROWS = 1000  # read of a file if the corpus is too large to read completely
SPLITS = ("train", "dev", "test")
NO_ROWS = Splits(train=[], dev=[], test=[], glossary=[], monolingual=[], dropped={})
SMALL = 2_000_000  # bytes of text; a corpus of at most this size is read completely


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRecipe:
    """What a recipe describes, one line each, and how much of it was read."""

    lines: tuple[str, ...]
    complete: bool  # all rows of the corpus were read, not only the first ones
    on_hub: bool  # the model was not read

    @property
    def conclusion(self) -> str:
        """Whether the recipe can run, as far as that is known."""
        if self.complete and not self.on_hub:
            return "ready to run"
        rows = "" if self.complete else f" in the first {FIRST_ROWS:,} rows"
        return f"nothing wrong{rows}" + ("; the model on the Hub was not read" * self.on_hub)


def check_recipe(recipe: Recipe) -> CheckedRecipe:
    """What the recipe describes. Large files are read in part only, a model on the Hub not at all.

    Raises:
        OnTargetError: the first fault.
    """
    checked = check_inputs(recipe)
    warnings = tuple(f"warning: {text}" for text in check_cleaning(recipe))
    return replace(checked, lines=checked.lines + warnings)


def check_inputs(recipe: Recipe) -> CheckedRecipe:
    """`check_recipe`, without what the rules of cleaning would drop.

    Raises:
        OnTargetError: the first fault.
    """
    processes.check_launch()
    recipe.detection.check(recipe.languages)
    if recipe.base.model is not None:
        folder.check_folder(recipe.base.model)
        prompt_format = recipe.prompt_format
        if prompt_format.chat and prompt_format.chat_template is None:
            folder.check_chat_template(recipe.base.model)
    stages = [stage for stage in (recipe.mle, recipe.unlikelihood) if stage is not None]
    if any(stage.adapter and stage.adapter.kind == "qlora" for stage in stages):
        folder.check_quantization()
    for name, section in recipe.trainings.items():
        try:
            processes.micro_batch(section.batch, section.micro_batch)
        except RecipeError as error:
            raise RecipeError(f"{name}.{error}") from error
    check_output(recipe)
    trackers.check_installed(recipe.report_to)
    on_hub = recipe.base.model is not None and folder.is_hub_id(recipe.base.model)
    corpus, complete = check_corpus(recipe)
    complete = check_instructions(recipe) and complete
    lines = (
        f"languages {' '.join(recipe.languages)}",
        f"directions {len(recipe.supervised_directions)} supervised, "
        f"{len(recipe.zero_shot_directions)} zero-shot",
        f"model {recipe.model}{', no folder here: taken as a hub id' if on_hub else ''}",
        f"corpus {corpus}",
        *(f"warning: {text}" for text in recipe.detection.warnings(recipe.languages)),
    )
    return CheckedRecipe(lines=lines, complete=complete, on_hub=on_hub)


def check_corpus(recipe: Recipe) -> tuple[str, bool]:
    """Check the recipe's corpus; returns how much of it was read, and whether that is all.

    Raises:
        CorpusError: a file cannot be used, as far as it was read.
    """
    if recipe.corpus.phrasebook is not None:
        return "phrasebook (embedded)", check_phrasebook(recipe, recipe.corpus.phrasebook)
    files = [path for split in SPLITS for path in recipe.corpus.files(split)]
    lines = recipe.corpus.files("monolingual")
    if is_small([*files, *lines]):
        wanted, filtered = split_files(recipe.corpus), recipe.corpus.clean is None
        tokens = dropped_tokens(recipe)
        splits = read_splits(wanted, recipe.languages, tokens, filtered=filtered)
        check_tokens(recipe, splits)
        check_splits(
            splits,
            recipe.supervised_directions,
            recipe.zero_shot_directions,
            trains=bool(recipe.trainings),
            monolingual=recipe.corpus.monolingual,
        )
        train, texts = list(splits.train), list(splits.monolingual)
        sizes = f"{len(train)} train, {len(splits.dev)} dev, {len(splits.test)} test"
        if texts:
            sizes += f", {len(texts)} monolingual"
        dropped = splits.dropped.get("special_tokens", 0)
        left_out = f"; {dropped} with special tokens dropped" if dropped else ""
        check_languages(recipe)
        return f"{sizes} rows, read completely{left_out}", True
    for split in SPLITS:
        for corpus in getattr(recipe.corpus, split):
            check_first_rows(recipe, split, corpus)
    check_first_lines(recipe)
    check_languages(recipe)
    read = len(files) + len(lines)
    return f"{read} files, the first {FIRST_ROWS} rows of each read", False


def check_instructions(recipe: Recipe) -> bool:
    """Check the general instructions of the mix, if any; returns whether all of them were read.

    Raises:
        CorpusError: a file cannot be used, as far as it was read.
    """
    mixed = recipe.corpus.mix.instructions
    if mixed is None:
        return True
    complete = is_small(recipe.corpus.files("instructions"))
    tokens = known_tokens(recipe) if recipe.corpus.special_tokens != "drop" else ()
    remedy = ", or set corpus.special_tokens: drop"
    for corpus in mixed.files:
        found = islice(readers.read_with_conflicts(corpus), None if complete else FIRST_ROWS)
        rows = rows_to_check(found, tokens)
        check_special_tokens("corpus.mix.instructions", rows, tokens, remedy)
    return complete


def check_first_rows(recipe: Recipe, split: str, corpus: Path | Entry) -> None:
    """Check the first rows of one of a split's corpora."""
    rows = list(islice(readers.read(corpus, recipe.languages), FIRST_ROWS))
    parts: Any = {split: rows}
    check_tokens(recipe, replace(NO_ROWS, **parts))
    if not any(len(row.texts) > 1 for row in rows):
        raise CorpusError(
            f"{place_of(corpus)}: its first {len(rows)} rows have no text in two languages; "
            "is it the right file?"
        )


def check_languages(recipe: Recipe) -> None:
    """Check that the first texts of each corpus are in the languages that it names."""
    from ontarget.data.cleaning.languages import JUDGED, check_columns

    for split in SPLITS:
        for corpus in getattr(recipe.corpus, split):
            rows = list(islice(readers.read(corpus, recipe.languages), JUDGED))
            check_columns(rows, place_of(corpus))


def place_of(corpus: Path | Entry) -> str:
    """A corpus as it is named."""
    return corpus.path if isinstance(corpus, Entry) else str(corpus)


def check_cleaning(recipe: Recipe) -> list[str]:
    """Warnings of what the rules of cleaning drop of the first rows of each training corpus.

    Raises:
        CorpusError: these are all rows, and step 1 would end with this error.
    """
    if recipe.corpus.clean is None:
        return []
    from ontarget.pipeline.audit import check_first_pairs

    files = split_files(recipe.corpus)
    if not is_small(recipe.corpus.files("dev") + recipe.corpus.files("test")):
        files = replace(files, dev_limit=FIRST_ROWS, test_limit=FIRST_ROWS)
    dev, test = read_held_out(files, recipe.languages)
    return check_first_pairs(recipe, [*dev, *test], dropped_tokens(recipe), FIRST_ROWS)


def check_first_lines(recipe: Recipe) -> None:
    """Check the first lines of monolingual text."""
    for language, paths in recipe.corpus.monolingual.items():
        for path in paths:
            rows = list(islice(read_monolingual(path, language), FIRST_ROWS))
            check_tokens(recipe, replace(NO_ROWS, monolingual=rows))


def check_phrasebook(recipe: Recipe, sizes: Phrasebook) -> bool:
    """Compose the held-out rows and a training row; returns whether they are not too many for that.

    Only held-out rows must be distinct, so these can be too many.
    """
    held_out = sizes.dev + sizes.test
    rows = compose_rows(
        recipe.languages, recipe.seed, held_out=held_out, train=sizes.train, glossary=0
    )
    return sum(1 for _ in islice(rows, min(held_out + 1, FIRST_ROWS))) > held_out


def dropped_tokens(recipe: Recipe) -> Sequence[str]:
    """The special tokens for which training rows are left out, as far as they are known here."""
    return known_tokens(recipe) if recipe.corpus.special_tokens == "drop" else ()


def known_tokens(recipe: Recipe) -> Sequence[str]:
    """The special tokens of a model in a folder here; () of another."""
    model = recipe.base.model
    if model is None or folder.is_hub_id(model):
        return ()
    return special_tokens_of_folder(Path(model))


def check_tokens(recipe: Recipe, splits: Splits) -> None:
    """Raise CorpusError where rows contain a special token and are not left out for it."""
    tokens = known_tokens(recipe)
    remedy = ", or set corpus.special_tokens: drop"
    if recipe.corpus.special_tokens != "drop":
        check_special_tokens("corpus.train", splits.train, tokens, remedy)
        check_special_tokens("corpus.monolingual", splits.monolingual, tokens, remedy)
    check_special_tokens("corpus.dev", splits.dev, tokens, "")
    check_special_tokens("corpus.test", splits.test, tokens, "")


def is_small(paths: Sequence[Path]) -> bool:
    """Whether the text of these files has at most `SMALL` bytes, decompressed."""
    budget = SMALL
    for path in paths:
        if not path.is_file():
            continue
        if path.suffix == ".gz":
            budget -= decompressed_size(path, budget + 1)
        else:
            budget -= path.stat().st_size
        if budget < 0:
            return False
    return True


def decompressed_size(path: Path, limit: int) -> int:
    """Bytes of a gzip file's content, counted up to `limit`; 0 if it is damaged."""
    size = 0
    try:
        with open_bytes(path) as stream:
            while size < limit and (chunk := stream.read(min(1 << 16, limit))):
                size += len(chunk)
    except (OSError, EOFError):  # its reader will say what is wrong
        return 0
    return size


def check_output(recipe: Recipe) -> None:
    """Raise ArtifactError where the run's folder must not or cannot be made."""
    out = recipe.out
    place = out.resolve()
    remedy = "choose another out, such as runs/NAME"
    if place == Path(place.anchor) or place == Path.cwd() or place in Path.cwd().parents:
        raise ArtifactError(f"{out}: is the working directory or a folder above it; {remedy}")
    model = recipe.base.model
    if model is not None and Path(model).is_dir():
        base = Path(model).resolve()
        if place == base or base in place.parents or place in base.parents:
            raise ArtifactError(f"{out}: holds the base model, or lies in its folder; {remedy}")
    nearest = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise ArtifactError(f"{out}: {nearest} is not a folder that can be written to; {remedy}")
    for step in steps_of(recipe):
        for path in places_of(out, step):
            artifacts.check_no_links(out, path)
        artifacts.check_replaceable(out / step.folder)
