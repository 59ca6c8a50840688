"""Preference optimisation by TRL on contrasts, whose two responses may have different prompts.

    dpo    arXiv 2305.18290    a reference model
    kto    arXiv 2402.01306    a reference model; chosen and rejected are not paired
    cpo    arXiv 2401.08417    no reference model; with likelihood of the chosen one
    simpo  arXiv 2405.14734    no reference model, by mean log-probabilities
    orpo   arXiv 2403.07691    no reference model; odds ratio and likelihood
    grpo   arXiv 2402.03300    the model's own samples, rewarded if they are in the right language

TRL takes one prompt for both responses; here its tokenization is replaced by tokens that exist, so
that prompts and responses are those of our own trainings. CPO and ORPO are TRL's experimental ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from contrasts import Contrast
from datasets import Dataset
from peft import LoraConfig
from torch.nn.utils.rnn import pad_sequence
from transformers import PrinterCallback
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, KTOConfig, KTOTrainer
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from ontarget.models.loading import LoadedModel
from ontarget.records import Sample
from ontarget.rewards import on_target
from ontarget.training.schedule import Schedule

LONGEST = 1024  # tokens; no pair is longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A model and how it is trained."""

    loaded: LoadedModel
    schedule: Schedule
    folder: Path

    def arguments(self, examples: int) -> dict[str, Any]:
        """The schedule as arguments of a trainer of which a step has so many rows."""
        schedule = self.schedule
        return {
            "output_dir": str(self.folder), "max_steps": schedule.steps,
            "per_device_train_batch_size": examples, "learning_rate": schedule.learning_rate,
            "lr_scheduler_type": schedule.schedule, "warmup_steps": schedule.warmup,
            "weight_decay": schedule.weight_decay, "bf16": schedule.precision == "bfloat16",
            "gradient_checkpointing": False, "use_cpu": not torch.cuda.is_available(),
            "logging_steps": 10, "disable_tqdm": True, "report_to": "none", "save_strategy": "no",
            "dataloader_pin_memory": False, "remove_unused_columns": False,
            "train_sampling_strategy": "sequential", "seed": schedule.seed,
        }  # fmt: skip

    @property
    def adapter(self) -> LoraConfig | None:
        """The schedule's adapter, as peft takes it."""
        adapter = self.schedule.adapter
        if adapter is None:
            return None
        return LoraConfig(
            r=adapter.rank, lora_alpha=int(adapter.rank * adapter.scale),
            lora_dropout=adapter.dropout, target_modules=adapter.targets[0],
            task_type="CAUSAL_LM",
        )  # fmt: skip

    def run(self, trainer: type, config: Any, rows: Sequence[dict[str, Any]], **more: Any) -> Any:
        """Train; returns the model with its adapter."""
        made = trainer(
            model=self.loaded.model,
            args=config,
            train_dataset=Dataset.from_list(list(rows)),
            processing_class=self.loaded.tokenizer,
            peft_config=self.adapter,
            **more,
        )
        made.remove_callback(PrinterCallback)
        made.train()
        return made.model


def padded(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    """The rows as a matrix, padded on the right."""
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=value)


class AsTokens:
    """A dataset of tokens is taken as it is."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


class TokensDPO(AsTokens, DPOTrainer):
    """DPO on tokens."""


class TokensKTO(AsTokens, KTOTrainer):
    """KTO on tokens."""


class RowTokens:
    """A row has both sequences with their labels."""

    def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, Any]:
        """The columns that the trainer's collator expects."""
        columns = {"prompt_input_ids": feature["prompt_ids"]}
        columns["prompt_attention_mask"] = [1] * len(feature["prompt_ids"])
        for name, prompt in (("chosen", "prompt_ids"), ("rejected", "rejected_prompt_ids")):
            ids = feature[prompt] + feature[f"{name}_ids"]
            columns[f"{name}_input_ids"] = ids
            columns[f"{name}_attention_mask"] = [1] * len(ids)
            columns[f"{name}_labels"] = [-100] * len(feature[prompt]) + feature[f"{name}_ids"]
        return columns


class TokensCPO(RowTokens, CPOTrainer):
    """CPO and SimPO on tokens."""


class TokensORPO(RowTokens, ORPOTrainer):
    """ORPO on tokens."""


