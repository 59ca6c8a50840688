"""A fixed sentence before the source, and its translation before the answer (2025.loresmt-1.2).

The model continues an answer that has begun in the requested language. The translation of the fixed
sentence is taken off again.
"""

from dataclasses import replace

from ontarget.decoding.ways.plan import Material, Plan
from ontarget.decoding.ways.prompts.few_shot import demonstrations_of
from ontarget.decoding.ways.settings import PrefixPair
from ontarget.records import Direction, Sample

CANDIDATES = 5  # of which the shortest is taken


def apply(settings: PrefixPair, plan: Plan, material: Material) -> Plan:
    """The plan with sources that begin with the sentence, and answers with its translation."""
    directions = {Direction(s.source_lang, s.asked_lang) for s in plan.samples}
    pairs = {d: shortest(d, material) for d in directions}
    chosen = [pairs[Direction(s.source_lang, s.asked_lang)] for s in plan.samples]
    return replace(
        plan,
        samples=tuple(
            replace(sample, source=f"{pair.source} {sample.source}")
            for sample, pair in zip(plan.samples, chosen, strict=True)
        ),
        begins=tuple(pair.target for pair in chosen),
        cut=True,
    )


def shortest(direction: Direction, material: Material) -> Sample:
    """The shortest of a few examples of a direction."""
    count = sum((one.source_lang, one.target_lang) == direction for one in material.examples)
    usable = demonstrations_of(direction, material.examples, max(1, min(CANDIDATES, count)))
    return min(usable, key=lambda one: len(one.source))
