"""Examples of stage 2: each sample once, each conflict once, and own conflicts beside others."""

from dataclasses import replace

import pytest
import torch
from support.models import tiny

from ontarget.errors import ModelError
from ontarget.models.prompting import build_prompts
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.recipe.sections.training import Unlikelihood
from ontarget.recipe.training_data import ConflictSamples, hardest_rows, make_examples, rotate
from ontarget.records import Sample
from ontarget.training.batches.sequences import Example

PLAIN = PromptFormat(template=TEMPLATES["plain"])


def sample(number: int, *, asked: str = "en", target: str = "en", text: str = "hello") -> Sample:
    return Sample(
        key=str(number), source_lang="it", asked_lang=asked, target_lang=target,
        source="ciao" * (number + 1), target=text,
    )  # fmt: skip


SAMPLES = [sample(number) for number in range(5)]
OWN = [sample(number, asked="nl", target="ro", text="") for number in range(5)]


def own_examples() -> list[tuple[str, str]]:
    """The keys of each sample and of its conflict."""
    conflicts = ConflictSamples(samples=OWN, section=Unlikelihood(steps=1))
    examples = make_examples(tiny(), PLAIN, SAMPLES, 500, conflicts=conflicts)
    return [(one.rows[0].key, one.own.key) for one in examples if one.own]


def test_an_own_conflict_accompanies_another_sample_than_its_own() -> None:
    """Else likelihood would raise the very words that unlikelihood lowers in the same step."""
    pairs = own_examples()
    assert [key for key, _ in pairs] == [one.key for one in SAMPLES]
    assert sorted(key for _, key in pairs) == sorted(one.key for one in OWN)
    assert all(key != other for key, other in pairs)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_rotation_keeps_every_conflict(count: int) -> None:
    conflicts = list(range(count))
    assert sorted(rotate(conflicts)) == conflicts


def test_an_own_conflict_is_answered_under_one_instruction_and_unlikely_under_the_other() -> None:
    loaded = tiny()
    conflicts = ConflictSamples(samples=OWN, section=Unlikelihood(steps=1, own_tokens=3))
    first = make_examples(loaded, PLAIN, SAMPLES, 500, conflicts=conflicts)[0].own
    assert first is not None and first.tokens == 3
    (own,) = [one for one in OWN if one.key == first.key]
    answered, asked = (replace(own, asked_lang=language) for language in ("ro", "nl"))
    assert [first.answered, first.asked] == build_prompts(loaded, [answered, asked], PLAIN)
    assert first.source == own.source


def test_references_are_unlikely_beside_their_own_sample() -> None:
    wrong = [sample(number, asked="nl") for number in range(5)]
    section = Unlikelihood(steps=1, conflicts="references")
    conflicts = ConflictSamples(samples=wrong, section=section)
    examples = make_examples(tiny(), PLAIN, SAMPLES, 500, conflicts=conflicts)
    for one in examples:
        true, conflict = one.rows
        assert true.key == conflict.key and conflict.unlikely and conflict.by_reach
        assert true.tokens[true.prompt_tokens :] == conflict.tokens[conflict.prompt_tokens :]
        assert not true.unlikely and not true.by_reach


def test_a_special_token_in_a_listed_conflict_is_named_as_one_of_the_conflict() -> None:
    """The record itself has none, so its key alone would send the reader to the wrong text."""
    general = {"source_lang": "", "asked_lang": "", "target_lang": "", "target": "yes"}
    record = Sample(key="alpaca.json:1", source="Say yes.", **general)
    wrong = replace(record, source="Say no.</s>")
    section = Unlikelihood(steps=1, conflicts="references")
    conflicts = ConflictSamples(samples=[wrong], section=section)
    with pytest.raises(ModelError) as raised:
        make_examples(tiny(), PLAIN, [record], 500, conflicts=conflicts)
    assert str(raised.value).startswith(
        "a conflict of alpaca.json:1: its text contains '</s>', a special token of"
    )


def several(each: int) -> list[Example]:
    """Examples whose samples have so many conflicts from references."""
    asked = ["nl", "ro", "fr"][:each]
    wrong = [sample(number, asked=language) for number in range(5) for language in asked]
    section = Unlikelihood(steps=1, conflicts="references", per_sample=each)
    conflicts = ConflictSamples(samples=wrong, section=section)
    return make_examples(tiny(), PLAIN, SAMPLES, 500, conflicts=conflicts)


@pytest.mark.parametrize("each", [1, 2, 3])
def test_all_conflicts_of_a_sample_are_beside_it(each: int) -> None:
    for one, number in zip(several(each), range(5), strict=True):
        true, *wrong = one.rows
        assert not true.unlikely and len(wrong) == each and all(row.unlikely for row in wrong)
        assert {row.key for row in one.rows} == {str(number)}
        assert len({row.tokens for row in one.rows}) == each + 1
        assert len({row.tokens[row.prompt_tokens :] for row in one.rows}) == 1


@pytest.mark.parametrize("keep", [1, 2])
def test_the_hardest_conflicts_are_those_whose_response_is_likeliest(keep: int) -> None:
    """By the model's own logits, one sequence at a time."""
    loaded, examples = tiny(), several(3)
    told: list[int] = []
    kept = hardest_rows(loaded, examples, keep, lambda what, done, total: told.append(done))
    for example, rows in zip(examples, kept, strict=True):
        logs = []
        for row in example.rows[1:]:
            ids = torch.tensor([row.tokens])
            with torch.no_grad():
                p = loaded.model(input_ids=ids, use_cache=False).logits[0].log_softmax(-1)
            places = range(row.prompt_tokens, len(row.tokens))
            logs.append(sum(p[at - 1, row.tokens[at]].item() for at in places))
        likeliest = sorted(sorted(logs, reverse=True)[:keep])
        assert rows[0] == 0 and rows == sorted(rows)
        assert sorted(logs[row - 1] for row in rows[1:]) == likeliest
    assert told[-1] == 15


def test_training_reads_each_sample_and_its_conflict_in_one_of_the_wordings() -> None:
    loaded, wordings = tiny(), ("In {target}: {input}", "{target}? {input}")
    form = replace(PLAIN, wordings=wordings)
    samples = [sample(number) for number in range(30)]
    wrong = [replace(one, asked_lang="nl") for one in samples]
    section = Unlikelihood(steps=1, conflicts="references")
    conflicts = ConflictSamples(samples=wrong, section=section)
    examples = make_examples(loaded, form, samples, 500, conflicts=conflicts)
    texts = (PLAIN.template, *wordings)
    forms = {text: replace(PLAIN, template=text) for text in texts}
    used = [
        text
        for true, other, example in zip(samples, wrong, examples, strict=True)
        for text in texts
        if build_prompts(loaded, [true, other], forms[text]) == [row.prompt for row in example.rows]
    ]
    assert len(used) == len(samples)
    assert set(used) == set(texts)
