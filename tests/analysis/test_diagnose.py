"""Diagnosis and validation against their definitions, computed one sentence at a time."""

import math
import statistics
from collections.abc import Iterable
from dataclasses import replace

import pytest
import sacrebleu
import torch
from support.models import prompt_of, tiny
from support.texts import TEXTS
from support.translators import FixedTranslator
from torch.testing import assert_close

from ontarget.analysis.diagnosis.diagnose import (
    DiagnosisSettings,
    diagnose,
    kind_of,
    percent_alike,
)
from ontarget.analysis.diagnosis.losses import response_log_odds
from ontarget.analysis.validation import validate
from ontarget.data.conflicts import wrong_target
from ontarget.decoding.base import Search
from ontarget.decoding.hf.translator import HuggingFaceTranslator, generate
from ontarget.models.loading import LoadedModel
from ontarget.models.templates import TEMPLATES, PromptFormat, fill_template
from ontarget.offtarget.detection import Detection
from ontarget.offtarget.detectors.fasttext import load_lid_176
from ontarget.records import Direction, Sample

EN_IT, IT_NL = Direction("en", "it"), Direction("it", "nl")
PLAIN = PromptFormat(template=TEMPLATES["plain"])
SETTINGS = DiagnosisSettings(
    languages=("en", "it", "nl"),
    supervised=(EN_IT,),
    prompt_format=PLAIN,
    detection=Detection(pivot="en"),
    seed=0,
)
SEARCH = Search(beams=1, max_new_tokens=4, batch=64)
DUTCH, ITALIAN = TEXTS["nl"][0], TEXTS["it"][0]


def translator(loaded: LoadedModel) -> HuggingFaceTranslator:
    return HuggingFaceTranslator(loaded, PLAIN, SEARCH)


def top_label(text: str) -> str:
    """lid.176's own answer."""
    ((_, name),) = load_lid_176().f.predict(" ".join(text.split()) + "\n", 1, 0.0, "strict")
    return str(name).removeprefix("__label__")


def sample(number: int, direction: Direction = EN_IT) -> Sample:
    source, target = direction
    return Sample(
        key=str(number),
        source_lang=source,
        asked_lang=target,
        target_lang=target,
        source="hello" * (number + 1),
        target="ciao mondo" * (number % 3 + 1),
    )


def test_log_odds_are_those_of_every_response_token_and_of_no_other() -> None:
    loaded = tiny()
    samples = [sample(number) for number in range(5)]
    batches = list(response_log_odds(loaded, samples, PLAIN))
    log_odds = torch.cat([row for _, rows in batches for row in rows])
    assert sorted(index for indices, _ in batches for index in indices) == [0, 1, 2, 3, 4]
    expected = []
    for one in samples:
        (prompt,) = loaded.prompts([fill_template(one, PLAIN)])
        (response,) = loaded.responses([one.target])
        with torch.no_grad():
            logits = loaded.model(input_ids=torch.tensor([prompt + response])).logits[0]
        p = logits.double().softmax(-1)
        for position, token in enumerate(response, start=len(prompt)):
            expected.append(torch.logit(p[position - 1, token]).item())
    assert_close(log_odds.double().sort().values, torch.tensor(expected).double().sort().values)


def nats_by_definition(
    loaded: LoadedModel, one: Sample, source: str | None = None, before: str = ""
) -> tuple[list[float], list[float]]:
    """(-log p, p) of each response token of a sample, from full logits."""
    filled = fill_template(replace(one, source=source or one.source), PLAIN)
    (prompt,) = loaded.prompts([before + filled])
    (response,) = loaded.responses([one.target])
    with torch.no_grad():
        logits = loaded.model(input_ids=torch.tensor([prompt + response])).logits[0]
    p = logits.double().softmax(-1)
    found = [p[len(prompt) - 1 + at, token].item() for at, token in enumerate(response)]
    return [-math.log(value) for value in found], found


def mean(values: Iterable[float]) -> float:
    return statistics.fmean(values)


def test_losses_are_measured_by_kind_of_direction_under_right_and_wrong_instructions() -> None:
    loaded = tiny()
    supervised = [sample(number) for number in range(4)]
    samples = [*supervised, sample(9, IT_NL)]
    measures = diagnose(loaded, translator(loaded), samples, SETTINGS).measures
    assert [(k.kind, k.segments) for k in measures.kinds] == [("one target", 4), ("zero-shot", 1)]
    kind = measures.kinds[0]
    right = [nats_by_definition(loaded, one) for one in supervised]
    conflicts = [wrong_target(one, SETTINGS.languages, 0) for one in supervised]
    wrong = [nats_by_definition(loaded, one) for one in conflicts]
    assert measures.kinds[1].wrong_nats is None and measures.kinds[1].wrong_first is None
    assert kind.right_nats == pytest.approx(mean(n for nats, _ in right for n in nats), rel=1e-4)
    assert kind.wrong_nats == pytest.approx(mean(n for nats, _ in wrong for n in nats), rel=1e-4)
    assert kind.right_first == pytest.approx(mean(p[0] for _, p in right), rel=1e-4)
    assert kind.wrong_first == pytest.approx(mean(p[0] for _, p in wrong), rel=1e-4)
    assert [d.name for d in measures.directions] == ["en-it", "it-nl"]


