"""The Hugging Face Trainer with this package's batches, losses and checkpoints."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Sampler
from transformers import PrinterCallback, Trainer

from ontarget import processes
from ontarget.errors import RecipeError
from ontarget.training import checkpoints
from ontarget.training.batches.own_answers import OwnAnswers, with_answers
from ontarget.training.batches.sampler import LengthGroupedSampler, blank_example
from ontarget.training.batches.sequences import Example
from ontarget.training.engine import sharding
from ontarget.training.engine.compile import run_eagerly
from ontarget.training.losses import IGNORE, Nats, likelihood, log_reach, unlikelihood
from ontarget.training.monitoring.callbacks import LOGGED_MEANS, LogPoint, SamplerEpoch
from ontarget.training.resume import ResumableState

SAMPLES_NAMED = 8  # in an error message
Collate = Callable[[Sequence[Example]], dict[str, Tensor]]


def check_finite_weights(model: nn.Module, step: int) -> None:
    """Raise RecipeError if a weight is not finite; no loss follows the last update."""
    for name, weight in model.named_parameters():
        if not torch.isfinite(sharding.local_tensor(weight)).all():
            raise RecipeError(
                f"after step {step} the weight {name} is not finite; lower the learning rate"
            )


class LanguageAwareTrainer(Trainer):
    """Minimizes mean likelihood loss + alpha * mean unlikelihood loss over each optimizer step.

    The likelihood loss is a mean over response tokens. So is the unlikelihood loss, unless tokens
    are weighted by their reach: then it is a sum over the tokens of a response, and a mean over
    responses. The model must return its loss: see `forward.forward_returns_loss`.
    """

    def __init__(
        self,
        *,
        alpha_at: Callable[[int], float],
        resumable: ResumableState,
        collate: Collate,
        answers: OwnAnswers | None,
        train_dataset: Sequence[Example],
        **trainer: Any,
    ) -> None:
        examples = [*train_dataset, blank_example(train_dataset)]
        super().__init__(train_dataset=examples, data_collator=list, **trainer)  # type: ignore[arg-type]
        self.remove_callback(PrinterCallback)
        self.alpha_at, self.collate, self.answers = alpha_at, collate, answers
        self.lengths = [example.length for example in train_dataset]
        self.resumable = resumable
        self.loss_is_scaled_for_ga = True  # `compute_loss` divides by counts of the optimizer step
        self.sample_keys: list[list[str]] = []  # of each micro-batch of the optimizer step
        self.micro_batches_done = 0  # in this optimizer step
        self.last_logged = time.monotonic()

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
        """The step's micro-batches, and by how much to divide both losses, per process.

        The divisors are the numbers of true and of conflict labels; labels weighted by their reach
        count once a response.
        """
        micro_batches: list[list[Example]]
        micro_batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        self.sample_keys = [[e.rows[0].key for e in examples] for examples in micro_batches]
        self.micro_batches_done = 0
        if self.answers is not None:
            micro_batches = self.add_own_answers(micro_batches, self.answers)
        batches = [self.collate(examples) for examples in micro_batches]
        counts = torch.zeros(2, device=device)
        for batch in batches:
            labelled = (batch["labels"] != IGNORE) & ~batch["continues"]
            labelled, unlikely = labelled[:, 1:], batch["unlikely"][:, 1:]
            counts += torch.stack([(labelled & ~unlikely).sum(), (labelled & unlikely).sum()]).to(
                device
            )
        # Engines average gradients over processes, so dividing by the mean count of a process
        # gives the mean over all labels.
        gathered = self.accelerator.gather(counts[None])
        return batches, gathered.sum(0) / len(gathered)

    def add_own_answers(
        self, micro_batches: Sequence[Sequence[Example]], answers: OwnAnswers
    ) -> list[list[Example]]:
        """The step's examples with the answers that the model gives now."""
        network: Any = self.model
        with run_eagerly():  # each step has prompts of other lengths
            answered = iter(list(with_answers(list(chain(*micro_batches)), answers)))
        network.train()
        return [[next(answered) for _ in examples] for examples in micro_batches]

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The contribution of this micro-batch to the loss of the optimizer step, in nats."""
        network: Any = self.model
        dtype = torch.promote_types(network.dtype, torch.float32)
        counts = num_items_in_batch.clamp(min=1).to(dtype)
        true_count, conflict_count = counts
        alpha = self.alpha_at(self.state.global_step)
        factors = torch.where(inputs["unlikely"], alpha / conflict_count, 1 / true_count)
        weights = inputs["weights"].to(dtype) * factors
        loss, log_odds = model(**{**inputs, "weights": weights})
        keys = self.sample_keys[self.micro_batches_done]
        self.micro_batches_done += 1
        if not torch.isfinite(loss):
            raise self.divergence_error(f"the loss is {loss.item()}", keys)
        self.record(log_odds, inputs, counts)
        return (loss, log_odds) if return_outputs else loss

    def record(self, log_odds: Nats, inputs: dict[str, Tensor], counts: Tensor) -> None:
        """Add this micro-batch's part of each logged mean to the sums that `log` reads."""
        labels, unlikely, continues, weights = (
            inputs[name][:, 1:].reshape(-1)
            for name in ("labels", "unlikely", "continues", "weights")
        )
        labelled = labels != IGNORE
        nats = weights * log_reach(log_odds, continues).exp() * unlikelihood(log_odds)
        true = log_odds[labelled & ~unlikely]
        conflict = log_odds[labelled & unlikely & ~continues]
        true_count, conflict_count = counts
        sums = (  # in the order of LOGGED_MEANS, then the number of tokens
            likelihood(true).sum() / true_count,
            nats[labelled & unlikely].sum() / conflict_count,
            true.sum() / true_count,
            conflict.sum() / conflict_count,
            (conflict > 0).sum() / conflict_count,
            labelled.sum(),
        )
        step = float(self.state.global_step)
        self.resumable.unlogged.append([step, *torch.stack(sums).tolist()])

    def _clip_grad_norm(self, model: Any) -> Any:
        norm = super()._clip_grad_norm(model)  # type: ignore[no-untyped-call]
        if norm is not None and not math.isfinite(norm):
            keys = [key for micro_batch in self.sample_keys for key in micro_batch]
            raise self.divergence_error(f"the gradient norm is {float(norm)}", keys)
        return norm

    def divergence_error(self, finding: str, keys: Sequence[str]) -> RecipeError:
        """The error for an optimizer step with a non-finite loss or gradient."""
        newest = checkpoints.newest(self.resumable.folder)
        named = ", ".join(keys[:SAMPLES_NAMED]) + (" ..." if len(keys) > SAMPLES_NAMED else "")
        return RecipeError(
            f"step {self.state.global_step + 1}: {finding} on the samples {named}; lower the "
            "learning rate or alpha, or inspect these samples (last checkpoint: "
            f"{newest or 'none'})"
        )

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        check_finite_weights(model, self.state.global_step)  # never save bad weights
        super()._save_checkpoint(model, trial)
        step = self.state.global_step
        written = self.resumable.partial / f"checkpoint-{step}"
        self.resumable.save(written)
        processes.barrier()  # until every process has written its part
        if processes.is_main_process():
            checkpoints.publish(written, self.resumable.folder, step)
        processes.barrier()

    def log(self, logs: LogPoint, start_time: float | None = None) -> None:
        """Add the means since the last log, averaged over optimizer steps."""
        unlogged = self.resumable.unlogged
        if unlogged and "loss" in logs:
            steps, *columns = zip(*unlogged, strict=True)
            *sums, tokens = processes.sum_over_processes([sum(column) for column in columns])
            # The sums of a step over all processes are its mean times `world_size()`. The last
            # step of an epoch may have fewer micro-batches, so steps are counted, not rows.
            divisor = len(set(steps)) * processes.world_size()
            logs |= {name: total / divisor for name, total in zip(LOGGED_MEANS, sums, strict=True)}
            logs["tokens_per_second"] = tokens / (time.monotonic() - self.last_logged)
            unlogged.clear()
            self.last_logged = time.monotonic()
        super().log(logs, start_time)
