"""`on_target`, the reward: what the metric says of each completion, in TRL's calling convention."""

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.texts import TEXTS

from ontarget import OffTarget
from ontarget.offtarget.verdicts import is_off_target
from ontarget.rewards import on_target

EN, IT, NL = TEXTS["en"], TEXTS["it"], TEXTS["nl"]
TEXT = st.sampled_from([*EN, *IT, *NL, *TEXTS["ja"], "", "ok", "42", f"{IT[0]}\n{NL[0]}"])
TRL: dict[str, Any] = {  # what GRPOTrainer of TRL 1.16 passes besides the dataset's columns
    "prompts": ["p"] * 4, "completion_ids": [[1]] * 4, "trainer_state": None,
    "log_extra": print, "log_metric": print,
}  # fmt: skip


def test_a_completion_in_the_requested_language_is_worth_1() -> None:
    completions = [IT[0], NL[0], "ok", ""]
    assert on_target(completions, target_lang=["it"] * 4, **TRL) == [1.0, 0.0, None, 0.0]
    assert on_target(completions, target_lang=["nl"] * 4, **TRL) == [0.0, 1.0, None, 0.0]


@given(st.lists(st.tuples(TEXT, st.sampled_from(["it", "nl", "ja", "en"])), max_size=8))
def test_rewards_are_the_verdicts_of_the_metric_one_by_one(rows: list[tuple[str, str]]) -> None:
    texts, targets = [text for text, _ in rows], [target for _, target in rows]
    expected = []
    for text, target in rows:
        metric = OffTarget(target_lang=target, source_lang="de")
        (segment,) = metric.judge([text])
        expected.append({True: 0.0, False: 1.0, None: None}[is_off_target(segment.judged.verdict)])
    assert on_target(texts, target_lang=targets, source_lang="de") == expected
    assert (
        on_target(texts, target_lang=targets) == expected
    )  # the source's language decides nothing


def test_one_string_holds_for_all_completions() -> None:
    reward = partial(on_target, target_lang="it", source_lang="nl")
    assert reward([IT[0], NL[0]], prompts=["a", "b"]) == [1.0, 0.0]


def test_chat_messages_are_judged_by_the_last_ones_answer() -> None:
    def message(content: Any) -> list[dict[str, Any]]:
        return [{"role": "assistant", "content": NL[1]}, {"role": "assistant", "content": content}]

    thinking = f"<think>{EN[0]} {EN[1]}</think>\n\n{IT[0]}"
    parts = [{"type": "text", "text": IT[0]}]
    completions = [message(IT[0]), message(EN[0]), message(thinking), message(parts), message(None)]
    assert on_target(completions, target_lang="it") == [1.0, 0.0, 1.0, 1.0, 0.0]
    assert on_target([thinking, [], NL[0]], target_lang="it") == [1.0, 0.0, 0.0]


def test_copies_of_the_source_are_off_target() -> None:
    """A text that is on target by its language is a copy where the source is the same text."""
    name = "Piazza della Repubblica, Firenze"
    assert on_target([name], target_lang="it", source_lang="nl") == [1.0]
    assert on_target([name], target_lang="it", source_lang="nl", source=[name]) == [0.0]


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({}, ValueError, r"needs the requested languages; add a column target_lang .* or pass fun"),
        ({"target_lang": ["it"]}, ValueError, r"target_lang: 1 values for 2 texts; give one for"),
        ({"target_lang": "it", "source": ["a"]}, ValueError, r"source: 1 values for 2 texts"),
        ({"target_lang": "it", "source_lang": ["nl"] * 3}, ValueError, r"source_lang: 3 values"),
        ({"target_lang": "xx"}, Exception, r"CLDR knows no language 'xx'"),
    ],
)  # fmt: skip
def test_columns_that_do_not_fit_are_named(
    columns: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        on_target(IT[:2], **columns)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match=r"a completion is list; expected text, or messages such"):
        on_target([[{"role": "assistant", "content": 7}]], target_lang="it")
