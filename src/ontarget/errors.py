"""Everything the user can mend, as one small tree; any other exception is a bug of ours.

OnTargetError            one line: the place, the finding, the expectation, the remedy
├── RecipeError          the recipe: a key, a value, a language, a direction
├── CorpusError          a corpus file: missing, misaligned, not UTF-8, shared with a test set
├── DetectorError        a language identifier: not installed, no model, an unknown language
├── ProgramError         an outside program: not found, failed, unexpected output
├── ModelError           a model folder or hub id: no weights, not safetensors, no tokenizer
├── TranslationError     a translation: a server that cannot be reached, segments without an answer
├── ArtifactError        a run folder: a missing step, a full disk, a damaged file
└── HubError             the Hugging Face Hub: no login, no network, no such repository
"""

from signal import SIGTERM


class OnTargetError(Exception):
    """Bad input: printed as one line, exit code 2."""


class RecipeError(OnTargetError):
    """The recipe names something that does not exist, or contradicts itself."""


class CorpusError(OnTargetError):
    """A corpus file cannot be used."""


class DetectorError(OnTargetError):
    """A language identifier cannot be used, or not for these languages."""


class ProgramError(OnTargetError):
    """A program outside ontarget cannot be found or used."""


class ModelError(OnTargetError):
    """A model cannot be loaded safely and completely."""


class TranslationError(OnTargetError):
    """A backend cannot translate, or not all segments."""


class ArtifactError(OnTargetError):
    """A step's folder cannot be read or written."""


class HubError(OnTargetError):
    """The Hugging Face Hub cannot be reached or refuses a request."""


class Stopped(BaseException):
    """A signal requested the end; not a fault. Finished work is kept, and the next run resumes.

    Like KeyboardInterrupt it passes `except Exception`, which explains faults.
    """

    def __init__(self, text: str, signal: int = SIGTERM) -> None:
        super().__init__(text)
        self.signal = signal


def visible(text: str) -> str:
    """`text` with control characters written out, so that it is one line and moves no cursor."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def read_fault(error: OSError) -> str:
    """Why a file cannot be read, and the remedy."""
    remedy = "make the file readable"
    if isinstance(error, FileNotFoundError):
        remedy = "give the path of a file that exists"
    elif isinstance(error, IsADirectoryError):
        remedy = "give the path of a file"
    return f"{error.strerror}; {remedy}"


def error_text(error: Exception) -> str:
    """An exception's message, as one line."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(words.split())
