"""Losses of references under a model: with any prompt, demonstrations or another source."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from ontarget.analysis.validation import direction_of
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import (
    Prompt,
    build_prompts,
    build_responses,
    few_shot_prompts,
    language_codes,
)
from ontarget.models.templates import PromptFormat
from ontarget.records import Direction, Sample
from ontarget.training import forward
from ontarget.training.batches.packing import padded
from ontarget.training.batches.sequences import Example, TokenSequence, token_sequence
from ontarget.training.losses import IGNORE, likelihood

BATCH = 16  # sequences in a forward pass
SHOTS = 2  # demonstrations in a few-shot prompt

Progress = Callable[[str, int, int], None]  # what is measured, how much is done, out of how much


@dataclass(frozen=True, slots=True)
class ResponseLosses:
    """Losses of responses under a model, measured batch by batch."""

    loaded: LoadedModel
    prompt_format: PromptFormat
    progress: Progress

    def __call__(
        self, samples: Sequence[Sample], what: str, prompts: Sequence[Prompt] | None = None
    ) -> list[torch.Tensor]:
        """The log-odds, in nats, of each sample's response tokens under its instruction.

        Or under other `prompts`.
        """
        found: dict[int, torch.Tensor] = {}
        for indices, rows in response_log_odds(self.loaded, samples, self.prompt_format, prompts):
            found |= dict(zip(indices, rows, strict=True))
            self.progress(f"losses {what}", len(found), len(samples))
        return [found[index] for index in range(len(samples))]


def response_log_odds(
    loaded: LoadedModel,
    samples: Sequence[Sample],
    prompt_format: PromptFormat,
    prompts: Sequence[Prompt] | None = None,
) -> Iterator[tuple[list[int], list[torch.Tensor]]]:
    """Batches of (indices of samples, log-odds in nats of each one's response tokens)."""
    prompts = prompts or build_prompts(loaded, samples, prompt_format)
    responses = build_responses(loaded, samples, prompt_format)
    sequences = [token_sequence("", *pair) for pair in zip(prompts, responses, strict=True)]
    yield from sequence_log_odds(loaded, sequences)


@torch.inference_mode()
def sequence_log_odds(
    loaded: LoadedModel, sequences: Sequence[TokenSequence]
) -> Iterator[tuple[list[int], list[torch.Tensor]]]:
    """Batches of (indices of sequences, log-odds in nats of each one's response tokens)."""
    order = sorted(range(len(sequences)), key=lambda index: len(sequences[index].tokens))
    device = loaded.model.device
    for start in range(0, len(order), BATCH):
        indices = order[start : start + BATCH]
        examples = [Example(rows=(sequences[index],)) for index in indices]
        batch = {name: t.to(device) for name, t in padded(examples, loaded.pad).items()}
        labelled = batch["labels"][:, 1:] != IGNORE
        log_odds = forward.model_loss(loaded.model, **batch).log_odds.reshape(labelled.shape)
        yield indices, [row[kept].cpu() for row, kept in zip(log_odds, labelled, strict=True)]


def few_shot_log_odds(
    samples: Sequence[Sample], losses: ResponseLosses
) -> list[torch.Tensor] | None:
    """The log-odds of responses in few-shot prompts: what the model could do if it were shown.

    None for models that are not prompted in words, where a direction has a single sentence, and
    where such a prompt might be longer than the model's positions.
    """
    loaded = losses.loaded
    demonstrations = demonstrations_of(samples)
    if loaded.has_encoder or language_codes(loaded) or not all(demonstrations):
        return None
    prompts = few_shot_prompts(loaded, samples, demonstrations, losses.prompt_format)
    responses = build_responses(loaded, samples, losses.prompt_format)
    longest = max(len(p.tokens) + len(r) for p, r in zip(prompts, responses, strict=True))
    if loaded.positions is not None and longest > loaded.positions:
        return None
    return losses(samples, "under few-shot prompts", prompts)


def demonstrations_of(samples: Sequence[Sample]) -> list[list[Sample]]:
    """The next samples in each one's direction, `SHOTS` or as many as there are besides it."""
    shown = {}
    for group in samples_by_direction(samples).values():
        for at, sample in enumerate(group):
            following = [*group[at + 1 :], *group[:at]]
            shown[sample.key] = following[:SHOTS]
    return [shown[sample.key] for sample in samples]


def other_sources(samples: Sequence[Sample]) -> list[Sample]:
    """Each sample with the source of the next one in its direction."""
    following = {
        sample.key: group[(index + 1) % len(group)].source
        for group in samples_by_direction(samples).values()
        for index, sample in enumerate(group)
    }
    return [replace(sample, source=following[sample.key]) for sample in samples]


def samples_by_direction(samples: Sequence[Sample]) -> dict[Direction, list[Sample]]:
    """Samples by their direction, in their order."""
    by_direction: dict[Direction, list[Sample]] = {}
    for sample in samples:
        by_direction.setdefault(direction_of(sample), []).append(sample)
    return by_direction


def mean_nats(log_odds: Sequence[torch.Tensor], skip: int = 0) -> float:
    """Mean -log p of all tokens but the first `skip` of each response; 0 without any."""
    kept = torch.cat([row[skip:] for row in log_odds])
    return likelihood(kept).mean().item() if len(kept) else 0.0


def mean_first(log_odds: Sequence[torch.Tensor]) -> float:
    """Mean p of the first token of each response."""
    return torch.stack([row[0] for row in log_odds]).sigmoid().mean().item()
