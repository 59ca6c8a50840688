"""Laws of padding: nothing lost, nothing added, labels on responses only."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from ontarget.batches import Example, left_padded, padded, row
from ontarget.losses import IGNORE

PAD = 0
tokens = st.lists(st.integers(1, 9), min_size=1, max_size=6)
Drawn = tuple[list[int], list[int], bool]
drawn_rows = st.tuples(tokens, tokens, st.booleans())  # prompt, response, unlikely
batches = st.lists(st.lists(drawn_rows, min_size=1, max_size=2), min_size=1, max_size=4)


@given(batches)
def test_every_row_is_found_again(drawn: list[list[Drawn]]) -> None:
    groups = [[row("k", a, b, unlikely=c) for a, b, c in group] for group in drawn]
    batch = padded([Example(rows=tuple(group)) for group in groups], PAD)
    flat = [each for group in groups for each in group]
    assert batch["unlikely"].tolist() == [each.unlikely for each in flat]
    for index, each in enumerate(flat):
        kept = batch["attention_mask"][index].bool()
        assert batch["input_ids"][index][kept].tolist() == list(each.tokens)
        assert kept.tolist() == sorted(kept.tolist(), reverse=True)  # padding on the right
        labels = batch["labels"][index]
        assert labels[labels != IGNORE].tolist() == list(each.tokens[each.prompt_tokens :])
        assert (labels[: each.prompt_tokens] == IGNORE).all()
        assert (labels[~kept] == IGNORE).all()
    assert batch["input_ids"].shape[1] == max(len(each.tokens) for each in flat)


@given(st.lists(tokens, min_size=1, max_size=5))
def test_prompts_end_at_the_right_edge(prompts: list[list[int]]) -> None:
    batch = left_padded(prompts, PAD)
    for ids, mask, prompt in zip(batch["input_ids"], batch["attention_mask"], prompts, strict=True):
        assert ids[-len(prompt) :].tolist() == prompt
        assert mask.sum() == len(prompt)
        assert (ids[mask == 0] == PAD).all()
        assert torch.equal(mask, mask.sort().values)


def test_an_example_is_as_long_as_its_longest_row() -> None:
    assert Example(rows=(row("a", [1], [2]), row("a", [1, 1, 1], [2]))).length == 4
