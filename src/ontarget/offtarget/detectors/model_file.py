"""TODO."""

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ontarget.errors import DetectorError
from ontarget.languages.tags import canonical, same_language
from ontarget.offtarget.detectors.base import Probabilities, describe_answers
from ontarget.offtarget.detectors.fasttext import PREFIX, predict

HASH = "@sha256:"  # between a path and the digits that its file must have, as signatures have it


class ModelFile:
    """A fastText identifier from a local file: GlotLID, OpenLID, lid.176.bin. Nothing is fetched.

    The signature holds the first twelve digits of the file's sha256, so that two models of the
    same name are not taken for one another; `path@sha256:digits` is that very file or refused.
    """

    def __init__(self, name: str, candidates: Sequence[str] | None = None) -> None:
        path, wanted = parse_name(name)
        self.model, digest, found = load_model_file(path, wanted)
        self.name = f"{path.name}@sha256:{digest[:12]}"
        self.found = found
        self.labels = {
            each: next((code for code in candidates if same_language(each, code)), "")
            if candidates
            else found[each]
            for each in found
        }
        self.labels = {each: code for each, code in self.labels.items() if code}
        self.answers = describe_answers(candidates, len(found))
        self.signature = f"lid:{self.name}|set:{self.answers}"

    def shares_of(self, texts: Sequence[str]) -> list[Probabilities]:
        """How likely each language is, of those that are at all; {} where none is."""
        return predict(self.model, texts, self.labels)


def parse_name(name: str) -> tuple[Path, str]:
    """The path in a detector's name, and the first digits of the sha256 that it must have, if any.

    Raises:
        DetectorError: what stands for digits is none.
    """
    path, mark, digits = name.rpartition(HASH)
    if not mark:
        return Path(name).resolve(), ""
    if not re.fullmatch("[0-9a-f]{8,64}", digits):
        raise DetectorError(f"{name}: after {HASH} 8 to 64 digits 0-9a-f expected")
    return Path(path).resolve(), digits


@cache
def load_model_file(path: Path, wanted: str) -> tuple[Any, str, dict[str, str]]:
    """A model, the sha256 of its file, and its labels with the code of each.

    Raises:
        DetectorError: there is no such file, its sha256 does not begin with what is `wanted`, or it
            is no fastText model of languages.
    """
    import fasttext

    if not path.is_file() or not path.name.isprintable():
        found = "no such file"
        if path.exists():
            found = "no file" if path.name.isprintable() else "its name is not plain text"
        raise DetectorError(
            f"{path}: {found}; give fasttext, lingua, paper, or the path of a fastText model"
        )
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        check_digest(path, digest, wanted)
        model = fasttext.load_model(str(path))  # type: ignore[no-untyped-call,attr-defined]
        ranked = model.f.predict("a\n", -1, -1.0, "strict")
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        raise DetectorError(
            f"{path}: is no whole fastText model ({error}); fetch it again"
        ) from error
    labels = [name.removeprefix(PREFIX) for _, name in ranked]
    if "eng_Latn" not in labels and "en" not in labels:
        raise DetectorError(
            f"{path}: a fastText model, but none of languages: it has no label en or eng_Latn"
        )
    return model, digest, {each: canonical(each) for each in labels}


def check_digest(path: Path, digest: str, wanted: str) -> None:
    """Raise DetectorError where a file is another than was asked for; nothing of it is read."""
    if not digest.startswith(wanted):
        raise DetectorError(
            f"{path}: its sha256 begins with {digest[: max(12, len(wanted))]}, not with {wanted}; "
            "fetch the model that was meant, or leave the digits out"
        )
