"""The Hugging Face Trainer with our batches and our loss; Examples in, nothing else changed."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.utils.data import Sampler
from transformers import PrinterCallback, Trainer

from ontarget import processes
from ontarget.errors import RecipeError
from ontarget.training import checkpoints
from ontarget.training.engine import sharding
from ontarget.training.losses import IGNORE
from ontarget.training.monitoring.callbacks import LOGGED_MEANS, LogPoint, SamplerEpoch
from ontarget.training.packing import Example
from ontarget.training.resume import ResumableState
from ontarget.training.sampler import LengthGroupedSampler, blank_example


def check_finite_weights(model: nn.Module, step: int) -> None:
    """Raise RecipeError where a weight is no number; the last step's update is seen by no loss."""
    for name, weight in model.named_parameters():
        if not torch.isfinite(sharding.local_tensor(weight)).all():
            raise RecipeError(
                f"after step {step} the weight {name} is not finite; lower the learning rate"
            )


class LanguageAwareTrainer(Trainer):
    """The Trainer, with two means of two losses.

    The model must answer with its loss: `heads.answering_with_loss`.
    """

    def __init__(
        self,
        *,
        alpha: float,
        memory: ResumableState,
        train_dataset: Sequence[Example],
        **trainer: Any,
    ) -> None:
        super().__init__(train_dataset=[*train_dataset, blank_example(train_dataset)], **trainer)
        self.remove_callback(PrinterCallback)
        self.alpha = alpha
        self.lengths = [example.length for example in train_dataset]
        self.memory = memory
        self.loss_is_scaled_for_ga = True  # the counts below are those of the whole step
        self.keys: list[list[str]] = []  # of the samples of each micro-batch of the step
        self.done = 0  # of these micro-batches
        self.since = time.monotonic()

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        at_once = self.args.train_batch_size * self.args.world_size
        step = at_once * self.args.gradient_accumulation_steps
        share = at_once if self.args.world_size > 1 else 1
        sampler = LengthGroupedSampler(self.lengths, step, self.args.data_seed or 0, share=share)
        self.add_callback(SamplerEpoch(sampler))
        return sampler

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Tensor]:
        """The step's micro-batches and its count of (likelihood, unlikelihood) labels."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        counts = torch.zeros(2, device=device)
        self.keys, self.done = [batch.pop("keys") for batch in batches], 0
        for batch in batches:
            labelled = batch["labels"][:, 1:] != IGNORE
            unlikely = (labelled & batch["unlikely"][:, 1:]).sum()
            counts += torch.stack([labelled.sum() - unlikely, unlikely]).to(device)
        # The engine averages gradients over processes; the means are over the sum of their labels.
        gathered = self.accelerator.gather(counts[None])
        return batches, gathered.sum(0) / len(gathered)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """This micro-batch's share of the step's loss, in nats."""
        network: Any = self.model
        exact = torch.promote_types(network.dtype, torch.float32)
        true, wrong = num_items_in_batch.clamp(min=1).to(exact)
        weights = torch.where(inputs["unlikely"], self.alpha / wrong, 1 / true)
        total, odds = model(**inputs, weights=weights)
        keys = self.keys[self.done]
        self.done += 1
        if not torch.isfinite(total):
            raise self.diverged(f"the loss is {total.item()}", keys)
        labels, unlikely = (inputs[name][:, 1:].reshape(-1) for name in ("labels", "unlikely"))
        kept = labels != IGNORE
        right, conflict = odds[kept & ~unlikely], odds[kept & unlikely]
        seen = (
            softplus(-right).sum() / true,
            softplus(conflict).sum() / wrong,
            right.sum() / true,
            conflict.sum() / wrong,
            (conflict > 0).sum() / wrong,
            kept.sum(),
        )
        self.memory.seen.append([float(self.state.global_step), *torch.stack(seen).tolist()])
        return (total, odds) if return_outputs else total

    def _clip_grad_norm(self, model: Any) -> Any:
        norm = super()._clip_grad_norm(model)  # type: ignore[no-untyped-call]
        if norm is not None and not math.isfinite(norm):
            keys = [key for of_one in self.keys for key in of_one]
            raise self.diverged(f"the gradient's norm is {float(norm)}", keys)
        return norm

    def diverged(self, finding: str, keys: Sequence[str]) -> RecipeError:
        """What to say of a step whose numbers are none."""
        last = checkpoints.newest(self.memory.folder)
        return RecipeError(
            f"step {self.state.global_step + 1}: {finding} on the samples "
            f"{', '.join(keys[:8])}{' ...' if len(keys) > 8 else ''}; lower the learning "
            f"rate or alpha, or look at these samples (last state before: {last or 'none'})"
        )

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        check_finite_weights(model, self.state.global_step)  # it would be gone on from
        super()._save_checkpoint(model, trial)
        step = self.state.global_step
        written = self.memory.partial / f"checkpoint-{step}"
        self.memory.save(written)
        processes.barrier()  # each has written its part
        if processes.is_main_process():
            checkpoints.publish(written, self.memory.folder, step)
        processes.barrier()

    def log(self, logs: LogPoint, start_time: float | None = None) -> None:
        """Log what was seen since the last log: means over steps, losses and odds in nats."""
        seen = self.memory.seen
        if seen and "loss" in logs:
            at, *columns = zip(*seen, strict=True)
            steps = len(set(at))  # an epoch's last one may have fewer micro-batches
            *shares, tokens = processes.sum_over_processes([sum(column) for column in columns])
            of_all = steps * processes.world_size()  # each is a share of a mean over all of them
            logs |= {name: share / of_all for name, share in zip(LOGGED_MEANS, shares, strict=True)}
            logs["tokens_per_second"] = tokens / (time.monotonic() - self.since)
            seen.clear()
            self.since = time.monotonic()
        super().log(logs, start_time)
