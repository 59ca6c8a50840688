"""`OffTargetCallback` in trainings by the real Trainer of transformers."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from support.models import chatty, coder, tiny
from support.texts import TEXTS

import ontarget
from ontarget.models.loading import LoadedModel
from ontarget.rewards.callback import (
    PERCENT,
    UNDECIDED,
    OffTargetCallback,
    greedy_config,
    tokenize,
)

PROMPTS = ["hello world", "ciao", "Translate from English to Italian. 1234"]
Logs = list[dict[str, float]]


def make_trainer(folder: Path, loaded: LoadedModel, *callbacks: Any, **options: Any) -> Any:
    """A training of five steps that logs after each."""
    loaded.model.config.attention_dropout = 0.5  # so that the random state matters
    rows = [{"input_ids": ids, "labels": ids} for ids in ([3, 4, 5, 6], [7, 8, 9, 10])]
    settings: dict[str, Any] = {
        "max_steps": 5, "per_device_train_batch_size": 1, "logging_steps": 1, "report_to": [],
        "save_strategy": "no", "use_cpu": True, "disable_tqdm": True, "learning_rate": 1e-2,
    }  # fmt: skip
    arguments = transformers.TrainingArguments(output_dir=str(folder), **(settings | options))
    return transformers.Trainer(
        model=loaded.model, args=arguments, train_dataset=rows,
        processing_class=loaded.tokenizer, callbacks=list(callbacks),
    )  # fmt: skip


def logs_of(trainer: Any, name: str) -> dict[int, float]:
    """Logged values by step."""
    return {row["step"]: row[name] for row in trainer.state.log_history if name in row}


def answer_of(loaded: LoadedModel, text: str, most: int) -> str:
    """Greedy decoding without the library's `generate`, a prompt at a time."""
    ids = loaded.tokenizer(text)["input_ids"]
    start = len(ids)
    with torch.no_grad():
        while len(ids) < start + most:
            ids.append(int(loaded.model(torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] == loaded.tokenizer.eos_token_id:
                break
    return loaded.tokenizer.decode(ids[start:], skip_special_tokens=True)


class Recorder(transformers.TrainerCallback):
    """What a tracker receives."""

    def __init__(self) -> None:
        self.received: Logs = []

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self.received.append(dict(logs, step=state.global_step))


def test_the_ratio_is_logged_every_n_steps_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two decided translations is in Dutch; a third cannot be judged."""
    answers = [TEXTS["it"][0], TEXTS["nl"][0], "42"]
    recorder = Recorder()
    trainer = make_trainer(tmp_path, tiny(), recorder)
    callback = ontarget.OffTargetCallback(trainer, PROMPTS, target_lang="it", every=2)
    monkeypatch.setattr(callback, "translate", lambda: answers)
    trainer.add_callback(callback)
    trainer.train()
    assert logs_of(trainer, PERCENT) == {2: 50.0, 4: 50.0, 5: 50.0}
    assert logs_of(trainer, UNDECIDED) == dict.fromkeys([2, 4, 5], pytest.approx(100 / 3))
    received = {row["step"]: row[PERCENT] for row in recorder.received if PERCENT in row}
    assert received == logs_of(trainer, PERCENT)
    assert PERCENT.replace("eval_", "eval/") == "eval/off_target_percent"


def test_training_is_the_same_with_and_without_it(tmp_path: Path) -> None:
    """Losses, to the last digit, and each of them is logged."""
    losses = []
    for measured in (False, True):
        trainer = make_trainer(tmp_path, tiny())
        if measured:
            callback = OffTargetCallback(
                trainer, PROMPTS, target_lang="it", every=1, max_new_tokens=4, batch=2
            )
            trainer.add_callback(callback)
        torch.manual_seed(0)
        trainer.train()
        assert trainer.model.training
        losses.append(logs_of(trainer, "loss"))
    assert losses[0] == losses[1] and list(losses[0]) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_translations_are_greedy_answers_to_each_prompt_alone(tmp_path: Path, batch: int) -> None:
    loaded = tiny(seed=1)
    trainer = make_trainer(tmp_path, loaded)
    callback = OffTargetCallback(
        trainer, PROMPTS, target_lang="it", every=1, max_new_tokens=6, batch=batch
    )
    loaded.model.eval()
    assert callback.translate() == [answer_of(loaded, prompt, 6) for prompt in PROMPTS]


def test_chat_prompts_are_written_in_the_models_template_with_one_bos() -> None:
    words = chatty().tokenizer
    chat = [{"role": "user", "content": "ciao"}]
    batch = tokenize(words, [chat, "ciao"], greedy_config(chatty().model, words, 4))
    rows = [
        [int(token) for token, kept in zip(ids, mask, strict=True) if kept]
        for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
    ]
    expected = words.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
    assert rows == [expected, words("ciao")["input_ids"]]
    assert rows[0].count(words.bos_token_id) == 1


def test_encoder_decoders_translate_too(tmp_path: Path) -> None:
    loaded = coder("Marian")
    trainer = make_trainer(tmp_path, loaded)
    callback = OffTargetCallback(
        trainer, ["hello", "ciao a"], target_lang="it", every=1, max_new_tokens=4
    )
    assert len(callback.translate()) == 2


def test_several_languages_are_judged_each_in_its_own(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, tiny())
    callback = OffTargetCallback(
        trainer, PROMPTS, target_lang=["it", "nl", "it"], source_lang=["nl", "it", "nl"], every=9,
        sources=["", "", TEXTS["it"][1]],
    )  # fmt: skip
    answers = [TEXTS["it"][0], TEXTS["nl"][0], TEXTS["it"][1]]  # the last one copies its source
    assert callback.judge(answers) == {PERCENT: pytest.approx(100 / 3), UNDECIDED: 0.0}
    assert callback.judge(["1", "2", "3"]) == {UNDECIDED: 100.0}  # no ratio


class StopsAt(transformers.TrainerCallback):
    """Ends a training early, after the other callbacks of its step."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = state.global_step == 3


def test_a_training_that_ends_early_is_measured_at_its_end(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, tiny())
    trainer.add_callback(
        OffTargetCallback(trainer, PROMPTS, target_lang="it", every=4, max_new_tokens=2)
    )
    trainer.add_callback(StopsAt())
    trainer.train()
    assert list(logs_of(trainer, UNDECIDED)) == [3]


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, tiny())
    for prompts, every in (([], 1), (PROMPTS, 0)):
        with pytest.raises(ValueError, match=r"prompts, every \d steps; give at least one prompt"):
            OffTargetCallback(trainer, prompts, target_lang="it", every=every)
    with pytest.raises(ValueError, match=r"sources: 1 values for 3 texts; give one for each"):
        OffTargetCallback(trainer, PROMPTS, target_lang="it", every=1, sources=["a"])
    callback = OffTargetCallback(trainer, PROMPTS, target_lang="it", every=1)
    trainer.processing_class = None
    with pytest.raises(ValueError, match=r"the trainer has no tokenizer; pass processing_class"):
        callback.translate()