def test_zero_shot_references_are_also_measured_after_two_demonstrations_of_their_direction() -> (
    None
):
    loaded = tiny()
    group = [sample(number, IT_NL) for number in range(4)]
    (measured,) = diagnose(loaded, translator(loaded), group, SETTINGS).measures.kinds
    nats, first = [], []
    for at, one in enumerate(group):
        examples = (group * 2)[at + 1 : at + 3]
        before = "".join(f"{fill_template(each, PLAIN)}{each.target}\n\n" for each in examples)
        own_nats, p = nats_by_definition(loaded, one, before=before)
        nats += own_nats
        first.append(p[0])
    assert measured.few_shot_nats == pytest.approx(mean(nats), rel=1e-4)
    assert measured.few_shot_first == pytest.approx(mean(first), rel=1e-4)


def test_demonstrations_are_left_out_where_there_are_none_or_no_place_for_them() -> None:
    loaded = tiny()
    (alone,) = diagnose(loaded, translator(loaded), [sample(0, IT_NL)], SETTINGS).measures.kinds
    assert alone.few_shot_nats is None and alone.few_shot_first is None
    group = [sample(number, IT_NL) for number in range(3)]
    needed = [
        len(prompt) for prompt in loaded.prompts([PLAIN.template + one.source for one in group])
    ]
    loaded.model.config.max_position_embeddings = max(needed) + 10
    (short,) = diagnose(loaded, translator(loaded), group, SETTINGS).measures.kinds
    assert short.few_shot_nats is None and short.right_nats > 0


@pytest.mark.parametrize(
    ("direction", "kind"),
    [("it-en", "one target"), ("en-it", "several targets"), ("it-nl", "zero-shot")],
)
def test_a_direction_is_zero_shot_or_counted_by_the_targets_of_its_source(
    direction: str, kind: str
) -> None:
    supervised = [Direction(*pair.split("-")) for pair in ("en-it", "it-en", "en-nl", "nl-en")]
    assert kind_of(Direction(*direction.split("-")), supervised) == kind


def test_the_source_gain_compares_begun_references_with_their_own_and_another_source() -> None:
    """In zero-shot directions, after three given tokens; the next sentence lends its source."""
    loaded = tiny()
    zero_shot = [sample(number, IT_NL) for number in range(3)]
    measures = diagnose(loaded, translator(loaded), [sample(0), *zero_shot], SETTINGS).measures
    own = [n for one in zero_shot for n in nats_by_definition(loaded, one)[0][3:]]
    other = [
        n
        for one, lender in zip(zero_shot, [*zero_shot[1:], zero_shot[0]], strict=True)
        for n in nats_by_definition(loaded, one, lender.source)[0][3:]
    ]
    assert measures.source_gain_nats == pytest.approx(mean(other) - mean(own), abs=1e-4)
    assert measures.source_gain_segments == 3


@pytest.mark.parametrize(
    ("answers", "percent"),
    [
        (["Open the file", "Open the door"], 100.0),
        (["Open the file", "Bestand openen"], 0.0),
        (["Open the", "Open  the file", "Bestand openen"], 100 / 3),
        (["", ""], 100.0),
    ],
)
def test_answers_are_alike_if_they_begin_with_the_same_two_words(
    answers: list[str], percent: float
) -> None:
    samples = [sample(1, Direction("it", target)) for target in ("en", "nl", "ro")]
    assert percent_alike(answers, samples[: len(answers)]) == pytest.approx(percent)


def test_one_answer_a_source_has_nothing_to_be_compared_with() -> None:
    assert percent_alike(["a", "b"], [sample(1), sample(2)]) is None


def test_progress_is_shown_from_the_first_batch_on() -> None:
    loaded, seen = tiny(), []
    samples = [sample(number) for number in range(20)]
    diagnose(
        loaded,
        translator(loaded),
        samples,
        SETTINGS,
        lambda what, *count: seen.append((what, count)),
    )
    assert seen[0] == ("losses under right instructions", (16, 20))
    assert seen[-1] == ("translating", (20, 20))


def test_answers_of_the_most_off_target_direction_are_shown() -> None:
    samples = [sample(0), *[replace(sample(n, IT_NL), target=DUTCH) for n in range(1, 6)]]
    answers = {"0": ITALIAN} | {str(number): ITALIAN for number in range(1, 6)}
    shown = diagnose(tiny(), FixedTranslator(answers), samples, SETTINGS).measures.answers
    assert [(one.direction, one.source) for one in shown] == [
        ("it-nl", sample(number).source) for number in (1, 2, 3)
    ]
    assert {one.answer for one in shown} == {ITALIAN}


def test_a_model_with_random_weights_lacks_the_skill() -> None:
    loaded = tiny()
    result = diagnose(loaded, translator(loaded), [sample(0), sample(1, IT_NL)], SETTINGS)
    assert result.verdict.fault == "lacks the skill"
    assert result.content()["verdict"]["words"] == result.verdict.words


