"""TODO."""

from collections.abc import Iterable

from ontarget.records import Parallel


def find_overlap(
    train: Iterable[Parallel], held_out: Iterable[Parallel]
) -> list[tuple[str, str, str]]:
    """Each training row that shares a sentence: (held-out key, training key, language)."""
    held = {(language, text): row.key for row in held_out for language, text in row.texts.items()}
    shared = []
    for row in train:
        for language, text in row.texts.items():
            if (language, text) in held:
                shared.append((held[language, text], row.key, language))
                break
    return shared
