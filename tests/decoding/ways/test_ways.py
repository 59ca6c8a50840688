"""Ways to stay on target, each against its equation, one token at a time, without caches."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from support.models import ready, tiny, tokenizer
from torch import Tensor

from ontarget.decoding.base import Search, translate_all
from ontarget.decoding.hf.planned import PlannedTranslator, plan_prompts
from ontarget.decoding.hf.translator import HuggingFaceTranslator
from ontarget.decoding.ways.plan import Material, Plan
from ontarget.decoding.ways.settings import (
    AnotherTemplate,
    AntiLm,
    Contrastive,
    FewShot,
    FirstWords,
    HeadRows,
    LanguageBeams,
    PrefixPair,
    Steering,
    VocabularyMask,
    Way,
    apply_ways,
    make_way,
)
from ontarget.errors import CorpusError, ModelError
from ontarget.models.loading import LoadedModel
from ontarget.models.prompting import build_prompts, few_shot_prompts
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.records import Sample

PLAIN = PromptFormat(template=TEMPLATES["plain"])
LANGUAGES = ("en", "it", "nl")
TEXTS = {
    "en": ["hello world", "the cat sat on the mat"],
    "it": ["ciao mondo", "il gatto dorme"],
    "nl": ["hallo wereld", "de kat slaapt"],
}
NEW = 12


def lively(seed: int = 0) -> LoadedModel:
    """A model that answers different prompts differently."""
    loaded = tiny(seed)
    torch.manual_seed(seed)
    return ready(loaded.model, tokenizer())


def sample(number: int, source: str, asked: str = "it", target: str = "") -> Sample:
    return Sample(
        key=f"s{number}", source_lang="nl", asked_lang=asked, target_lang=asked, source=source,
        target=target,
    )  # fmt: skip


SAMPLES = [
    sample(n, text) for n, text in enumerate(["hallo", "de kat en de hond", "een twee", "x"])
]
EXAMPLES = [sample(90 + n, f"voorbeeld {n}", target=f"esempio {n}") for n in range(3)]


def material_of(loaded: LoadedModel) -> Material:
    return Material(loaded=loaded, languages=LANGUAGES, examples=EXAMPLES, texts=TEXTS)


def translated(
    loaded: LoadedModel, *ways: Way, beams: int = 1, samples: Sequence[Sample] = SAMPLES
) -> list[str]:
    search = Search(beams=beams, max_new_tokens=NEW, batch=4)
    translator = PlannedTranslator(loaded, PLAIN, search, ways, material_of(loaded))
    return translate_all(translator, samples)


def next_log_probabilities(loaded: LoadedModel, tokens: Sequence[int]) -> Tensor:
    """By a forward pass over all tokens, without a cache or a batch."""
    with torch.no_grad():
        logits: Tensor = loaded.model(torch.tensor([list(tokens)])).logits[0, -1]
    return logits.double().log_softmax(-1)


def greedily(loaded: LoadedModel, score: Callable[[list[int]], Tensor]) -> str:
    """The answer whose next token always has the highest score after those before."""
    answer: list[int] = []
    while len(answer) < NEW:
        token = int(score(answer).argmax())
        if token in loaded.eos:
            break
        answer.append(token)
    return loaded.text(answer)


def prompt(loaded: LoadedModel, one: Sample) -> list[int]:
    return list(build_prompts(loaded, [one], PLAIN)[0].tokens)


@pytest.mark.parametrize("beams", [1, 3])
def test_without_a_way_translations_are_those_of_the_plain_translator(beams: int) -> None:
    loaded = lively()
    plain = HuggingFaceTranslator(loaded, PLAIN, Search(beams=beams, max_new_tokens=NEW, batch=4))
    assert translated(loaded, beams=beams) == translate_all(plain, SAMPLES)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize(
    "way", [Contrastive(language=1e-9), Steering(strength=0.0), HeadRows(least=1.0)]
)
def test_a_way_of_no_weight_changes_nothing(way: Way, beams: int) -> None:
    loaded = lively()
    assert translated(loaded, way, beams=beams) == translated(loaded, beams=beams)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_language_contrast_is_the_published_difference_of_probabilities(seed: int) -> None:
    loaded = lively(seed)
    expected = []
    for one in SAMPLES:
        right, wrong = (prompt(loaded, replace(one, asked_lang=code)) for code in ("it", "en"))

        def score(answer: list[int], right: list[int] = right, wrong: list[int] = wrong) -> Tensor:
            first, other = (next_log_probabilities(loaded, [*p, *answer]) for p in (right, wrong))
            return first.exp() - 0.5 * other.exp()

        expected.append(greedily(loaded, score))
    found = translated(loaded, Contrastive(language=0.5))
    assert found == expected
    assert found != translated(loaded)


def test_a_request_for_the_pivot_is_contrasted_with_one_for_the_source_language() -> None:
    loaded = lively()
    samples = [replace(one, asked_lang="en", target_lang="en") for one in SAMPLES]
    plan = apply_ways(
        (Contrastive(),), Plan(samples=tuple(samples), prompt_format=PLAIN), material_of(loaded)
    )
    (contrast,) = plan.contrasts
    assert {one.asked_lang for one in contrast.samples} == {"nl"}


def test_source_contrast_takes_another_sentence_in_the_language_of_the_source() -> None:
    loaded = lively()
    first = Plan(samples=tuple(SAMPLES), prompt_format=PLAIN)
    plan = apply_ways((Contrastive(language=0.0, source=0.7),), first, material_of(loaded))
    (contrast,) = plan.contrasts
    assert {one.source for one in contrast.samples} <= set(TEXTS["nl"])
    assert [one.asked_lang for one in contrast.samples] == ["it"] * len(SAMPLES)


@pytest.mark.parametrize("seed", [0, 1])
def test_anti_lm_is_less_the_continuation_of_the_source_which_fades(seed: int) -> None:
    loaded = lively(seed)
    expected = []
    for one in SAMPLES:
        right, bare = prompt(loaded, one), loaded.prompts([one.source])[0]
        continuation = next_log_probabilities(loaded, bare)

        def score(
            answer: list[int], right: list[int] = right, continuation: Tensor = continuation
        ) -> Tensor:
            fading = 0.9 ** (len(answer) + 1)
            return next_log_probabilities(loaded, [*right, *answer]) - fading * continuation

        expected.append(greedily(loaded, score))
    found = translated(loaded, AntiLm(gamma=0.9))
    assert found == expected
    assert found != translated(loaded)


def test_a_token_with_letters_that_text_of_the_language_lacks_loses_the_penalty() -> None:
    loaded = lively()
    known = {
        token
        for text in TEXTS["it"]
        for variant in (text, f" {text}")
        for token in loaded.token_ids(variant, add_special_tokens=False)
    }
    lost = torch.tensor(
        [
            9.0
            * (token not in known and any(c.isalpha() for c in loaded.tokenizer.decode([token])))
            for token in range(len(loaded.tokenizer))
        ]
    )
    lost[list(loaded.eos)] = 0
    prompts = [prompt(loaded, one) for one in SAMPLES]
    expected = [
        greedily(loaded, lambda answer, p=p: next_log_probabilities(loaded, [*p, *answer]) - lost)  # type: ignore[misc]
        for p in prompts
    ]
    assert translated(loaded, VocabularyMask(penalty=9.0)) == expected
    assert expected != translated(loaded)


def test_the_first_word_is_one_that_begins_sentences_in_the_requested_language() -> None:
    loaded = lively()
    found = translated(loaded, FirstWords())
    assert all(text.startswith(("ciao", "il")) for text in found)
    assert not any(text.startswith(("ciao", "il")) for text in translated(loaded))


def test_demonstrations_are_of_the_same_direction_and_before_the_request() -> None:
    loaded = lively()
    first = Plan(samples=tuple(SAMPLES), prompt_format=PLAIN)
    plan = apply_ways((FewShot(shots=2),), first, material_of(loaded))
    shown = plan.demonstrations[0]
    assert len(shown) == 2 and set(shown) <= set(EXAMPLES)
    assert plan_prompts(loaded, plan, plan.samples) == few_shot_prompts(
        loaded, SAMPLES, [shown] * len(SAMPLES), PLAIN
    )


def test_too_few_dev_sentences_for_demonstrations_are_an_error() -> None:
    message = (
        "few-shot: needs 5 dev sentences from nl to it, there are 3; add dev sentences or lower"
    )
    with pytest.raises(CorpusError, match=message):
        translated(lively(), FewShot())


def test_a_prefix_pair_begins_source_and_answer_and_is_taken_off_the_translation() -> None:
    loaded = lively()
    first = Plan(samples=tuple(SAMPLES), prompt_format=PLAIN)
    plan = apply_ways((PrefixPair(),), first, material_of(loaded))
    (begin,) = set(plan.begins)
    pair = next(one for one in EXAMPLES if one.target == begin)
    assert [one.source for one in plan.samples] == [f"{pair.source} {s.source}" for s in SAMPLES]
    begun = [
        [*prompt(loaded, one), *loaded.token_ids(begin, add_special_tokens=False)]
        for one in plan.samples
    ]
    expected = [
        greedily(loaded, lambda answer, p=p: next_log_probabilities(loaded, [*p, *answer]))  # type: ignore[misc]
        for p in begun
    ]
    assert translated(loaded, PrefixPair()) == expected


def test_another_template_is_used_in_its_own_words() -> None:
    loaded = lively()
    form = PromptFormat(template=TEMPLATES["post-instruction"])
    plain = HuggingFaceTranslator(loaded, form, Search(beams=1, max_new_tokens=NEW, batch=4))
    assert translated(loaded, AnotherTemplate()) == translate_all(plain, SAMPLES)
    text = TEMPLATES["post-instruction"]
    assert text.index("{input}") < text.index("{source}") < text.index("### Response:")


def test_head_rows_are_scaled_while_decoding_and_not_afterwards() -> None:
    loaded = lively()
    before = next_log_probabilities(loaded, [5, 6, 7])
    assert translated(loaded, HeadRows(least=0.0)) != translated(loaded)
    assert torch.equal(next_log_probabilities(loaded, [5, 6, 7]), before)


def test_steering_adds_the_difference_of_means_at_the_layer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The oracle reads hidden states of one sentence at a time from the model's own output."""
    from ontarget.decoding.ways.weights import steering

    loaded = lively()
    means = {}
    for language, texts in TEXTS.items():
        states = []
        for text in texts:
            with torch.no_grad():
                made = loaded.model.model.layers[0](
                    loaded.model.model.embed_tokens(torch.tensor(loaded.prompts([text]))),
                    position_embeddings=loaded.model.model.rotary_emb(
                        torch.zeros(1), torch.arange(len(loaded.prompts([text])[0]))[None]
                    ),
                )
            states.append((made[0] if isinstance(made, tuple) else made).reshape(-1, 16))
        means[language] = torch.cat(states).double().mean(0)
    expected = means["it"] - (means["en"] + means["nl"]) / 2
    added: list[Tensor] = []
    original = steering.steered
    monkeypatch.setattr(
        steering, "steered", lambda layer, vector: added.append(vector) or original(layer, vector)
    )
    translated(loaded, Steering(strength=2.0))
    assert torch.allclose(added[0], 2 * expected, atol=1e-5)


