"""Other ways to decode a segment whose translation is not in the requested language."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ontarget.decoding.base import Translator
from ontarget.models.templates import TEMPLATES, prompt_format_of
from ontarget.offtarget.detection import Detection
from ontarget.offtarget.verdicts import is_off_target
from ontarget.records import Direction

OTHER_TEMPLATES = ("post-instruction", "alpaca")  # the first one that is not the usual one
BEAMS = 4
# texts, sources: whether each text is off-target; None: undecided
Judge = Callable[[Sequence[str], Sequence[str]], list[bool | None]]


def judge_of(direction: Direction) -> Judge:
    """The verdicts of the off-target metric.

    Raises:
        DetectorError: translations into this language cannot be judged.
    """
    metric = Detection(pivot=direction.source_lang).metric(direction)

    def judge(texts: Sequence[str], sources: Sequence[str]) -> list[bool | None]:
        found = metric.judge(texts, sources)
        return [is_off_target(segment.judged.verdict) for segment in found]

    return judge


def attempts(
    translator: Any, direction: Direction, on_target: Sequence[str]
) -> Iterator[tuple[str, Translator]]:
    """Other ways to decode, by name, from the cheapest to the most expensive.

    All but another template need the scores of all tokens, which only a model in this process has.
    First words are those of `on_target`, translations that were right.
    """
    yield "another template", in_another_template(translator)
    if not hasattr(translator, "loaded"):
        return
    from ontarget.decoding.hf.planned import PlannedTranslator
    from ontarget.decoding.ways.plan import Material
    from ontarget.decoding.ways.settings import Contrastive, FirstWords, LanguageBeams, Way

    material = Material(
        loaded=translator.loaded,
        languages=(direction.source_lang, direction.target_lang),
        texts={direction.target_lang: list(on_target)},
    )

    def planned(way: Way, beams: int = 1) -> Translator:
        search = replace(translator.search, beams=beams)
        form = translator.prompt_format
        return PlannedTranslator(translator.loaded, form, search, (way,), material)

    yield "next beam", planned(LanguageBeams(), BEAMS)
    if on_target:
        yield "first words", planned(FirstWords())
    yield "contrastive", planned(Contrastive())


def in_another_template(translator: Any) -> Translator:
    """The translator with another template."""
    form = translator.prompt_format
    name = next(name for name in OTHER_TEMPLATES if TEMPLATES[name] != form.template)
    other = prompt_format_of(name, form.chat or None)
    form = replace(form, template=other.template, by_target=other.by_target, chat=other.chat)
    changed: Translator = replace(translator, prompt_format=form)
    return changed
