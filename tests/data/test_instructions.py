"""General instructions: which are mixed in, how often, in which words, and their conflicts."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.models import coder, tiny

from ontarget.artifacts import write_arrow
from ontarget.data import readers
from ontarget.data.conflicts import ConflictCounts, Experiment, Prompts, draw_conflicts
from ontarget.data.conflicts.labels import LabelCounts, Wording, paired, signed, with_conflicts
from ontarget.data.instructions import (
    InstructionFiles,
    ListedConflicts,
    MixedInstructions,
    instruction_samples,
    listed_conflicts,
    mix_instructions,
    rows_to_check,
    translations,
)
from ontarget.errors import ArtifactError, CorpusError, ModelError
from ontarget.models.prompting import build_prompts
from ontarget.models.special_tokens import rows_with_special_tokens
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


@pytest.mark.parametrize("name", ["instruction", "input", "output", "conflicts"])
def test_a_record_with_a_control_character_is_left_out_and_counted(
    name: str, tmp_path: Path
) -> None:
    """Tabs and line breaks are none."""
    content = listing(0, 1)
    content[0]["input"] = "\tx\r\n"
    content[1][name] = ["Never", "No\x1b[2J"] if name == "conflicts" else "No\x1b[2J"
    mixed = mix(write(tmp_path, content), 5)
    assert mixed.counts["dropped"] == {"control": 1}
    assert "Say 1" not in {sample.source for sample in mixed.samples}
    message = r"of 1 \(1 with a control, replacement .* in a text or a conflict\); remove it from t"
    with pytest.raises(CorpusError, match=message):
        mix(write(tmp_path, content[1:2]), 1)


def test_files_without_a_usable_instruction_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [])
    with pytest.raises(CorpusError, match="instructions.files: no instruction is left of 0; give"):
        mix(path, 1)


def test_the_reasons_for_which_none_is_left_are_named_with_their_remedies(tmp_path: Path) -> None:
    record: dict[str, Any] = {"instruction": "Say", "input": "", "output": "no"}
    with_token = record | {"conflicts": ["Never", "Not </s>"]}
    content: list[dict[str, Any]] = [
        record | {"output": ""},
        with_token,
        record | {"output": "y" * 50},
        with_token,
    ]
    limits: dict[str, Any] = {"max_characters": 40, "special_tokens": ["</s>"]}
    for records_, reasons in (
        (content[:1], r"of 1 \(1 empty\); give records with a prompt and a response$"),
        (content[1:2], r"of 1 \(1 with a special token of the model in a text or a conflict\); "
         "remove it from the text$"),
        (content, r"of 4 \(1 empty, 2 with a special token .*, 1 too long\); give .*, or remove "
         "it from the text, or raise corpus.max_characters$"),
    ):  # fmt: skip
        with pytest.raises(CorpusError, match=f"files: no instruction is left {reasons}"):
            mix(write(tmp_path, records_), 1, **limits)


def test_a_row_to_check_says_whether_a_record_or_its_conflict_has_the_token(tmp_path: Path) -> None:
    """A token of the input is in each conflict too, but is one fault."""
    content: list[dict[str, Any]] = list(records(3))
    content[0] |= {"conflicts": ["Never", "Not </s>"]}
    content[1] |= {"input": "x </s>", "conflicts": ["Never"]}
    content[2] |= {"conflicts": ["Not"]}
    found = rows_to_check(readers.read_with_conflicts(write(tmp_path, content)), ["</s>"])
    assert rows_with_special_tokens(["</s>"], list(found)) == [
        ("a conflict of alpaca.json:1", "</s>"),
        ("alpaca.json:1.2", "</s>"),
    ]


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


def listing(*numbers: int) -> list[dict[str, Any]]:
    """Records of which these list two conflicts."""
    content: list[dict[str, Any]] = list(records(6))
    for number in numbers:
        content[number]["conflicts"] = [f"Not {number}", f"Never {number}"]
    return content


def test_a_mixture_has_the_lists_of_its_records_and_counts_copies(tmp_path: Path) -> None:
    mixed = mix(write(tmp_path, listing(1, 4)), 12)
    samples = list(mixed.samples)
    write_arrow(tmp_path / "listed.arrow", mixed.listed, ListedConflicts)
    listed = listed_conflicts(tmp_path / "listed.arrow")
    expected = {"Say 1": ["Not 1", "Never 1"], "Say 4": ["Not 4", "Never 4"]}
    assert [list(listed(s)) for s in samples] == [expected.get(s.source, []) for s in samples]
    assert mixed.counts["with_conflicts"] == sum(s.source in expected for s in samples) == 4
    assert list(listed(translation(1))) == []


def test_a_changed_list_changes_the_key_of_its_sample_alone(tmp_path: Path) -> None:
    """So the step that draws from it is out of date."""
    before = keys(mix(write(tmp_path, listing(1, 4)), 6))
    content = listing(1, 4)
    content[4]["conflicts"] = ["Not at all"]
    after = keys(mix(write(tmp_path, content), 6))
    assert [one == other for one, other in zip(before, after, strict=True)].count(False) == 1
    rows = [[key.rpartition("/")[0] for key in some] for some in (before, after)]
    assert rows[0] == rows[1]
    plain = keys(mix(write(tmp_path, records(6)), 6))
    assert sum(key in plain for key in before) == 4


def test_a_list_follows_the_rules_of_training_text(tmp_path: Path) -> None:
    content = listing(0, 1)
    content[0]["conflicts"] = ["Not", "</s>"]
    content[1]["conflicts"] = ["y" * 50]
    mixed = mix(write(tmp_path, content), 4, max_characters=40, special_tokens=["</s>"])
    assert mixed.counts["dropped"] == {"length": 1, "special_tokens": 1}


def test_a_missing_list_is_an_error(tmp_path: Path) -> None:
    mixed = mix(write(tmp_path, listing(1)), 6)
    (sample,) = (s for s in mixed.samples if s.source == "Say 1")
    for written in ([], None):
        path = tmp_path / f"{written}.arrow"
        if written is not None:
            write_arrow(path, written, ListedConflicts)
        with pytest.raises(ArtifactError, match=r"arrow: lacks the conflicts of alpaca.json:1.2/g"):
            listed_conflicts(path)(sample)


LISTS = {GENERAL[1].key: ["Sing.", "Dance.", "Sleep."], GENERAL[3].key: ["Sing."]}


def drawn_with_lists(
    draw: Any, per_sample: int = 1, seed: int = 1, tally: ConflictCounts | None = None,
    lists: dict[str, list[str]] = LISTS,
) -> dict[str, list[Sample]]:  # fmt: skip
    """The conflicts of each sample of the mixture, by key."""
    pairs = Counter(Direction(s.source_lang, s.asked_lang) for s in MIXTURE if not s.is_general)
    experiment = Experiment(
        languages=LANGUAGES, instructions=pairs, prompts=prompts_of(MIXTURE),
        listed=lambda sample: lists.get(sample.key, ()),
    )  # fmt: skip
    found: dict[str, list[Sample]] = {}
    for conflict in draw_conflicts(MIXTURE, draw, experiment, seed, per_sample, tally):
        found.setdefault(conflict.key, []).append(conflict)
    return found


@pytest.mark.parametrize("draw", ["any_other_instruction", "wrong_target", "to_source", "hardest"])
def test_whatever_the_draw_is_a_record_with_a_list_gets_one_of_its_own(draw: str) -> None:
    tally = ConflictCounts()
    found = drawn_with_lists(draw, tally=tally)
    assert found[GENERAL[1].key][0].source in LISTS[GENERAL[1].key]
    assert found[GENERAL[3].key] == [replace(GENERAL[3], source="Sing.")]
    assert tally.from_lists == 2
    without = drawn_with_lists(draw, lists={})
    others = without.keys() - LISTS.keys()
    assert {key: found[key] for key in others} == {key: without[key] for key in others}


def test_all_of_a_list_are_drawn_in_time_and_their_order_is_no_matter() -> None:
    times = Counter(
        drawn_with_lists("wrong_target", seed=seed)[GENERAL[1].key][0].source for seed in range(300)
    )
    assert set(times) == set(LISTS[GENERAL[1].key]) and min(times.values()) > 60
    turned = {key: prompts[::-1] for key, prompts in LISTS.items()}
    assert drawn_with_lists("wrong_target", lists=turned) == drawn_with_lists("wrong_target")


def test_a_list_that_is_too_short_is_filled_with_other_instructions_of_the_mixture() -> None:
    tally = ConflictCounts()
    two, one = drawn_with_lists("wrong_target", 2, tally=tally), drawn_with_lists("wrong_target")
    first, second = two[GENERAL[3].key]
    assert first.source == "Sing." and second.source in {s.source for s in GENERAL} - {
        GENERAL[3].source
    }
    pair = two[GENERAL[1].key]
    assert pair[:1] == one[GENERAL[1].key] and len({c.source for c in pair}) == 2
    assert {c.source for c in pair} <= set(LISTS[GENERAL[1].key])
    assert tally.from_lists == 3


def test_a_listed_conflict_is_labelled_false_and_never_asks_for_the_right_language() -> None:
    tally = ConflictCounts()
    found = drawn_with_lists("wrong_target")[GENERAL[3].key]
    assert list(tally.counted(found)) == found and tally.asking_right_language == 0
    words = Wording(prompt=instruction, response=str)
    rows = list(signed(with_conflicts([GENERAL[3]], found, 1), words, LabelCounts()))
    assert [(row["prompt"], row["completion"], row["label"]) for row in rows] == [
        ((GENERAL[3].source,), "Apples 3", True),
        (("Sing.",), "Apples 3", False),
    ]


def test_records_that_stand_in_one_line_have_keys_of_their_own(tmp_path: Path) -> None:
    path = write(tmp_path, records(3))
    assert [key for key, _, _ in readers.read_instructions(path)] == [
        "alpaca.json:1",
        "alpaca.json:1.2",
        "alpaca.json:1.3",
    ]
