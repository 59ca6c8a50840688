"""General instructions: which are mixed in, how often, in which words, and their conflicts."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.models import coder, tiny

from ontarget.data import readers
from ontarget.data.conflicts import ConflictCounts, Experiment, Prompts, draw_conflicts
from ontarget.data.conflicts.labels import LabelCounts, Wording, paired, signed, with_conflicts
from ontarget.data.instructions import (
    InstructionFiles,
    MixedInstructions,
    instruction_samples,
    mix_instructions,
    translations,
)
from ontarget.errors import CorpusError, ModelError
from ontarget.models.prompting import build_prompts
from ontarget.models.templates import TEMPLATES, PromptFormat, fill_request, fill_template
from ontarget.records import Direction, Sample

LANGUAGES = ("en", "it", "nl")


def translation(number: int, source: str = "en", target: str = "it") -> Sample:
    return Sample(
        key=f"train.tsv:{number}/{source}-{target}", source_lang=source, asked_lang=target,
        target_lang=target, source=f"text {number}", target=f"testo {number}",
    )  # fmt: skip


def general(number: int, prompt: str = "") -> Sample:
    return Sample(
        key=f"alpaca.json:{number}/general", source_lang="", asked_lang="", target_lang="",
        source=prompt or f"Name {number} fruits.", target=f"Apples {number}",
    )  # fmt: skip


GENERAL = [general(number) for number in range(6)]
MIXTURE = [translation(n) for n in range(4)] + [translation(n, "it", "en") for n in range(4)]
MIXTURE += GENERAL


def write(folder: Path, records: Sequence[dict[str, Any]], name: str = "alpaca.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(list(records)), encoding="utf-8")
    return path


def records(count: int) -> list[dict[str, str]]:
    return [{"instruction": f"Say {n}", "input": "", "output": str(n)} for n in range(count)]


def mix(path: Path, wanted: int, seed: int = 1, **limits: Any) -> MixedInstructions:
    files = InstructionFiles(corpora=[path], **limits)
    return mix_instructions(files, wanted, seed, path.parent)


def keys(mixed: MixedInstructions) -> list[str]:
    return [sample.key for sample in mixed.samples]


def test_a_larger_number_contains_a_smaller_one_and_another_seed_takes_others(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, records(100))
    some, more = keys(mix(path, 10)), keys(mix(path, 30))
    assert (len(set(some)), len(set(more))) == (10, 30)
    assert set(some) < set(more)
    assert set(keys(mix(path, 10, seed=2))) != set(some)


def test_which_are_taken_does_not_depend_on_what_else_the_prompts_say(tmp_path: Path) -> None:
    """The choice is by key and seed."""
    before = keys(mix(write(tmp_path, records(50)), 10))
    changed = [{**record, "instruction": "Repeat"} for record in records(50)]
    assert keys(mix(write(tmp_path, changed), 10)) == before


@pytest.mark.parametrize(("wanted", "copied"), [(3, 0), (4, 0), (6, 2), (9, 5)])
def test_a_file_is_repeated_only_if_it_is_too_small_and_copies_have_keys_of_their_own(
    wanted: int, copied: int, tmp_path: Path
) -> None:
    mixed = mix(write(tmp_path, records(4)), wanted)
    samples = list(mixed.samples)
    assert mixed.counts == {"read": 4, "dropped": {}, "written": wanted, "repeated": copied}
    assert len({sample.key for sample in samples}) == len(samples) == wanted
    assert sum("~" in sample.key for sample in samples) == copied
    times = Counter(sample.source for sample in samples).values()
    assert max(times) - min(times) <= 1


def test_what_cannot_be_trained_on_is_left_out_and_counted_by_reason(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        [
            {"instruction": "Say yes", "input": "now", "output": "yes"},
            {"instruction": "Say nothing", "input": "", "output": " "},
            {"instruction": "Say more", "input": "", "output": "y" * 50},
            {"instruction": "Say </s>", "input": "", "output": "no"},
        ],
    )
    dropped: Counter[str] = Counter()
    files = InstructionFiles(corpora=[path], max_characters=40, special_tokens=["</s>"])
    (kept,) = instruction_samples(files, dropped)
    assert dropped == {"empty": 1, "length": 1, "special_tokens": 1}
    assert (kept.source, kept.target, kept.is_general) == ("Say yes\n\nnow", "yes", True)
    assert (kept.source_lang, kept.asked_lang, kept.target_lang) == ("", "", "")


def test_files_without_a_usable_instruction_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [{"instruction": "Say", "input": "", "output": ""}])
    with pytest.raises(CorpusError, match="instructions.files: no instruction is left of 1; give"):
        mix(path, 1)


def test_translations_stand_before_general_instructions() -> None:
    assert list(translations(MIXTURE)) == MIXTURE[:8]
    assert not any(sample.is_general for sample in MIXTURE[:8])


@pytest.mark.parametrize(
    ("name", "prompt"),
    [
        (
            "alpaca",
            "Below is an instruction that describes a task. Write a response that appropriately "
            "completes the request.\n\n### Instruction:\nSay {yes}.\n\n### Response:",
        ),
        ("plain", "Say {yes}.\n"),
        ("alma", "Say {yes}.\n"),
    ],
)
def test_the_prompt_is_in_the_form_that_belongs_to_the_template(name: str, prompt: str) -> None:
    sample = general(1, "Say {yes}.")
    assert fill_template(sample, PromptFormat(template=TEMPLATES[name])) == prompt
    (built,) = build_prompts(tiny(), [sample], PromptFormat(template=TEMPLATES[name]))
    assert list(built.tokens) == tiny().prompts([prompt])[0]


@pytest.mark.parametrize("name", ["alpaca", "translategemma"])
def test_in_a_chat_the_prompt_is_the_users_turn(name: str) -> None:
    assert (
        fill_request(general(1, "Say {yes}."), PromptFormat(template=TEMPLATES[name]))
        == "Say {yes}."
    )


def test_a_model_with_language_codes_reads_no_instructions() -> None:
    with pytest.raises(ModelError, match=r"language codes .* leave corpus.mix.instructions out"):
        build_prompts(coder("M2M-100"), [general(1)], PromptFormat(template=TEMPLATES["plain"]))


def prompts_of(samples: Sequence[Sample]) -> Prompts:
    first = sum(not sample.is_general for sample in samples)
    return Prompts.of(samples, [sample.source for sample in samples[first:]], first)


def drawn(
    samples: Sequence[Sample], draw: Any, per_sample: int = 1, seed: int = 1
) -> list[tuple[Sample, Sample]]:
    """Each sample with each of its conflicts."""
    pairs = Counter(Direction(s.source_lang, s.asked_lang) for s in samples if not s.is_general)
    experiment = Experiment(
        languages=LANGUAGES, instructions=pairs, prompts=prompts_of(samples)
    )  # fmt: skip
    conflicts = list(draw_conflicts(samples, draw, experiment, seed, per_sample))
    return [(samples[at // per_sample], conflict) for at, conflict in enumerate(conflicts)]


def instruction(sample: Sample) -> tuple[str, ...]:
    """What tells instructions apart, by its definition."""
    if sample.asked_lang:
        return (sample.source_lang, sample.asked_lang)
    return (sample.source,)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("draw", ["any_other_instruction", "wrong_target", "to_source"])
def test_a_conflict_is_the_same_response_under_another_instruction_of_the_mixture(
    draw: str, seed: int
) -> None:
    known = {instruction(sample) for sample in MIXTURE}
    for sample, conflict in drawn(MIXTURE, draw, seed=seed):
        assert (conflict.key, conflict.target) == (sample.key, sample.target)
        assert conflict.target_lang == sample.target_lang
        assert instruction(conflict) != instruction(sample)
        if sample.is_general or draw == "any_other_instruction":
            assert instruction(conflict) in known


def test_by_the_papers_draw_all_instructions_are_drawn_in_proportion_to_their_frequency() -> None:
    """Of en-it's other instructions 4 are it-en, and 6 are general."""
    samples = [translation(n) for n in range(3000)] + MIXTURE[4:]
    found = Counter(
        conflict.is_general for sample, conflict in drawn(samples, "any_other_instruction")[:3000]
    )
    assert 0.55 < found[True] / 3000 < 0.65


