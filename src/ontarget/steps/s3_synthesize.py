"""Step 3, for stage 2: the model of stage 1 makes pairs of zero-shot directions.

Recipes with `unlikelihood.synthetic` have it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from ontarget import artifacts
from ontarget.analysis.validation import greedy_translator, group_by_direction
from ontarget.artifacts import ArrowRecords
from ontarget.data.instructions import count_translations
from ontarget.data.sampling import choose_places
from ontarget.data.synthetic import SyntheticPair, draw_synthetic_pairs
from ontarget.decoding.base import Hypothesis
from ontarget.decoding.resume import translate_resumably
from ontarget.errors import CorpusError
from ontarget.models import loading
from ontarget.offtarget.detection import Detection
from ontarget.recipe.step_context import StepContext
from ontarget.recipe.step_settings import SynthesizeSettings
from ontarget.records import Sample

CUT = "cut at the greatest length"


def run(context: StepContext[SynthesizeSettings]) -> dict[str, Any]:
    """Write `synthetic.arrow`: pairs whose target the model translated, on target and complete.

    Raises:
        CorpusError: no pair can be drawn, or none is left.
    """
    settings = context.settings
    pairs = drawn_pairs(context)
    if not pairs:
        raise CorpusError(
            f"unlikelihood.synthetic: {settings.share:g} of stage 2's samples are no pair that "
            "could be drawn; raise steps or batch, or leave it out"
        )
    found = translated(context, pairs)
    verdicts = verdicts_of(pairs, found, settings.detection)
    kept = [
        replace(pair.sample, target=one.text)
        for pair, one, verdict in zip(pairs, found, verdicts, strict=True)
        if verdict is None
    ]
    left_out = Counter(verdict for verdict in verdicts if verdict is not None)
    if not kept:
        reasons = ", ".join(f"{name} {count}" for name, count in left_out.most_common())
        raise CorpusError(
            f"unlikelihood.synthetic: none of {len(pairs)} translations in supervised directions "
            f"can be used ({reasons}), so the model does not translate yet; train stage 1 "
            "(longer), or set synthetic to 0"
        )
    artifacts.write_arrow(context.out / "synthetic.arrow", kept, Sample)
    return {"pairs": len(kept)} | ({"left_out": dict(left_out)} if left_out else {})


def drawn_pairs(context: StepContext[SynthesizeSettings]) -> list[SyntheticPair]:
    """As many as stage 2 takes, or as there are, of training samples in random order.

    The order is that of stage 2's true samples, not that of stage 1.
    """
    settings = context.settings
    samples = ArrowRecords(context.inputs["1_prepare"] / "train.arrow", Sample)
    known = count_translations(samples)
    places = choose_places(islice(samples.column("key"), known), known, settings.seed + 1)
    in_order = (sample for place in places for sample in samples.take([place]))
    drawn = draw_synthetic_pairs(in_order, settings.supervised, settings.seed)
    return list(islice(drawn, settings.pairs_for(len(samples) if settings.general else known)))


def translated(
    context: StepContext[SynthesizeSettings], pairs: Sequence[SyntheticPair]
) -> list[Hypothesis]:
    """What the model makes of the requests of the pairs."""
    settings = context.settings
    context.tell("loading the model", 0, 1)
    loaded = loading.load_model(context.start, settings.base.revision)
    loading.place_for_decoding(loaded.model, settings.precision)
    # the translator bounds the length by that of references, of which these are the nearest
    requests = [replace(pair.request, target=pair.sample.source) for pair in pairs]
    return translate_resumably(
        greedy_translator(loaded, settings.prompt_format, requests, batch=context.dev_batch),
        requests,
        context.unfinished,
        lambda done, total: context.tell("translating for synthetic pairs", done, total),
    )


def verdicts_of(
    pairs: Sequence[SyntheticPair], found: Sequence[Hypothesis], detection: Detection
) -> list[str | None]:
    """Why each translation cannot be used; None: it can."""
    verdicts: dict[int, str | None] = {}
    for direction, places in group_by_direction([pair.request for pair in pairs]).items():
        texts = [found[at].text for at in places]
        judged = detection.metric(direction).judge(texts, [pairs[at].pivot_text for at in places])
        for at, segment in zip(places, judged, strict=True):
            wrong = segment.judged.is_off_target
            verdict = str(segment.judged.verdict) if wrong else None
            verdicts[at] = CUT if found[at].truncated else verdict
    return [verdicts[at] for at in range(len(pairs))]
