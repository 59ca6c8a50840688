"""From corpus files to samples and conflict samples.

readers/      one module a corpus format; each yields rows of parallel text
cleaning/     which training pairs are kept, and why the others are not
splits        train, dev and test rows, without overlap
directions    which directions are supervised and which are zero-shot
mixing        how many samples of each direction are trained on
instructions  general instructions among the samples
sampling      rows to samples, and choices of samples that depend on their content only
synthetic     pairs of zero-shot directions that a model makes itself
conflicts     conflict samples: the same response under an instruction for another language
constraints   instructions for a format, a term or a formality, with conflicts
interface     `read`, `audit` and `clean` with `datasets.Dataset`, which this package exports
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ontarget.data.cleaning.rules import Cascade as Cascade
    from ontarget.data.cleaning.rules import Rules as Rules
    from ontarget.data.interface import audit as audit
    from ontarget.data.interface import clean as clean
    from ontarget.data.interface import read as read
    from ontarget.data.readers.base import Entry as Entry

PLACES = {
    "Cascade": "cleaning.rules",
    "Entry": "readers.base",
    "Rules": "cleaning.rules",
    "audit": "interface",
    "clean": "interface",
    "read": "interface",
}
__all__ = ["Cascade", "Entry", "Rules", "audit", "clean", "read"]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    from importlib import import_module

    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"ontarget.data.{PLACES[name]}"), name)