def test_beams_gain_what_the_identifier_says_of_the_whole_answer() -> None:
    """Summed over steps, the gains are the weight times log p(language | answer)."""
    from ontarget.decoding.ways.scores.language_beams import informed

    loaded = lively()

    def score(texts: Sequence[str], languages: Sequence[str]) -> list[float]:
        return [-0.1 * len(text) for text in texts]

    rule = informed(loaded, ["it"], score, 2.0, 300)
    answer = loaded.token_ids("ciao", add_special_tokens=False)
    gained = 0.0
    for at, token in enumerate(answer):
        scores = torch.zeros(1, 300)
        gained += float(rule(scores, [0], torch.tensor([answer[:at]], dtype=torch.long))[0, token])
    assert gained == pytest.approx(2.0 * -0.1 * len("ciao"))


def test_a_beam_in_the_requested_language_wins_where_the_weight_is_high() -> None:
    assert translated(lively(), LanguageBeams(weight=3.0), beams=2) != translated(lively(), beams=2)


@pytest.mark.parametrize(
    "way",
    [Contrastive(language=0.3, source=0.3), AntiLm(), VocabularyMask(), Steering(), HeadRows()],
)
def test_a_translation_does_not_depend_on_the_others(way: Way) -> None:
    """So an interrupted translation can go on with what is left."""
    loaded = lively()
    together = translated(loaded, way)
    assert translated(loaded, way, samples=SAMPLES[2:]) == together[2:]


