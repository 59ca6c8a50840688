"""Translations of the same direction before the request (arXiv 2005.14165)."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from ontarget.decoding.ways.plan import Material, Plan
from ontarget.decoding.ways.settings import FewShot
from ontarget.errors import CorpusError
from ontarget.records import Direction, Sample


def apply(settings: FewShot, plan: Plan, material: Material) -> Plan:
    """The plan with the same demonstrations for all samples of a direction."""
    directions = {Direction(s.source_lang, s.asked_lang) for s in plan.samples}
    shown = {d: demonstrations_of(d, material.examples, settings.shots) for d in directions}
    return replace(
        plan,
        demonstrations=tuple(
            tuple(one for one in shown[Direction(s.source_lang, s.asked_lang)])
            for s in plan.samples
        ),
    )


def demonstrations_of(
    direction: Direction, examples: Sequence[Sample], count: int
) -> tuple[Sample, ...]:
    """Examples of a direction; which ones depends on their keys only.

    Raises:
        CorpusError: there are not as many.
    """
    usable = [one for one in examples if (one.source_lang, one.target_lang) == direction]
    if len(usable) < count:
        raise CorpusError(
            f"few-shot: needs {count} dev sentences from {direction[0]} to {direction[1]}, there "
            f"are {len(usable)}; add dev sentences or lower shots"
        )
    return tuple(sorted(usable, key=lambda one: sha256(one.key.encode()).digest())[:count])
