"""The reward of a completion in the requested language, as TRL's trainers call it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from ontarget.offtarget.verdicts import is_off_target
from ontarget.rewards.requests import metric_for, one_each

Completion = str | Sequence[Mapping[str, Any]]  # text, or chat messages
END_OF_THINKING = "</think>"


def on_target(
    completions: Sequence[Completion],
    *,
    target_lang: str | Sequence[str] | None = None,
    source_lang: str | Sequence[str | None] | None = None,
    source: Sequence[str] | None = None,
    detector: str | None = None,
    **columns: Any,
) -> list[float | None]:
    """1.0 for each completion in the requested language, 0.0 for each that is not, else None.

        trainer = GRPOTrainer(model, reward_funcs=on_target, train_dataset=dataset, args=args)

    The dataset's columns come by name, one value a completion: `target_lang` is required;
    `source_lang` names the source's language, and `source` holds its text, which reveals copies. A
    string holds for all completions. None is given for completions that cannot be judged, such as
    very short ones; TRL leaves them out of this reward, so a model that answers too briefly is not
    punished by it: add a reward that does. Empty completions get 0.0.

    Of chat messages the last one's text is judged, and of any text what follows `</think>`. All
    that the trainer passes besides is ignored: prompts, token ids, its state, further columns.

    Raises:
        DetectorError: a language or the detector is unknown, or not installed.
        TypeError: a completion is neither text nor messages with text.
        ValueError: there is no `target_lang`, or a column is longer or shorter.
    """
    if target_lang is None:
        raise ValueError(
            "on_target needs the requested languages; add a column target_lang to the dataset, or "
            'pass functools.partial(on_target, target_lang="it")'
        )
    texts = [completion_text(completion) for completion in completions]
    targets = one_each("target_lang", target_lang, len(texts))
    origins = one_each("source_lang", source_lang, len(texts))
    sources = None if source is None else one_each("source", list(source), len(texts))
    directions = zip(targets, origins, strict=True)
    return judge_all(texts, sources, list(directions), detector)


def judge_all(
    texts: Sequence[str],
    sources: Sequence[str | None] | None,
    directions: Sequence[tuple[Any, Any]],
    detector: str | None,
) -> list[float | None]:
    """The reward of each text; texts of one (target, source language) are judged together."""
    groups: dict[tuple[Any, Any], list[int]] = defaultdict(list)
    for index, direction in enumerate(directions):
        groups[direction].append(index)
    rewards: list[float | None] = [None] * len(texts)
    for direction, indices in groups.items():
        metric = metric_for(*direction, detector)
        chosen = None if sources is None else [sources[index] or "" for index in indices]
        judged = metric.judge([texts[index] for index in indices], chosen)
        for index, segment in zip(indices, judged, strict=True):
            wrong = is_off_target(segment.judged.verdict)
            rewards[index] = None if wrong is None else float(not wrong)
    return rewards


def completion_text(completion: Completion) -> str:
    """The text of a completion that is an answer: the last message's, after any thinking.

    Raises:
        TypeError: it is neither text nor messages with text.
    """
    content: Any = completion
    if isinstance(content, Sequence) and not isinstance(content, str):
        content = content[-1].get("content") if content else ""
    if isinstance(content, Sequence) and not isinstance(content, str):  # parts of a message
        content = "".join(part.get("text", "") for part in content)
    if content is None:  # a message that only calls tools
        content = ""
    if not isinstance(content, str):
        raise TypeError(
            f"a completion is {type(completion).__name__}; expected text, or messages such as "
            '[{"role": "assistant", "content": "..."}]'
        )
    return content.rpartition(END_OF_THINKING)[2]
