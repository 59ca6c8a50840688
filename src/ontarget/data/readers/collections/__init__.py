"""Readers of collections: datasets, test sets and public corpora that have a name, not a path.

huggingface      datasets of the Hub, as streams: `hf:org/name`
saved            folders that `Dataset.save_to_disk` wrote, and Arrow files
sacrebleu_sets   test sets: `sacrebleu:wmt22/en-de`
mtdata           what mtdata has fetched: `mtdata:GROUP-NAME-VERSION-eng-ita`
named            public corpora with licence, citation and command: `opus:Tatoeba`
aligned          text files of a collection, aligned by line
checksums        where public corpora lie, and whether they have changed
"""

import re

from ontarget.data.readers.base import Entry, Reader, Source
from ontarget.data.readers.collections import (
    aligned,
    huggingface,
    mtdata,
    sacrebleu_sets,
    saved,
)
from ontarget.data.readers.collections.checksums import nearest
from ontarget.data.readers.collections.named import corpora, redirected, sources_of
from ontarget.errors import CorpusError

READERS: tuple[Reader, ...] = (huggingface.READER, saved.READER)
PREFIXES = {
    huggingface.PREFIX: (huggingface.READER, huggingface.source_of),
    sacrebleu_sets.PREFIX: (aligned.READER, sacrebleu_sets.source_of),
    mtdata.PREFIX: (aligned.READER, mtdata.source_of),
}


def is_name(path: str) -> bool:
    """Whether an entry names a member of a collection, not a path."""
    return path in corpora() or re.match(r"[a-z]{2,}:", path) is not None


def open_entry(entry: Entry) -> list[tuple[Reader, Source]]:
    """What an entry with a name reads.

    Raises:
        CorpusError: there is nothing of this name, or it has not been fetched.
    """
    if corpus := corpora().get(entry.path):
        if corpus.through:
            return open_entry(redirected(corpus, entry))
        return sources_of(corpus, entry)
    for prefix, (reader, source_of) in PREFIXES.items():
        if entry.path.startswith(prefix):
            return [(reader, source_of(entry))]
    raise CorpusError(
        f"{entry.path}: no corpus has this name{nearest(entry.path, corpora())}; see `ontarget "
        f"corpora`, or name one as {', '.join(f'{prefix}...' for prefix in PREFIXES)}"
    )
