"""Diagnosis and validation against their definitions, computed one sentence at a time."""

from dataclasses import replace

import pytest
import sacrebleu
import torch
from support.models import prompt_of, tiny
from support.texts import TEXTS
from support.translators import FixedTranslator
from torch.testing import assert_close

from ontarget.analysis.diagnose import DiagnosisSettings, diagnose, response_log_odds, validate
from ontarget.data.conflicts import wrong_target
from ontarget.decoding.base import Search
from ontarget.decoding.hf import HuggingFaceTranslator, generate
from ontarget.languages.names import english_name
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
    log_odds = response_log_odds(loaded, samples, PLAIN)
    expected = []
    for one in samples:
        (prompt,) = loaded.prompts([fill_template(one, PLAIN.template, english_name)])
        (response,) = loaded.responses([one.target])
        with torch.no_grad():
            logits = loaded.model(input_ids=torch.tensor([prompt + response])).logits[0]
        p = logits.double().softmax(-1)
        for position, token in enumerate(response, start=len(prompt)):
            expected.append(torch.logit(p[position - 1, token]).item())
    assert_close(log_odds.double().sort().values, torch.tensor(expected).double().sort().values)


def test_losses_are_measured_on_supervised_directions_and_ratios_on_all() -> None:
    loaded = tiny()
    supervised = [sample(number) for number in range(4)]
    samples = [*supervised, sample(9, IT_NL)]
    measures = diagnose(loaded, translator(loaded), samples, SETTINGS).measures
    right = response_log_odds(loaded, supervised, PLAIN).double()
    conflicts = [wrong_target(one, SETTINGS.languages, 0) for one in supervised]
    wrong = response_log_odds(loaded, conflicts, PLAIN).double()
    likelihood, unlikelihood = torch.log1p(torch.exp(-right)), torch.log1p(torch.exp(wrong))
    assert measures.likelihood_nats == pytest.approx(likelihood.mean().item(), rel=1e-4)
    assert measures.conflict_nats == pytest.approx(unlikelihood.mean().item(), rel=1e-4)
    assert measures.right_share == pytest.approx((right > 0).double().mean().item())
    assert set(measures.off_target_percent) == {"en-it", "it-nl"}
    assert set(measures.reference_off_target_percent) == {"en-it", "it-nl"}


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
        filled = [fill_template(s, PLAIN.template, english_name) for s in group]
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
    assert diagnosed.off_target_percent == {"it-nl": percent, "en-it": 0.0}
    assert diagnosed.unjudged == (() if is_judged else ("it-nl",))


def test_references_that_are_too_short_to_judge_give_a_floor_of_zero() -> None:
    samples = [replace(sample(number, IT_NL), target="ja") for number in range(2)]
    fixed = FixedTranslator({"0": DUTCH, "1": DUTCH, "9": ITALIAN})
    validated = validate(fixed, samples, SETTINGS.detection, step=1)
    assert (validated.off_target_percent, validated.reference_off_target_percent) == (0.0, 0.0)
    diagnosed = diagnose(tiny(), fixed, [*samples, sample(9)], SETTINGS).measures
    assert diagnosed.reference_off_target_percent["it-nl"] == 0.0
    assert diagnosed.unjudged == ()


def test_validation_needs_no_model_but_only_a_translator() -> None:
    """Batches arrive last sample first; each text must still meet its own reference."""
    samples = [
        replace(sample(number, IT_NL), target=text) for number, text in enumerate(TEXTS["nl"])
    ]
    perfect = FixedTranslator({str(number): text for number, text in enumerate(TEXTS["nl"])})
    result = validate(perfect, samples, SETTINGS.detection, step=3)
    assert (result.step, result.off_target_percent) == (3, 0.0)
    assert result.chrf == pytest.approx(100.0)