def collate_pairs(rows: Sequence[dict[str, Any]], pad: int) -> dict[str, torch.Tensor]:
    """First all chosen sequences, then all rejected ones, as DPO takes them."""
    prompts = [row["prompt_ids"] for row in rows] + [row["rejected_prompt_ids"] for row in rows]
    responses = [row["chosen_ids"] for row in rows] + [row["rejected_ids"] for row in rows]
    both = list(zip(prompts, responses, strict=True))
    return {
        "input_ids": padded([[*p, *r] for p, r in both], pad),
        "attention_mask": padded([[1] * (len(p) + len(r)) for p, r in both], 0),
        "completion_mask": padded([[0] * len(p) + [1] * len(r) for p, r in both], 0),
    }


def rows_of(contrasts: Sequence[Contrast]) -> list[dict[str, Any]]:
    """A row for each contrast."""
    return [
        {
            "prompt": "", "chosen": "", "rejected": "",  # text that the trainers expect, unused
            "prompt_ids": list(one.prompt), "chosen_ids": list(one.chosen),
            "rejected_prompt_ids": list(one.rejected_prompt), "rejected_ids": list(one.rejected),
        }
        for one in contrasts
    ]  # fmt: skip


def dpo(training: Training, contrasts: Sequence[Contrast], beta: float) -> Any:
    """Direct preference optimisation."""
    arguments = training.arguments(training.schedule.batch)
    config = DPOConfig(**arguments, max_length=LONGEST, beta=beta)
    pad = training.loaded.pad
    return training.run(
        TokensDPO, config, rows_of(contrasts), data_collator=lambda rows: collate_pairs(rows, pad)
    )


def kto(training: Training, contrasts: Sequence[Contrast], beta: float) -> Any:
    """Kahneman-Tversky optimisation; a step has the two sides of its pairs, not as pairs."""
    batch = 2 * training.schedule.batch
    rows = []
    for one in contrasts:
        rows.append({"prompt_ids": one.prompt, "completion_ids": one.chosen, "label": True})
        rows.append(
            {"prompt_ids": one.rejected_prompt, "completion_ids": one.rejected, "label": False}
        )
    for start in range(0, len(rows), batch):  # its KL term: each prompt with another's response
        step = rows[start : start + batch]
        for at, row in enumerate(step):
            row["KL_completion_ids"] = step[at - 1]["completion_ids"]
    config = KTOConfig(**training.arguments(batch), max_length=LONGEST, beta=beta)
    return training.run(TokensKTO, config, rows)


def cpo(training: Training, contrasts: Sequence[Contrast], beta: float, **options: Any) -> Any:
    """Contrastive preference optimisation."""
    arguments = training.arguments(training.schedule.batch)
    config = CPOConfig(**arguments, max_length=LONGEST, beta=beta, **options)
    return training.run(TokensCPO, config, rows_of(contrasts))


def simpo(training: Training, contrasts: Sequence[Contrast], beta: float) -> Any:
    """Simple preference optimisation, with a margin of half of beta and no likelihood."""
    options = {"loss_type": "simpo", "cpo_alpha": 0.0, "simpo_gamma": beta / 2}
    return cpo(training, contrasts, beta, **options)


def orpo(training: Training, contrasts: Sequence[Contrast], beta: float) -> Any:
    """Odds-ratio preference optimisation."""
    arguments = training.arguments(training.schedule.batch)
    config = ORPOConfig(**arguments, max_length=LONGEST, beta=beta)
    return training.run(TokensORPO, config, rows_of(contrasts))


def grpo(
    training: Training, prompts: Sequence[str], samples: Sequence[Sample], longest: int
) -> Any:
    """Group-relative policy optimisation: four answers a prompt, rewarded by the verdict."""
    rows = [
        {
            "prompt": prompt, "target_lang": sample.asked_lang, "source_lang": sample.source_lang,
            "source": sample.source,
        }
        for prompt, sample in zip(prompts, samples, strict=True)
    ]  # fmt: skip
    arguments = training.arguments(2 * training.schedule.batch)
    arguments.pop("train_sampling_strategy")
    config = GRPOConfig(**arguments, num_generations=4, max_completion_length=longest)
    return training.run(GRPOTrainer, config, rows, reward_funcs=on_target)


LOSSES: dict[str, Callable[[Training, Sequence[Contrast], float], Any]] = {
    "dpo": dpo,
    "kto": kto,
    "cpo": cpo,
    "simpo": simpo,
    "orpo": orpo,
}
