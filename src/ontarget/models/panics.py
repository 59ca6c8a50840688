"""Panics of the Rust tokenizers library as errors of ours.

A tokenizer's regular expression can exceed the limits of the regex engine on some text. The
library then panics: it prints a stack trace to file descriptor 2 and raises a `BaseException`.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from ontarget.errors import ModelError

STDERR = 2
LONGEST = 1 << 16  # bytes of other output that are passed on


@contextmanager
def panics_as_errors(name: str) -> Iterator[None]:
    """Raise ModelError in place of a panic, without its stack trace; `name` is the model's.

    Other output to stderr is passed on.
    """
    if sys.stderr is not None:
        sys.stderr.flush()
    with tempfile.TemporaryFile() as captured:
        stderr = os.dup(STDERR)
        os.dup2(captured.fileno(), STDERR)
        panicked = False
        try:
            yield
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            panicked = True
            raise ModelError(
                f"{name}: its tokenizer fails on a text ({' '.join(str(error).split())[:200]}); "
                "leave very long or repetitive text out, or mend the pattern in tokenizer.json"
            ) from None
        finally:
            os.dup2(stderr, STDERR)
            os.close(stderr)
            if not panicked and captured.tell():
                captured.seek(0)
                sys.stderr.write(captured.read(LONGEST).decode(errors="replace"))
