"""Laws of step 0's documents: what they hold, how often, and what they never hold."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.documents import Mix, cue, document
from ontarget.languages import english_name
from ontarget.records import Parallel

LANGUAGES = ["en", "it", "nl", "ro"]
TEXTS = {code: f"<{code}>" for code in LANGUAGES}
PARALLEL = Parallel(key="k", texts=TEXTS)
BARE = Mix(
    monolingual=0.0, headed=0.0, labelled=0.0, codes=0.0, untranslated=0.0, pivot=0.0, pairs="any"
)
shares = st.floats(0, 1)
halves = st.floats(0, 0.5)
mixes = st.builds(
    Mix, monolingual=shares, headed=halves, labelled=halves, codes=shares, untranslated=shares,
    pivot=shares, pairs=st.sampled_from(["any", "pivot"]),
)  # fmt: skip


def drawn(mix: Mix, count: int = 4000) -> list[str]:
    return [
        document(PARALLEL, LANGUAGES, mix, random.Random(index), english_name)
        for index in range(count)
    ]


def spoken(text: str) -> tuple[str, ...]:
    return tuple(line.split("<")[1][:2] for line in text.splitlines() if "<" in line)


@given(mixes, st.integers(0, 2**32))
def test_a_document_is_one_text_or_two_of_different_languages(mix: Mix, seed: int) -> None:
    text = document(PARALLEL, LANGUAGES, mix, random.Random(seed), english_name)
    codes = spoken(text)
    assert text.endswith("\n")
    assert len(codes) == len(set(codes)) in (1, 2)
    if mix.pairs == "pivot" and len(codes) == 2:
        assert "en" in codes


def test_every_ordered_pair_is_equally_likely() -> None:
    counts = Counter(spoken(text) for text in drawn(BARE, 12_000))
    assert len(counts) == 12
    # 151 is five standard deviations of a binomial(12000, 1/12)
    assert all(abs(count - 1000) < 152 for count in counts.values())


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_shares_are_kept(share: float) -> None:
    # 0.037 is five standard deviations of a share of 0.3 in 4000
    one = [len(spoken(text)) == 1 for text in drawn(replace(BARE, monolingual=share))]
    labelled = [": <" in text for text in drawn(replace(BARE, labelled=share))]
    codes = [
        "it: " in text for text in drawn(replace(BARE, labelled=1.0, codes=share)) if "<it>" in text
    ]
    headed = [" translation" in text for text in drawn(replace(BARE, headed=share))]
    for found in (one, labelled, codes, headed):
        assert sum(found) / len(found) == pytest.approx(share, abs=0.053)


def test_english_heavier_pairs_are_heavier() -> None:
    english = [("en" in spoken(text)) for text in drawn(replace(BARE, pivot=0.5))]
    assert sum(english) / len(english) == pytest.approx(
        0.75, abs=0.035
    )  # half of all, half of half


def test_labels_name_the_language_of_their_line() -> None:
    for text in drawn(replace(BARE, labelled=1.0), 50):
        for line in text.splitlines():
            name, said = line.split(": ")
            assert said == f"<{ {english_name(code): code for code in LANGUAGES}[name] }>"


def test_a_heading_announces_the_language_of_the_second_text() -> None:
    for text in drawn(replace(BARE, headed=1.0), 50):
        heading, _, second = text.splitlines()
        assert heading == f"{english_name(second.strip('<>'))} translation"


def test_an_untranslated_page_is_in_english_where_neither_language_is() -> None:
    headed = drawn(replace(BARE, headed=1.0, untranslated=0.4))
    others = [text for text in headed if "<en>" not in text.splitlines()[1]]
    english = [text for text in others if "<en>" in text.splitlines()[2]]
    kept = [text for text in english if text.startswith("English translation")]
    # Of 12 ordered pairs 6 have no English, and 3 lead into it; 0.05 is over five deviations.
    assert len(kept) / len(headed) == pytest.approx(3 / 12, abs=0.05)
    assert (len(english) - len(kept)) / len(headed) == pytest.approx(0.4 * 6 / 12, abs=0.05)


def test_a_meaning_in_one_language_is_a_monolingual_document() -> None:
    alone = Parallel(key="k", texts={"it": "ciao"})
    assert document(alone, LANGUAGES, BARE, random.Random(0), english_name) == "ciao\n"


def test_without_the_pivot_a_strict_document_is_monolingual() -> None:
    strict = replace(BARE, pairs="pivot")
    others = Parallel(key="k", texts={code: TEXTS[code] for code in ("it", "nl")})
    texts = {
        document(others, LANGUAGES, strict, random.Random(seed), english_name) for seed in range(40)
    }
    assert texts == {"<it>\n", "<nl>\n"}


def test_the_first_language_is_the_pivot() -> None:
    for seed in range(40):
        strict = replace(BARE, pairs="pivot")
        text = document(PARALLEL, ["nl", "en", "it"], strict, random.Random(seed), english_name)
        assert "nl" in spoken(text)


def test_the_cue_is_a_labelled_document_up_to_its_translation() -> None:
    labelled = [
        text for text in drawn(replace(BARE, labelled=1.0), 50) if spoken(text) == ("it", "nl")
    ]
    assert labelled[0] == cue("<it>", "it", "nl", english_name) + " <nl>\n"
