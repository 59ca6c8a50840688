"""The preflight's measures against the definition, and on models whose fault is known."""

from dataclasses import replace

import pytest
import sacrebleu
import torch
from support.models import prompt_of, tiny
from torch.testing import assert_close

from ontarget.analysis.diagnose import (
    DiagnosisSettings,
    diagnose,
    ratios,
    response_log_odds,
    validate,
)
from ontarget.data.conflicts import wrong_target
from ontarget.decoding.base import Search
from ontarget.decoding.hf import generate
from ontarget.languages.names import english_name
from ontarget.models.templates import TEMPLATES, PromptFormat, fill_template
from ontarget.offtarget.detectors.fasttext import load_lid_176
from ontarget.offtarget.detection import Detection
from ontarget.records import Direction, Sample

EN_IT, IT_NL = Direction("en", "it"), Direction("it", "nl")
SETTING = DiagnosisSettings(
    languages=("en", "it", "nl"),
    supervised=(EN_IT,),
    asking=PromptFormat(template=TEMPLATES["plain"]),
    detection=Detection(pivot="en"),
    seed=0,
    search=Search(beams=1, max_new_tokens=4, batch=64),
)


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


def test_odds_are_those_of_every_response_token_and_no_other() -> None:
    loaded = tiny()
    samples = [sample(number) for number in range(5)]
    found = response_log_odds(loaded, samples, SETTING.asking)
    expected = []
    for each in samples:
        (asked,) = loaded.prompts([fill_template(each, SETTING.asking.template, english_name)])
        (answer,) = loaded.responses([each.target])
        with torch.no_grad():
            p = (
                loaded.model(input_ids=torch.tensor([asked + answer]))
                .logits[0]
                .double()
                .softmax(-1)
            )
        for at, token in enumerate(answer, start=len(asked)):
            expected.append(torch.logit(p[at - 1, token]).item())
    assert_close(found.double().sort().values, torch.tensor(expected).double().sort().values)


def test_losses_are_measured_on_supervised_directions_and_ratios_on_all() -> None:
    loaded = tiny()
    known = [sample(number) for number in range(4)]
    found = diagnose(loaded, [*known, sample(9, IT_NL)], SETTING).measures
    right = response_log_odds(loaded, known, SETTING.asking).double()
    conflicts = [wrong_target(each, SETTING.languages, 0) for each in known]
    wrong = response_log_odds(loaded, conflicts, SETTING.asking).double()
    assert found.likelihood_nats == pytest.approx(
        torch.log1p(torch.exp(-right)).mean().item(), rel=1e-4
    )
    assert found.conflict_nats == pytest.approx(
        torch.log1p(torch.exp(wrong)).mean().item(), rel=1e-4
    )
    assert found.right_share == pytest.approx((right > 0).double().mean().item())
    assert set(found.off_target_percent) == {"en-it", "it-nl"}
    assert set(found.reference_off_target_percent) == {"en-it", "it-nl"}


def test_a_model_of_random_weights_lacks_the_skill() -> None:
    found = diagnose(tiny(), [sample(0), sample(1, IT_NL)], SETTING)
    assert found.verdict.fault == "lacks the skill"
    assert found.content()["verdict"]["words"] == found.verdict.words


def test_validation_is_the_mean_over_directions_of_ratio_and_chrf() -> None:
    """By definition, one sentence at a time; chrF by sacreBLEU's own function."""
    loaded = tiny()
    samples = [sample(0), sample(1, IT_NL), sample(2), sample(3)]
    by_top_label = replace(SETTING, detection=Detection(pivot="en", detector="paper"))
    found = validate(loaded, samples, by_top_label, step=7)
    search = Search(beams=1, max_new_tokens=SETTING.search.max_new_tokens, batch=1)
    wrong, floor, chrf = {}, {}, {}
    for direction in (EN_IT, IT_NL):
        own = [s for s in samples if (s.source_lang, s.target_lang) == direction]
        asked = loaded.prompts(
            [fill_template(s, SETTING.asking.template, english_name) for s in own]
        )
        prompts = [prompt_of(*ids) for ids in asked]
        references = [s.target for s in own]
        in_order = dict(pair for part in generate(loaded, prompts, search) for pair in part.items())
        hypotheses = [in_order[index] for index in range(len(own))]
        wrong[direction], floor[direction] = (
            100 * sum(top_label(text) != direction.target_lang for text in side) / len(own)
            for side in (hypotheses, references)
        )
        chrf[direction] = sacrebleu.corpus_chrf(hypotheses, [references]).score
    assert found.step == 7
    assert found.off_target_percent == pytest.approx(sum(wrong.values()) / 2)
    assert found.reference_off_target_percent == pytest.approx(sum(floor.values()) / 2)
    assert found.chrf == pytest.approx(sum(chrf.values()) / 2)


LONG = {
    "it": "La settimana prossima il comitato si riunirà di nuovo per discutere i risultati.",
    "nl": "De commissie komt volgende week opnieuw bijeen om de resultaten te bespreken.",
}


@pytest.mark.parametrize(
    ("texts", "percent", "judged"),
    [
        ([LONG["nl"], LONG["it"]], 50.0, True),
        ([LONG["nl"], "ja"], 0.0, True),  # too short to be judged, and left out
        (["ja", "nee"], 100.0, False),  # nothing shows that it is on target
        (["", LONG["nl"]], 50.0, True),
    ],
)
def test_translations_too_short_to_judge_count_only_where_there_are_no_others(
    texts: list[str], percent: float, judged: bool
) -> None:
    asked = [replace(sample(0, IT_NL), target=LONG["nl"])] * len(texts)
    assert ratios(texts, asked, SETTING.detection) == (percent, 0.0, judged)


def test_references_too_short_to_judge_say_nothing_against_themselves() -> None:
    asked = [replace(sample(0, IT_NL), target="ja")] * 2
    assert ratios([LONG["nl"]] * 2, asked, SETTING.detection) == (0.0, 0.0, True)
