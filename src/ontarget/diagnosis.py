"""The preflight's measurements: losses under right and wrong instructions, off-target."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from ontarget.batches import Example, padded, row
from ontarget.conflicts import wrong_target
from ontarget.decoding.hf import Search, generate
from ontarget.identify import FastText
from ontarget.languages import english_name
from ontarget.losses import log_odds, response_tokens
from ontarget.models import Loaded
from ontarget.offtarget import off_target
from ontarget.preflight import Examination, Measures, verdict
from ontarget.prompts import prompt
from ontarget.records import Direction, Sample

BATCH = 16  # sequences at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What an examination depends on besides the model and the sentences."""

    languages: tuple[str, ...]
    supervised: tuple[Direction, ...]  # the losses are measured on these, as stage 2 trains on them
    template: str
    seed: int
    max_new_tokens: int


def examine(
    loaded: Loaded,
    samples: Sequence[Sample],
    setting: Setting,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Examination:
    """Measure `loaded` on true samples and say which fault it has, if any."""
    loaded.model.eval()  # type: ignore[no-untyped-call]
    known = [s for s in samples if Direction(s.source_lang, s.target_lang) in setting.supervised]
    conflicts = [wrong_target(sample, setting.languages, setting.seed) for sample in known]
    right = odds(loaded, known, setting.template)
    wrong = odds(loaded, conflicts, setting.template)
    ratios, floors = off_target_by_direction(loaded, samples, setting, progress)
    measures = Measures(
        likelihood_nats=torch.nn.functional.softplus(-right).mean().item(),
        conflict_nats=torch.nn.functional.softplus(wrong).mean().item(),
        right_share=(right > 0).float().mean().item(),
        conflict_share=(wrong > 0).float().mean().item(),
        off_target_percent=ratios,
        reference_off_target_percent=floors,
    )
    return Examination(measures, verdict(measures))


@torch.inference_mode()
def odds(loaded: Loaded, samples: Sequence[Sample], template: str) -> torch.Tensor:
    """The log-odds, in nats, of every response token under its sample's instruction."""
    prompts = loaded.prompts([prompt(sample, template, english_name) for sample in samples])
    responses = loaded.responses([sample.target for sample in samples])
    rows = [row("", *pair) for pair in zip(prompts, responses, strict=True)]
    rows.sort(key=lambda each: len(each.tokens))
    found = []
    for start in range(0, len(rows), BATCH):
        batch = padded([Example(rows=(each,)) for each in rows[start : start + BATCH]], loaded.pad)
        batch = {name: tensor.to(loaded.model.device) for name, tensor in batch.items()}
        logits = loaded.model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False
        ).logits
        found.append(log_odds(*response_tokens(logits, batch["labels"])).cpu())
    return torch.cat(found)


def off_target_by_direction(
    loaded: Loaded,
    samples: Sequence[Sample],
    setting: Setting,
    progress: Callable[[int, int], None],
) -> tuple[dict[str, float], dict[str, float]]:
    """Off-target percent of the model's greedy translations, and of the references."""
    prompts = loaded.prompts([prompt(sample, setting.template, english_name) for sample in samples])
    texts: dict[int, str] = {}
    greedy = Search(beams=1, max_new_tokens=setting.max_new_tokens, batch=BATCH * 4)
    for part in generate(loaded, prompts, greedy):
        texts |= part
        progress(len(texts), len(samples))
    identify = FastText(setting.languages)
    found = identify.languages_of([texts[index] for index in range(len(samples))])
    floor = identify.languages_of([sample.target for sample in samples])
    by_direction: dict[Direction, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        by_direction[Direction(sample.source_lang, sample.target_lang)].append(index)
    return tuple(  # type: ignore[return-value]
        {
            str(direction): off_target([labels[i] for i in chosen], direction.target_lang).percent
            for direction, chosen in by_direction.items()
        }
        for labels in (found, floor)
    )
