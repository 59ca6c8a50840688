"""Test sets of sacreBLEU by name, `sacrebleu:wmt22/en-de`, from its cache or downloaded by it."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from ontarget.data.readers.base import Entry, Source
from ontarget.data.readers.collections.checksums import nearest
from ontarget.errors import CorpusError, error_text

PREFIX = "sacrebleu:"


def source_of(entry: Entry) -> Source:
    """Source and first reference of a test set, as aligned files.

    Raises:
        CorpusError: there is no such test set or language pair, or it cannot be fetched.
    """
    datasets: Any = import_module("sacrebleu.dataset").DATASETS

    name, _, pair = entry.path.removeprefix(PREFIX).rpartition("/")
    if name not in datasets:
        raise CorpusError(
            f"{entry.path}: sacreBLEU has no test set {name!r}{nearest(name, datasets)}; expected "
            "sacrebleu:NAME/en-de with a name of `sacrebleu --list`"
        )
    pairs = datasets[name].langpairs
    if pair not in pairs:
        raise CorpusError(
            f"{entry.path}: the test set has no pair {pair!r}; it has {', '.join(sorted(pairs))}"
        )
    command = f"sacrebleu --download {name} --language-pair {pair}"
    try:
        source = datasets[name].get_source_file(pair)
        reference, *_ = datasets[name].get_reference_files(pair)
    # It ends the process where a checksum differs, and parses old formats with little care.
    except (Exception, SystemExit) as error:
        raise CorpusError(
            f"{entry.path}: is not in sacreBLEU's cache and cannot be fetched "
            f"({error_text(OSError(str(error)))[:160]}); run `{command}` where there is a network"
        ) from error
    return Source(
        name=f"{name}/{pair}",
        paths=(Path(source), Path(reference)),
        entry=replace(entry, languages=tuple(pair.split("-"))),
    )