def test_ways_can_be_combined() -> None:
    loaded = lively()
    both = translated(loaded, FirstWords(), Contrastive(language=0.5))
    assert all(text.startswith(("ciao", "il")) for text in both)


def test_without_text_in_a_language_there_is_nothing_to_learn() -> None:
    loaded = lively()
    message = "vocabulary-mask: has no text in it to learn from; add sentences in this language"
    search = Search(beams=1, max_new_tokens=NEW, batch=4)
    material = Material(loaded=loaded, languages=LANGUAGES)
    with pytest.raises(ModelError, match=message):
        translate_all(
            PlannedTranslator(loaded, PLAIN, search, (VocabularyMask(),), material), SAMPLES
        )


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("anti-ln", {}, "'anti-ln' is no way to stay on target; did you mean anti-lm?"),
        ("anti-lm", {"lambda": 1}, "anti-lm: has no setting 'lambda'; its settings: gamma"),
        ("prefix-pair", {"n": 1}, "prefix-pair: has no setting 'n'; its settings: none"),
        (
            "few-shot",
            {"shots": "five"},
            "few-shot.shots: found .five.; input should be a valid integer",
        ),
    ],
)
def test_unknown_ways_and_settings_are_named(
    name: str, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}".replace("?", r"\?")):
        make_way(name, settings)
