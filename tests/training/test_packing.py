"""Laws of the layouts: no token lost or added, labels on responses only."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from support.models import prompt_of

from ontarget.models.padding import generation_inputs
from ontarget.models.prompting import Prompt
from ontarget.training.batches.packing import best_fit, even_rows, packed, padded, prefix_shared
from ontarget.training.batches.sequences import Example, TokenSequence, token_sequence
from ontarget.training.losses import IGNORE

PAD = 0
tokens = st.lists(st.integers(1, 9), min_size=1, max_size=6)
Drawn = tuple[list[int], list[int], bool]
drawn_rows = st.tuples(tokens, tokens, st.booleans())  # prompt, response, unlikely
batches = st.lists(st.lists(drawn_rows, min_size=1, max_size=2), min_size=1, max_size=4)


def flat(drawn: list[list[Drawn]]) -> tuple[list[Example], list[TokenSequence]]:
    rows = [
        [token_sequence("k", prompt_of(*a), b, unlikely=c) for a, b, c in group] for group in drawn
    ]
    return [Example(rows=tuple(group)) for group in rows], [
        each for group in rows for each in group
    ]


@given(batches)
def test_padded_rows_hold_every_sequence(drawn: list[list[Drawn]]) -> None:
    examples, rows = flat(drawn)
    batch = padded(examples, PAD)
    targets = {"labels", "unlikely", "continues", "weights"}
    assert set(batch) == {"input_ids", "attention_mask", *targets}
    assert batch["attention_mask"].all()
    for index, each in enumerate(rows):
        kept = torch.arange(batch["labels"].shape[1]) < len(each.tokens)  # padding on the right
        assert batch["input_ids"][index][kept].tolist() == list(each.tokens)
        assert (batch["input_ids"][index][~kept] == PAD).all()
        labels = batch["labels"][index]
        assert labels[labels != IGNORE].tolist() == list(each.tokens[each.prompt_tokens :])
        assert (labels[: each.prompt_tokens] == IGNORE).all()
        assert (labels[~kept] == IGNORE).all()
        assert batch["unlikely"][index][labels != IGNORE].tolist() == [each.unlikely] * int(
            (labels != IGNORE).sum()
        )
    assert batch["input_ids"].shape[1] == max(len(each.tokens) for each in rows)


@given(batches, st.integers(1, 30))
def test_packing_keeps_sequences_complete_and_rows_within_the_budget(
    drawn: list[list[Drawn]], budget: int
) -> None:
    """Sequences are recovered from the positions alone, as a model separates them."""
    examples, rows = flat(drawn)
    batch = packed(examples, PAD, budget)
    found = []
    for ids, positions, labels, unlikely in zip(
        *(batch[name] for name in ("input_ids", "position_ids", "labels", "unlikely")), strict=True
    ):
        starts = [*(positions == 0).nonzero().flatten().tolist(), len(ids)]
        for start, end in zip(starts, starts[1:], strict=False):
            part = slice(start, end)
            assert positions[part].tolist() == list(range(end - start))
            if (ids[part] != PAD).any():  # padding is a sequence of its own, without labels
                kept = labels[part] != IGNORE
                found.append(
                    (
                        ids[part].tolist(),
                        ids[part][kept].tolist(),
                        labels[part][kept].tolist(),
                        unlikely[part][kept].unique().tolist(),
                    )
                )
            else:
                assert (labels[part] == IGNORE).all()
    expected = [
        (list(r.tokens), *[list(r.tokens[r.prompt_tokens :])] * 2, [r.unlikely]) for r in rows
    ]
    assert sorted(found) == sorted(expected)
    longest = max(len(each.tokens) for each in rows)
    assert batch["input_ids"].shape[1] <= max(budget, longest)


@given(st.lists(st.integers(1, 40), max_size=40), st.integers(1, 60))
def test_best_fit_places_each_sequence_once_and_leaves_no_two_rows_that_fit_in_one(
    lengths: list[int], budget: int
) -> None:
    groups = best_fit(lengths, budget, [()] * len(lengths))
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    sums = sorted(sum(lengths[index] for index in group) for group in groups)
    assert all(total <= budget or total in lengths for total in sums)
    assert all(one + other > budget for one, other in zip(sums, sums[1:], strict=False))


def test_best_fit_takes_the_fullest_row_that_has_room() -> None:
    assert best_fit([6, 5, 3, 4], 10, [()] * 4) == [[0, 3], [1, 2]]


def test_best_fit_prefers_a_row_with_the_same_prefix_to_the_fullest() -> None:
    """The last one fits into both rows; to the second it adds 2 of its 4 tokens."""
    assert best_fit([6, 5, 4], 10, [(7,), (1, 2, 3), (1, 2)]) == [[0], [1, 2]]
    assert best_fit([6, 5, 4], 10, [()] * 3) == [[0, 2], [1]]


def test_best_fit_leaves_room_for_sequences_with_the_same_prefix() -> None:
    """By length alone, the second would take the room of the third, which adds 2 tokens."""
    one, other = (1,) * 10, (2,) * 10
    assert best_fit([15, 14, 12, 13], 30, [one, other, one, other]) == [[0, 2], [1, 3]]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=40), st.integers(1, 60))
def test_even_rows_are_as_many_as_the_budget_needs_and_none_is_longer_than_before(
    lengths: list[int], budget: int
) -> None:
    prefixes = [()] * len(lengths)
    filled, even = best_fit(lengths, budget, prefixes), even_rows(lengths, budget, prefixes)
    assert sorted(index for group in even for index in group) == list(range(len(lengths)))
    assert len(even) == len(filled)
    assert longest_row(even, lengths) <= longest_row(filled, lengths)


def test_even_rows_share_the_padding() -> None:
    """Filled to 12 tokens, the second of two rows would be 8 tokens of padding."""
    assert best_fit([4] * 4, 12, [()] * 4) == [[0, 1, 2], [3]]
    assert even_rows([4] * 4, 12, [()] * 4) == [[0, 1], [2, 3]]


def longest_row(rows: list[list[int]], lengths: list[int]) -> int:
    return max(sum(lengths[index] for index in row) for row in rows)


few = st.lists(st.integers(1, 2), min_size=1, max_size=6)
alike = st.lists(st.lists(st.tuples(few, few, st.booleans()), min_size=1, max_size=2), min_size=1)


def read_back(batch: dict[str, torch.Tensor]) -> list[tuple[list[int], list[int], bool]]:
    """(tokens, labels, unlikely) of each sequence, from what its last token sees alone."""
    found = []
    for index, until in enumerate(batch["visible_until"].tolist()):
        for last in (at for at, end in enumerate(until) if end == at + 1):
            path = [at for at in range(last + 1) if until[at] > last]
            assert batch["position_ids"][index, path].tolist() == list(range(len(path)))
            ids, labels = (batch[name][index, path].tolist() for name in ("input_ids", "labels"))
            if PAD not in ids:
                found.append((ids, labels, bool(batch["unlikely"][index, last])))
                # a label's predecessor is the token just before it
                assert all(path[at - 1] == path[at] - 1 for at, y in enumerate(labels) if y > 0)
            else:
                assert set(ids) == {PAD} and set(labels) == {IGNORE}
    return found


@given(alike, st.integers(1, 40))
def test_rows_with_shared_prefixes_hold_every_sequence(
    drawn: list[list[Drawn]], budget: int
) -> None:
    examples, rows = flat(drawn)
    batch = prefix_shared(examples, PAD, budget)
    expected = [
        (
            list(r.tokens),
            [IGNORE] * r.prompt_tokens + list(r.tokens[r.prompt_tokens :]),
            r.unlikely,
        )
        for r in rows
    ]
    assert sorted(read_back(batch)) == sorted(expected)
    assert batch["input_ids"].shape[1] <= max(budget, *(len(each.tokens) for each in rows))


@given(alike)
def test_a_row_stores_each_prefix_once(drawn: list[list[Drawn]]) -> None:
    """By counting distinct prefixes; the last prompt token and the response are never shared."""
    examples, rows = flat(drawn)
    prefixes = {r.tokens[:n] for r in rows for n in range(1, r.prompt_tokens)}
    unshared = sum(len(r.tokens) - r.prompt_tokens + 1 for r in rows)
    assert prefix_shared(examples, PAD, 10_000)["input_ids"].numel() == len(prefixes) + unshared


def test_the_first_token_of_a_sequence_has_no_label() -> None:
    """In a packed row the token before it belongs to another sequence."""
    document = Example(rows=(TokenSequence(key="k", tokens=(3, 4, 5), prompt_tokens=0),))
    for batch in (packed([document, document], PAD, 6), padded([document, document], PAD)):
        labels = batch["labels"].flatten().tolist()
        assert labels == [IGNORE, 4, 5, IGNORE, 4, 5]


@given(st.lists(tokens, min_size=1, max_size=5))
def test_prompts_end_at_the_right_edge(prompts: list[list[int]]) -> None:
    batch = generation_inputs([prompt_of(*prompt) for prompt in prompts], PAD)
    for ids, mask, prompt in zip(batch["input_ids"], batch["attention_mask"], prompts, strict=True):
        assert ids[-len(prompt) :].tolist() == prompt
        assert mask.sum() == len(prompt)
        assert (ids[mask == 0] == PAD).all()
        assert torch.equal(mask, mask.sort().values)


@given(st.lists(tokens, min_size=1, max_size=5))
def test_encoder_inputs_are_padded_on_the_right_and_decoder_inputs_kept_beside_them(
    sources: list[list[int]],
) -> None:
    prompts = [Prompt(tokens=(7, len(source)), encoder=tuple(source)) for source in sources]
    batch = generation_inputs(prompts, PAD)
    assert batch["decoder_input_ids"].tolist() == [[7, len(source)] for source in sources]
    trained = padded([Example(rows=(token_sequence("k", each, [3]),)) for each in prompts], PAD)
    assert trained["decoder_input_ids"].tolist() == [[7, len(source), 3] for source in sources]
    assert trained["labels"].tolist() == [[IGNORE, IGNORE, 3]] * len(sources)
    for made in (batch, trained):
        for ids, mask, source in zip(
            made["input_ids"], made["attention_mask"], sources, strict=True
        ):
            assert ids[: len(source)].tolist() == source
            assert mask.tolist() == [1] * len(source) + [0] * (len(ids) - len(source))
            assert (ids[mask == 0] == PAD).all()


def test_an_example_is_as_long_as_its_longest_sequence() -> None:
    short, long = (
        token_sequence("a", prompt_of(1), [2]),
        token_sequence("a", prompt_of(1, 1, 1), [2]),
    )
    assert Example(rows=(short, long)).length == 4
    assert (
        Example(rows=(token_sequence("a", Prompt(tokens=(1,), encoder=(1, 2)), [2]),)).length == 4
    )