def test_a_draw_of_languages_gives_general_instructions_each_other_and_translations_none() -> None:
    for sample, conflict in drawn(MIXTURE, "wrong_target"):
        assert conflict.is_general == sample.is_general


def test_equal_prompts_are_one_instruction() -> None:
    """Also copies, which a small file has."""
    samples = [general(n, "Say yes.") for n in range(20)] + [general(30, "Say no.")]
    for sample, conflict in drawn(samples, "wrong_target"):
        assert {sample.source, conflict.source} == {"Say yes.", "Say no."}


def test_conflicts_of_a_sample_have_different_instructions() -> None:
    pairs = drawn(GENERAL, "wrong_target", per_sample=5)
    for at in range(0, len(pairs), 5):
        asked = {conflict.source for _, conflict in pairs[at : at + 5]}
        assert asked == {s.source for s in GENERAL} - {pairs[at][0].source}


def test_too_few_different_instructions_are_refused() -> None:
    with pytest.raises(
        CorpusError, match=r"alpaca.json:0/general: has 5 conflict\(s\) and no other instruction"
    ):
        drawn(GENERAL, "wrong_target", per_sample=6)


def test_a_draw_does_not_depend_on_the_order_of_the_mixture() -> None:
    one = {s.key: c for s, c in drawn(MIXTURE, "any_other_instruction")}
    shuffled = [*reversed(MIXTURE[:8]), *reversed(GENERAL)]
    assert {s.key: c for s, c in drawn(shuffled, "any_other_instruction")} == one


def test_a_general_instruction_never_asks_for_the_right_language() -> None:
    tally = ConflictCounts()
    conflicts = [conflict for _, conflict in drawn(MIXTURE, "wrong_target")]
    assert list(tally.counted(conflicts)) == conflicts
    assert (tally.conflicts, tally.asking_right_language) == (14, 0)


def test_a_label_says_which_general_response_is_wrong_and_no_pair_is_made_of_it() -> None:
    """No text is a right response to the other instruction."""
    samples = [MIXTURE[0], *GENERAL[:2]]
    conflicts = [conflict for _, conflict in drawn(samples, "wrong_target")]
    words = Wording(prompt=instruction, response=str)
    counts, pairs = LabelCounts(), LabelCounts()
    rows = list(signed(with_conflicts(samples, conflicts, 1), words, counts))
    assert [row["label"] for row in rows] == [True, False] * 3
    assert rows[3] == {
        "prompt": (GENERAL[1].source,), "completion": GENERAL[0].target, "label": False,
    }  # fmt: skip
    assert counts.asking_right_language == 0
    conflict = replace(conflicts[0], asked_lang="en")
    made = list(paired(with_conflicts(samples, [conflict, *conflicts[1:]], 1), words, pairs))
    assert len(made) == 1 and made[0]["rejected"] == MIXTURE[0].target
    assert pairs.without_response == 2


def test_records_that_stand_in_one_line_have_keys_of_their_own(tmp_path: Path) -> None:
    path = write(tmp_path, records(3))
    assert [key for key, _, _ in readers.read_instructions(path)] == [
        "alpaca.json:1",
        "alpaca.json:1.2",
        "alpaca.json:1.3",
    ]
