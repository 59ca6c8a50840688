"""What a folder of verdicts was made from: the verdicts of another comparison are not replaced."""

import json
from pathlib import Path
from typing import Any

from ontarget.errors import ArtifactError, visible

VERDICTS, SUMMARY = "verdicts.jsonl", "summary.json"


def check_earlier(out: Path, chosen: dict[str, Any]) -> None:
    """Let only the same comparison replace verdicts.

    Raises:
        ArtifactError: `out` has verdicts of another comparison, or files that are not ours.
    """
    for path in (out / VERDICTS, out / SUMMARY):
        if path.is_symlink() or path.exists() and not path.is_file():
            raise ArtifactError(f"{path}: is no regular file; move it away, or give another --out")
    if not (out / SUMMARY).exists():
        if (out / VERDICTS).exists():
            raise ArtifactError(
                f"{out / VERDICTS}: has no {SUMMARY} beside it, so it may not be ours; move it "
                "away, or give another --out"
            )
        return
    try:
        before = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
        different = [key for key, value in chosen.items() if before[key] != value]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(
            f"{out / SUMMARY}: does not say what was compared; move it away, or give another --out"
        ) from error
    if different:
        key = different[0]
        said = visible(str(before[key] or "of the models"))[:200]
        raise ArtifactError(
            f"{out}: was begun with {key} {said}; give another --out, or the same choices"
        )
