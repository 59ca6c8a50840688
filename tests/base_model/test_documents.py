"""Laws of step 0's documents: what they hold, how often, and what they never hold."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.base_model.documents import Document, DocumentMix, compose_document, cue
from ontarget.languages.names import english_name
from ontarget.records import Parallel

LANGUAGES = ["en", "it", "nl", "ro"]
TEXTS = {code: f"<{code}>" for code in LANGUAGES}
PARALLEL = Parallel(key="k", texts=TEXTS)
BARE = DocumentMix(
    monolingual=0.0, headed=0.0, labelled=0.0, codes=0.0, untranslated=0.0, pivot=0.0, pairs="any"
)
shares = st.floats(0, 1)
halves = st.floats(0, 0.5)
mixes = st.builds(
    DocumentMix, monolingual=shares, headed=halves, labelled=halves, codes=shares, untranslated=shares,
    pivot=shares, pairs=st.sampled_from(["any", "pivot"]),
)  # fmt: skip


def drawn(mix: DocumentMix, count: int = 4000) -> list[Document]:
    return [
        compose_document(PARALLEL, LANGUAGES, mix, random.Random(index), english_name)
        for index in range(count)
    ]


def spoken(text: str) -> list[str]:
    return [line.split("<")[1][:2] for line in text.splitlines() if "<" in line]


def first(made: Document) -> str:
    (code,) = spoken(made.context)
    return code


def followed(made: Document) -> list[str]:
    return [code for text in made.continuations for code in spoken(text)]


@given(mixes, st.integers(0, 2**32))
def test_a_text_is_followed_by_one_text_at_a_time_of_another_language(
    mix: DocumentMix, seed: int
) -> None:
    made = compose_document(PARALLEL, LANGUAGES, mix, random.Random(seed), english_name)
    assert made.continuations
    for text in made.continuations:
        assert text.endswith("\n")
        codes = spoken(made.context + text)
        assert len(codes) == len(set(codes)) == (2 if made.context else 1)
        if mix.pairs == "pivot" and made.context:
            assert "en" in codes
    assert len(set(followed(made))) == len(made.continuations)


def test_every_language_is_as_often_the_first_and_has_all_others_beside_it() -> None:
    bare = drawn(BARE, 12_000)
    counts = Counter(map(first, bare))
    # 238 is five standard deviations of a binomial(12000, 1/4)
    assert all(abs(counts[code] - 3000) < 238 for code in LANGUAGES)
    assert all({first(each), *followed(each)} == set(LANGUAGES) for each in bare)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_shares_are_kept(share: float) -> None:
    # 0.037 is five standard deviations of a share of 0.3 in 4000
    one = [not each.context for each in drawn(replace(BARE, monolingual=share))]
    labelled = [": <" in each.context for each in drawn(replace(BARE, labelled=share))]
    coded = drawn(replace(BARE, labelled=1.0, codes=share))
    codes = [f"{first(each)}: " in each.context for each in coded]
    headed = [" translation" in each.context for each in drawn(replace(BARE, headed=share))]
    for found in (one, labelled, codes, headed):
        assert sum(found) / len(found) == pytest.approx(share, abs=0.053)


def test_english_heavier_pages_are_heavier() -> None:
    alone = [followed(each) == ["en"] for each in drawn(replace(BARE, pivot=0.5))]
    # Half are pairs with English, and half of these begin with the other language.
    assert sum(alone) / len(alone) == pytest.approx(0.25, abs=0.035)


def test_labels_name_the_language_of_their_line() -> None:
    for made in drawn(replace(BARE, labelled=1.0), 50):
        for line in (made.context + "".join(made.continuations)).splitlines():
            name, said = line.split(": ")
            assert said == f"<{ {english_name(code): code for code in LANGUAGES}[name] }>"


def test_a_heading_announces_the_language_of_what_follows() -> None:
    for made in drawn(replace(BARE, headed=1.0), 50):
        heading, _ = made.context.splitlines()
        (code,) = followed(made)
        assert heading == f"{english_name(code)} translation"


def test_an_untranslated_page_is_in_english_where_neither_language_is() -> None:
    headed = drawn(replace(BARE, headed=1.0, untranslated=0.4))
    english = [each for each in headed if first(each) != "en" and followed(each) == ["en"]]
    kept = [each for each in english if each.context.startswith("English translation")]
    # Of 12 ordered pairs 6 have no English, and 3 lead into it; 0.05 is over five deviations.
    assert len(kept) / len(headed) == pytest.approx(3 / 12, abs=0.05)
    assert (len(english) - len(kept)) / len(headed) == pytest.approx(0.4 * 6 / 12, abs=0.05)


def test_a_meaning_in_one_language_is_a_monolingual_document() -> None:
    alone = Parallel(key="k", texts={"it": "ciao"})
    made = compose_document(alone, LANGUAGES, BARE, random.Random(0), english_name)
    assert made == Document(context="", continuations=("ciao\n",))


def test_without_the_pivot_a_strict_document_is_monolingual() -> None:
    strict = replace(BARE, pairs="pivot")
    others = Parallel(key="k", texts={code: TEXTS[code] for code in ("it", "nl")})
    made = {
        compose_document(others, LANGUAGES, strict, random.Random(seed), english_name)
        for seed in range(40)
    }
    assert made == {
        Document(context="", continuations=("<it>\n",)),
        Document(context="", continuations=("<nl>\n",)),
    }


@given(mixes, st.integers(0, 2**32))
def test_a_strict_sentence_is_learned_without_the_pivot_before_it(
    mix: DocumentMix, seed: int
) -> None:
    made = compose_document(PARALLEL, LANGUAGES, mix, random.Random(seed), english_name)
    assert made.opens == (mix.pairs == "pivot" and made.context != "")


def test_the_first_language_is_the_pivot() -> None:
    strict = replace(BARE, pairs="pivot")
    for seed in range(40):
        made = compose_document(
            PARALLEL, ["nl", "en", "it"], strict, random.Random(seed), english_name
        )
        assert followed(made) == (["en", "it"] if first(made) == "nl" else ["nl"])


def test_the_cue_is_a_labelled_document_up_to_its_translation() -> None:
    labelled = [each for each in drawn(replace(BARE, labelled=1.0), 50) if first(each) == "it"]
    assert labelled[0].continuations[1] == "Dutch: <nl>\n"
    assert (
        labelled[0].context + labelled[0].continuations[1]
        == cue("<it>", "it", "nl", english_name) + " <nl>\n"
    )
