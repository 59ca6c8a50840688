"""Corpora that mtdata has fetched, `mtdata:Statmt-news_commentary-16-eng-ita`.

mtdata writes a file a language, `train-parts/ID.eng`; nothing of mtdata is needed to read them.
"""

import re
import shlex
from dataclasses import replace

from ontarget.data.readers.base import Entry, Source
from ontarget.data.readers.collections.checksums import corpora_folder
from ontarget.errors import CorpusError

PREFIX = "mtdata:"
PARTS = ("train-parts", "tests")  # where `--train` and `--test` put it
ENDINGS = ("", ".gz")  # `--compress` writes the latter


def source_of(entry: Entry) -> Source:
    """The files of a corpus, as aligned files.

    Raises:
        CorpusError: the name is not one of mtdata's, or the corpus has not been fetched.
    """
    name = entry.path.removeprefix(PREFIX)
    parsed = re.fullmatch(r"\w+-\w+-[\w.]+-(\w+)-(\w+)", name)
    if parsed is None:
        raise CorpusError(
            f"{entry.path}: is no name of mtdata; expected mtdata:GROUP-NAME-VERSION-eng-ita, as "
            "`mtdata list -l eng-ita --id` prints them"
        )
    languages = (parsed[1], parsed[2])
    folder = corpora_folder() / "mtdata"
    for part in PARTS:
        for ending in ENDINGS:
            paths = tuple(folder / part / f"{name}.{language}{ending}" for language in languages)
            if all(path.is_file() for path in paths):
                return Source(name=name, paths=paths, entry=replace(entry, languages=languages))
    raise CorpusError(
        f"{entry.path}: not in {folder}; fetch it with `pip install mtdata && mtdata get -l "
        f"{'-'.join(languages)} --train {name} --out {shlex.quote(str(folder))}`"
    )
