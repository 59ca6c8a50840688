"""`OffTargetCallback`: the off-target ratio of dev sentences while another library trains."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import GenerationConfig, Trainer, TrainerCallback

from ontarget.offtarget.ratio import Ratio
from ontarget.offtarget.verdicts import Verdict
from ontarget.rewards.requests import metric_for, one_each

Prompt = str | Sequence[Mapping[str, Any]]  # text, or chat messages
PERCENT, UNDECIDED = "eval_off_target_percent", "eval_off_target_undecided_percent"


class OffTargetCallback(TrainerCallback):
    """Translates dev sentences greedily during a training and logs their off-target ratio.

        trainer = SFTTrainer(...)  # or any other Trainer of transformers or TRL
        trainer.add_callback(OffTargetCallback(trainer, prompts, target_lang="it", every=100))

    The ratio is logged as `eval_off_target_percent`, which trackers show as
    `eval/off_target_percent`, with the share of translations that could not be judged; without a
    judged one there is no ratio. It is measured every `every` optimizer steps and after the last.
    Training is the same with and without it: the decoding is greedy and draws no random number.

    Every process translates all prompts. Tested with one process.

    Args:
        trainer: whose model translates and whose `log` is used.
        prompts: complete prompts, as text or chat messages, in any number; dozens are enough.
        target_lang: the requested language of all prompts or of each.
        source_lang, detector: as in `ontarget.rewards.on_target`.
        sources: the source texts, to detect copies.
        max_new_tokens: of a translation; longer ones are judged as far as they were made.
        batch: prompts at once.

    Raises:
        ValueError: there are no prompts, or the lists differ in length.
    """

    def __init__(  # noqa: PLR0913 - what to translate, and how
        self,
        trainer: Trainer,
        prompts: Sequence[Prompt],
        *,
        target_lang: str | Sequence[str],
        every: int,
        source_lang: str | Sequence[str | None] | None = None,
        sources: Sequence[str] | None = None,
        detector: str | None = None,
        max_new_tokens: int = 128,
        batch: int = 8,
    ) -> None:
        if not prompts or every < 1:
            raise ValueError(
                f"{len(prompts)} prompts, every {every} steps; give at least one prompt and step"
            )
        self.trainer, self.prompts, self.every = trainer, list(prompts), every
        self.max_new_tokens, self.batch = max_new_tokens, batch
        count = len(self.prompts)
        targets = one_each("target_lang", target_lang, count)
        origins = one_each("source_lang", source_lang, count)
        self.sources = None if sources is None else one_each("sources", list(sources), count)
        self.groups: dict[Any, list[int]] = defaultdict(list)  # prompts of each metric
        for index, (target, origin) in enumerate(zip(targets, origins, strict=True)):
            self.groups[metric_for(str(target), origin, detector)].append(index)
        self.measured: int | None = None  # the step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measure every `every` steps and after the last one."""
        last = state.global_step >= state.max_steps or control.should_training_stop
        if last or state.global_step % self.every == 0:
            self.measure(state, control)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measure a training that another callback ended early."""
        if self.measured != state.global_step:
            self.measure(state, control)

    def measure(self, state: Any, control: Any) -> None:
        """Translate, judge, and log through the trainer."""
        self.measured = state.global_step
        should_log = control.should_log  # logging resets it, and the step's loss would be lost
        with evaluating(self.trainer.model):  # TRL logs its metrics of training in training mode
            self.trainer.log(self.judge(self.translate()))
        control.should_log = should_log

    def judge(self, texts: Sequence[str]) -> dict[str, float]:
        """What is logged about translations, in percent."""
        verdicts: Counter[str] = Counter()
        for metric, indices in self.groups.items():
            sources = self.sources and [self.sources[index] or "" for index in indices]
            judged = metric.judge([texts[index] for index in indices], sources)
            verdicts.update(segment.judged.verdict for segment in judged)
        percent = Ratio.of(verdicts).percent
        logged = {UNDECIDED: 100 * verdicts[Verdict.UNDECIDED] / verdicts.total()}
        return logged if percent is None else {PERCENT: percent} | logged

    def translate(self) -> list[str]:
        """Greedy answers of the current model to all prompts."""
        model: Any = self.trainer.model
        processor: Any = self.trainer.processing_class
        if processor is None:
            raise ValueError("the trainer has no tokenizer; pass processing_class to it")
        tokenizer = getattr(processor, "tokenizer", processor)
        config = greedy_config(model, tokenizer, self.max_new_tokens)
        texts: list[str] = []
        for start in range(0, len(self.prompts), self.batch):
            inputs = tokenize(tokenizer, self.prompts[start : start + self.batch], config)
            inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
            with torch.no_grad():
                rows = model.generate(**inputs, generation_config=config)
            begin = 0 if model.config.is_encoder_decoder else inputs["input_ids"].shape[1]
            texts += tokenizer.batch_decode(rows[:, begin:], skip_special_tokens=True)
        return texts


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """The model in evaluation mode within the block."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def greedy_config(model: Any, tokenizer: Any, max_new_tokens: int) -> GenerationConfig:
    """Greedy decoding with the special tokens of the model, and nothing else of its settings."""
    own = model.generation_config
    ends = tokenizer.eos_token_id if own.eos_token_id is None else own.eos_token_id
    first = ends[0] if isinstance(ends, list) else ends
    pads = (tokenizer.pad_token_id, own.pad_token_id, first, 0)
    return GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        max_new_tokens=max_new_tokens,
        bos_token_id=own.bos_token_id,
        eos_token_id=ends,
        pad_token_id=next(token for token in pads if token is not None),
        decoder_start_token_id=own.decoder_start_token_id,
        forced_bos_token_id=own.forced_bos_token_id,
    )


def tokenize(
    tokenizer: Any, prompts: Sequence[Prompt], config: GenerationConfig
) -> dict[str, torch.Tensor]:
    """Prompts as one batch, padded on the left, so that answers follow them directly."""
    rows = []
    for prompt in prompts:
        chat = not isinstance(prompt, str)
        text = (
            tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
            if chat
            else prompt
        )
        rows.append(tokenizer(text, add_special_tokens=not chat)["input_ids"])
    width = max(map(len, rows))
    pad = config.pad_token_id
    return {
        "input_ids": torch.tensor([[pad] * (width - len(row)) + row for row in rows]),
        "attention_mask": torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows]),
    }
