"""`ontarget.conflicts` on `datasets.Dataset`, and conflicts as other trainers read them."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

import ontarget
from ontarget.data.conflicts import wrong_target
from ontarget.data.conflicts.labels import LabelCounts, Wording, paired, signed, with_conflicts
from ontarget.data.mixing import repeated
from ontarget.errors import CorpusError
from ontarget.records import Sample

COLUMNS = ["key", "source_lang", "asked_lang", "target_lang", "source", "target"]
LANGUAGES = ("en", "it", "nl", "ro")


def row(number: int, source_lang: str, target_lang: str) -> dict[str, str]:
    return {
        "key": f"a.tsv:{number}/{source_lang}-{target_lang}",
        "source_lang": source_lang, "target_lang": target_lang,
        "source": f"{source_lang} {number}", "target": f"{target_lang} {number}",
    }  # fmt: skip


ROWS = [row(n, a, b) for n in range(5) for a, b in (("en", "it"), ("it", "en"), ("nl", "en"))]
DATASET = Dataset.from_list(ROWS)
SAMPLES = [Sample(**each, asked_lang=each["target_lang"]) for each in ROWS]


def test_conflicts_of_a_dataset_are_those_of_its_samples_with_the_columns_of_a_sample() -> None:
    conflicts = ontarget.conflicts(DATASET, languages=LANGUAGES, seed=5)
    assert isinstance(conflicts, Dataset) and conflicts.column_names == COLUMNS
    expected = [asdict(wrong_target(sample, LANGUAGES, 5)) for sample in SAMPLES]
    assert conflicts.to_list() == expected


def test_several_conflicts_of_a_row_stand_together() -> None:
    conflicts = ontarget.conflicts(DATASET, per_sample=2).to_list()
    assert [one["key"] for one in conflicts] == [each["key"] for each in ROWS for _ in range(2)]
    for one, other in zip(conflicts[::2], conflicts[1::2], strict=True):
        assert {one["asked_lang"], other["asked_lang"], one["target_lang"]} == {"en", "it", "nl"}


def test_the_languages_are_those_of_the_dataset_unless_given_and_the_first_is_the_pivot() -> None:
    of_dataset = ontarget.conflicts(DATASET, "to_pivot")["asked_lang"]
    assert set(of_dataset[::3]) == {"en"}  # of responses in Italian
    given_ones = ontarget.conflicts(DATASET, "to_pivot", languages=["ro", "en", "it", "nl"])
    assert set(given_ones["asked_lang"]) == {"ro"}


def test_without_keys_the_number_of_a_row_is_its_key() -> None:
    conflicts = ontarget.conflicts(DATASET.remove_columns("key"))
    assert conflicts["key"] == [str(number) for number in range(len(ROWS))]
    assert conflicts["asked_lang"] == ontarget.conflicts(DATASET)["asked_lang"]


def test_a_draw_of_ones_own_is_called_with_each_sample() -> None:
    def to_romanian(sample: Sample) -> Sample:
        return replace(sample, asked_lang="ro")

    conflicts = ontarget.conflicts(DATASET, to_romanian).to_list()
    assert conflicts == [asdict(to_romanian(sample)) for sample in SAMPLES]


def changed(**columns: Any) -> Dataset:
    return Dataset.from_list([{**ROWS[0], **columns}])


@pytest.mark.parametrize(
    ("dataset", "options", "error"),
    [
        (DATASET.remove_columns("target"), {}, "the dataset has no column 'target' among key, "
         "source_lang, target_lang, source; conflicts need source_lang, target_lang, source, "),
        (DATASET, {"draw": "random"}, "draw: 'random' is none of wrong_target, any_other_instr"),
        (DATASET, {"draw": "hardest"}, "draw: 'hardest' is none of wrong_target"),
        (DATASET, {"per_sample": 3}, "per_sample: 3 conflicts of a sample request as many other "),
        (DATASET, {"per_sample": 0}, "per_sample: is 0; give 1 or more"),
        (DATASET, {"draw": "script_variant"}, "draw: script_variant finds no language in two scr"),
        (DATASET, {"draw": lambda sample: None}, "a.tsv:0/en-it: the draw returned 'None'; return"),
        (DATASET, {"draw": lambda sample: sample, "per_sample": 2}, "per_sample: a draw of your "),
        (changed(asked_lang="nl"), {}, "the dataset: a.tsv:0/en-it: requests 'nl' but is in 'it',"),
        (changed(target=None), {}, "row 0 of the dataset: target is 'None', no text; leave the "),
        (changed(source=3), {}, "row 0 of the dataset: source is '3', no text; leave the row out"),
    ],
)  # fmt: skip
def test_a_dataset_or_draw_that_cannot_be_used_is_refused_in_one_line(
    dataset: Dataset, options: dict[str, Any], error: str
) -> None:
    with pytest.raises(CorpusError) as raised:
        ontarget.conflicts(dataset, **{"languages": ["en", "it", "nl"], **options})
    assert str(raised.value).startswith(error) and "\n" not in str(raised.value)


PLAIN = Wording(
    prompt=lambda sample: f"{sample.source_lang}>{sample.asked_lang}: {sample.source}",
    response=str,
)


def conflicts_asking(*languages: str) -> list[Sample]:
    """For each sample of a multi-parallel row a conflict that asks for a language."""
    return [
        replace(one, asked_lang=asked) for one, asked in zip(SAMPLES[:3], languages, strict=True)
    ]


def test_signed_samples_are_each_sample_and_its_conflicts_with_one_response() -> None:
    counts = LabelCounts()
    conflicts = conflicts_asking("nl", "ro", "en")
    rows = list(signed(with_conflicts(SAMPLES[:3], conflicts, 1), PLAIN, counts))
    assert rows[:2] == [
        {"prompt": "en>it: en 0", "completion": "it 0", "label": True},
        {"prompt": "en>nl: en 0", "completion": "it 0", "label": False},
    ]
    assert [one["label"] for one in rows] == [True, False] * 3
    assert counts == LabelCounts(samples=3, conflicts=3, asking_right_language=1)


def test_a_pair_prefers_the_text_of_the_row_in_the_requested_language() -> None:
    counts = LabelCounts()
    conflicts = conflicts_asking("nl", "it", "it")  # in order of en-it, it-en, nl-en
    rows = list(paired(with_conflicts(SAMPLES[:3], conflicts, 1), PLAIN, counts))
    assert rows == [
        {"prompt": "en>nl: en 0", "chosen": "nl 0", "rejected": "it 0"},
        {"prompt": "it>it: it 0", "chosen": "it 0", "rejected": "en 0"},
        {"prompt": "nl>it: nl 0", "chosen": "it 0", "rejected": "en 0"},
    ]
    assert counts == LabelCounts(conflicts=3)


def test_copies_of_a_mix_do_not_part_the_samples_of_a_row() -> None:
    mixed = list(repeated(SAMPLES[:3], [2, 1, 3]))
    conflicts = [replace(one, asked_lang={"it": "nl"}.get(one.target_lang, "it")) for one in mixed]
    rows = list(paired(with_conflicts(mixed, conflicts, 1), PLAIN, LabelCounts()))
    assert [one["chosen"] for one in rows] == ["nl 0"] * 2 + ["it 0"] * 4


def test_conflicts_without_a_preferred_text_are_left_out_of_pairs_and_counted() -> None:
    counts = LabelCounts()
    same = [replace(SAMPLES[0], target="en 0"), *SAMPLES[1:3]]
    conflicts = [
        replace(same[0], asked_lang="en"),  # source and target are alike
        replace(same[1], asked_lang="ro"),  # the row has no Romanian text
        replace(same[2], source_lang="it"),  # asks for the right language
    ]
    assert not list(paired(with_conflicts(same, conflicts, 1), PLAIN, counts))
    assert counts == LabelCounts(without_response=2, asking_right_language=1)


@given(st.integers(1, 3), st.integers(0, 5))
def test_every_sample_keeps_its_own_conflicts(per_sample: int, count: int) -> None:
    samples = SAMPLES[:count]
    conflicts = [replace(one, asked_lang=str(n)) for one in samples for n in range(per_sample)]
    for sample, own in with_conflicts(samples, conflicts, per_sample):
        assert [one.key for one in own] == [sample.key] * per_sample


def test_pairs_hold_no_more_than_a_row_in_memory() -> None:
    read = [0]

    def groups() -> Iterator[tuple[Sample, list[Sample]]]:
        for sample in SAMPLES:
            read[0] += 1
            yield sample, [wrong_target(sample, ("en", "it", "nl"), 1)]

    next(paired(groups(), PLAIN, LabelCounts()))
    assert read[0] == 4  # a row of three, and the first of the next
