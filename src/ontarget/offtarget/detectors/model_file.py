"""Any fastText language identifier, from a file or the Hub's cache; nothing is downloaded."""

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ontarget.errors import DetectorError
from ontarget.languages.tags import canonical, same_language
from ontarget.offtarget.detectors.base import Probabilities, describe_candidates
from ontarget.offtarget.detectors.fasttext import PREFIX, predict
from ontarget.offtarget.detectors.structure import check_structure

HUB = {  # word -> repository of a `model.bin` on the Hugging Face Hub
    "glotlid": "cis-lmu/glotlid",
    "openlid": "laurievb/OpenLID-v2",
}
HASH = "@sha256:"  # between a path and the digits that its file's hash must begin with


class ModelFile:
    """A fastText model such as GlotLID, OpenLID or lid.176.bin.

    The signature holds the first twelve digits of the file's SHA-256, so that two models of the
    same name are not mixed up; `path@sha256:digits` is refused unless the hash begins so.
    """

    shortest = 15

    def __init__(self, name: str, candidates: Sequence[str] | None = None) -> None:
        path, digits = parse_name(name)
        self.model, digest, codes = load_model_file(path, digits)
        self.name = f"{path.name}@sha256:{digest[:12]}"
        self.labels = codes
        if candidates:
            matches = {
                label: next((code for code in candidates if same_language(label, code)), "")
                for label in codes
            }
            self.labels = {label: code for label, code in matches.items() if code}
        self.candidate_set = describe_candidates(candidates, len(codes))
        self.signature = f"lid:{self.name}|set:{self.candidate_set}"

    def identify(self, texts: Sequence[str]) -> list[Probabilities]:
        """The language probabilities of each text."""
        return predict(self.model, texts, self.labels)


def parse_name(name: str) -> tuple[Path, str]:
    """The path in a detector's name, and the digits its SHA-256 must begin with ("": any).

    Raises:
        DetectorError: the digits are not 8 to 64 hexadecimal ones, or the Hub's cache lacks it.
    """
    path, mark, digits = name.rpartition(HASH)
    if not mark:
        return find_file(name), ""
    if not re.fullmatch("[0-9a-f]{8,64}", digits):
        raise DetectorError(f"{name}: after {HASH} 8 to 64 digits 0-9a-f expected")
    return find_file(path), digits


def find_file(name: str) -> Path:
    """The file of a path, or of a word in `HUB` as the Hub's cache has it.

    Raises:
        DetectorError: the cache does not have it.
    """
    if name not in HUB:
        return Path(name).resolve()
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(HUB[name], "model.bin")
    if not isinstance(found, str):
        raise DetectorError(
            f"the detector {name} is not in the Hub's cache; run hf download {HUB[name]} model.bin"
        )
    return Path(found)  # of the cache, whose name tells more than that of the blob


@cache
def load_model_file(path: Path, digits: str) -> tuple[Any, str, dict[str, str]]:
    """The model, the SHA-256 of its file, and its labels with the language code of each.

    Raises:
        DetectorError: there is no such file, its SHA-256 does not begin with `digits`, or it is no
            fastText model of languages.
    """
    import fasttext

    check_path(path)
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        check_digest(path, digest, digits)
        check_structure(path)
        model = fasttext.load_model(str(path))  # type: ignore[no-untyped-call,attr-defined]
        ranked = model.f.predict("a\n", -1, -1.0, "strict")
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        raise DetectorError(
            f"{path}: not a complete fastText model ({error}); fetch it again"
        ) from error
    labels = [label.removeprefix(PREFIX) for _, label in ranked]
    if "eng_Latn" not in labels and "en" not in labels:
        raise DetectorError(
            f"{path}: a fastText model, but not of languages: it has no label en or eng_Latn"
        )
    return model, digest, {label: canonical(label) for label in labels}


def check_path(path: Path) -> None:
    """Raise DetectorError unless `path` is a file with a printable name."""
    if path.is_file() and path.name.isprintable():
        return
    fault = "no such file"
    if path.exists():
        fault = "not a file" if path.name.isprintable() else "its name is not printable"
    raise DetectorError(
        f"{path}: {fault}; give a detector's name, as fasttext, or the path of a fastText model"
    )


def check_digest(path: Path, digest: str, digits: str) -> None:
    """Raise DetectorError where the file is not the requested one; it is not loaded then."""
    if not digest.startswith(digits):
        raise DetectorError(
            f"{path}: its sha256 begins with {digest[: max(12, len(digits))]}, not with {digits}; "
            "fetch the model that was meant, or leave the digits out"
        )
