"""One metric for each pair of languages, made once."""

from collections.abc import Sequence
from functools import cache

from ontarget.languages.tags import distinguishable
from ontarget.offtarget.metric import OffTarget

OTHER_THAN_ENGLISH = "de"  # stands for the source's language where English is requested


@cache
def metric_for(target_lang: str, source_lang: str | None, detector: str | None) -> OffTarget:
    """The metric of a direction.

    Without a source language English stands for it, or German where English is the target. It does
    not decide whether a text is off-target, only what an off-target verdict is called.

    Raises:
        DetectorError: a language or the detector is unknown, or not installed.
    """
    if source_lang is None:
        source_lang = "en" if distinguishable(target_lang, "en") else OTHER_THAN_ENGLISH
    if detector is None:
        return OffTarget(target_lang=target_lang, source_lang=source_lang)
    return OffTarget(target_lang=target_lang, source_lang=source_lang, detector=detector)


def one_each(
    name: str, values: str | Sequence[str | None] | None, count: int
) -> list[str] | list[str | None]:
    """One value for each of `count` texts; a single string holds for all of them.

    Raises:
        ValueError: there are more or fewer.
    """
    if values is None or isinstance(values, str):
        return [values] * count
    listed = list(values)
    if len(listed) != count:
        raise ValueError(f"{name}: {len(listed)} values for {count} texts; give one for each")
    return listed
