"""Translation that resumes after a kill: each finished batch is a line of a file.

A line counts once it is complete. A torn one at the end is cut off, and its batch is translated
again. So are segments that failed.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ontarget.artifacts import remove_tree
from ontarget.decoding.base import Hypothesis, Translator
from ontarget.records import Sample

FILE = "batches.jsonl"  # in the folder of what a killed step left


def translate_resumably(
    translator: Translator,
    samples: Sequence[Sample],
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Hypothesis]:
    """One hypothesis a sample; what an earlier call left in `folder` is not translated again.

    The translator makes the remaining batches as it would have without the interruption, so the
    result is the same. `progress` gets (done, total).
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    done, size = read_batches(file)
    if size == 0:
        remove_tree(file)  # nothing of it is usable, or it is a link
    remaining = [index for index in range(len(samples)) if index not in done]
    with file.open("ab") as out:
        out.truncate(size)
        for batch in translator.translate([samples[index] for index in remaining]):
            finished = {remaining[number]: found for number, found in batch.items()}
            content = [
                (index, found.text, found.truncated)
                for index, found in finished.items()
                if not found.error
            ]
            if content:
                out.write(json.dumps(content).encode() + b"\n")
                out.flush()
                os.fsync(out.fileno())
            done |= finished
            progress(len(done), len(samples))
    return [done[index] for index in range(len(samples))]


def read_batches(file: Path) -> tuple[dict[int, Hypothesis], int]:
    """The hypotheses of all complete lines, by the index of their sample, and the lines' bytes."""
    done: dict[int, Hypothesis] = {}
    size = 0
    if file.is_symlink() or not file.is_file():
        return done, size
    with file.open("rb") as lines:
        for line in lines:
            try:
                batch = {
                    int(index): Hypothesis(str(text), truncated=bool(truncated))
                    for index, text, truncated in json.loads(line)
                }
            except (ValueError, TypeError):
                break
            if not line.endswith(b"\n"):
                break
            done |= batch
            size += len(line)
    return done, size