def test_validation_is_the_mean_over_directions_of_ratio_and_chrf() -> None:
    """By definition, one sentence at a time; chrF by sacreBLEU's own function."""
    loaded = tiny()
    samples = [sample(0), sample(1, IT_NL), sample(2), sample(3)]
    by_top_label = Detection(pivot="en", detector="paper")
    result = validate(translator(loaded), samples, by_top_label, step=7)
    one_at_a_time = replace(SEARCH, batch=1)
    wrong, floor, chrf = {}, {}, {}
    for direction in (EN_IT, IT_NL):
        group = [s for s in samples if (s.source_lang, s.target_lang) == direction]
        filled = [fill_template(s, PLAIN) for s in group]
        prompts = [prompt_of(*tokens) for tokens in loaded.prompts(filled)]
        batches = generate(loaded, prompts, one_at_a_time)
        texts = dict(pair for batch in batches for pair in batch.items())
        hypotheses = [texts[index].text for index in range(len(group))]
        references = [s.target for s in group]
        wrong[direction], floor[direction] = (
            100 * sum(top_label(text) != direction.target_lang for text in side) / len(group)
            for side in (hypotheses, references)
        )
        chrf[direction] = sacrebleu.corpus_chrf(hypotheses, [references]).score
    assert result.step == 7
    assert result.off_target_percent == pytest.approx(sum(wrong.values()) / 2)
    assert result.reference_off_target_percent == pytest.approx(sum(floor.values()) / 2)
    assert result.chrf == pytest.approx(sum(chrf.values()) / 2)


def test_supervised_directions_that_are_watched_have_a_chrf_of_their_own() -> None:
    """By sacreBLEU's own function; the ratio and the other chrF are as without them."""
    judged = [replace(sample(number, IT_NL), target=DUTCH) for number in (1, 2)]
    watched = [
        replace(sample(3), target=ITALIAN),
        replace(sample(4, Direction("nl", "en")), target=TEXTS["en"][0]),
    ]
    answers = {"1": DUTCH, "2": ITALIAN, "3": "Il museo oggi", "4": TEXTS["en"][0]}
    alone = validate(FixedTranslator(answers), judged, SETTINGS.detection, 1)
    result = validate(FixedTranslator(answers), judged, SETTINGS.detection, 1, watched)
    chrf = sacrebleu.corpus_chrf(["Il museo oggi"], [[ITALIAN]]).score
    assert result.supervised_chrf == pytest.approx((chrf + 100) / 2)
    assert alone.supervised_chrf is None
    assert replace(result, supervised_chrf=None) == alone


@pytest.mark.parametrize(
    ("texts", "percent", "is_judged"),
    [
        ([DUTCH, ITALIAN], 50.0, True),
        ([DUTCH, "ja"], 0.0, True),  # too short to be judged, and left out
        (["ja", "nee"], 100.0, False),  # no evidence that it is on target
        (["", DUTCH], 50.0, True),
    ],
)
def test_a_direction_counts_as_off_target_only_if_none_of_it_could_be_judged(
    texts: list[str], percent: float, is_judged: bool
) -> None:
    samples = [replace(sample(number, IT_NL), target=DUTCH) for number in range(len(texts))]
    fixed = FixedTranslator(dict(zip("01", texts, strict=True)) | {"9": ITALIAN})
    validated = validate(fixed, samples, SETTINGS.detection, step=1)
    assert validated.off_target_percent == percent
    assert validated.reference_off_target_percent == 0.0
    diagnosed = diagnose(tiny(), fixed, [*samples, sample(9)], SETTINGS).measures
    by_name = {direction.name: direction for direction in diagnosed.directions}
    assert (by_name["it-nl"].percent, by_name["en-it"].percent) == (percent, 0.0)
    assert (by_name["it-nl"].judged > 0) == is_judged


def test_references_that_are_too_short_to_judge_give_a_floor_of_zero() -> None:
    samples = [replace(sample(number, IT_NL), target="ja") for number in range(2)]
    fixed = FixedTranslator({"0": DUTCH, "1": DUTCH, "9": ITALIAN})
    validated = validate(fixed, samples, SETTINGS.detection, step=1)
    assert (validated.off_target_percent, validated.reference_off_target_percent) == (0.0, 0.0)
    diagnosed = diagnose(tiny(), fixed, [*samples, sample(9)], SETTINGS).measures
    by_name = {direction.name: direction for direction in diagnosed.directions}
    assert by_name["it-nl"].reference_percent == 0.0 and by_name["it-nl"].judged == 2


def test_validation_needs_no_model_but_only_a_translator() -> None:
    """Batches arrive last sample first; each text must still meet its own reference."""
    samples = [
        replace(sample(number, IT_NL), target=text) for number, text in enumerate(TEXTS["nl"])
    ]
    perfect = FixedTranslator({str(number): text for number, text in enumerate(TEXTS["nl"])})
    result = validate(perfect, samples, SETTINGS.detection, step=3)
    assert (result.step, result.off_target_percent) == (3, 0.0)
    assert result.chrf == pytest.approx(100.0)
