"""What a text of a record must not hold, since no file that is written could hold it."""

from ontarget.errors import CorpusError


def check_characters(text: str, name: str, place: str) -> None:
    """Raise CorpusError for a text with a NUL or half a surrogate pair; `name` says which it is."""
    if "\0" in text or not is_whole(text):
        fault = "a NUL" if "\0" in text else "half a surrogate pair"
        raise CorpusError(
            f"{place}: the {name} contains {fault} ({len(text)} characters); remove it"
        )


def is_whole(text: str) -> bool:
    """Whether a text has no half surrogate pair, which UTF-8 cannot hold."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
