"""Documents of step 0: their content, its frequencies, and what they never contain."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.base_model.documents import Document, DocumentMix, compose_document
from ontarget.languages.names import english_name
from ontarget.models.templates import CUE
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
    DocumentMix, monolingual=shares, headed=halves, labelled=halves, codes=shares,
    untranslated=shares, pivot=shares, pairs=st.sampled_from(["any", "pivot"]),
)  # fmt: skip


def sample_documents(mix: DocumentMix, count: int = 4000) -> list[Document]:
    return [
        compose_document(PARALLEL, LANGUAGES, mix, random.Random(index), english_name)
        for index in range(count)
    ]


def languages_in(text: str) -> list[str]:
    return [line.split("<")[1][:2] for line in text.splitlines() if "<" in line]


def context_language(document: Document) -> str:
    (code,) = languages_in(document.context)
    return code


def continuation_languages(document: Document) -> list[str]:
    return [code for text in document.continuations for code in languages_in(text)]


@given(mixes, st.integers(0, 2**32))
def test_each_continuation_is_one_sentence_in_another_language(mix: DocumentMix, seed: int) -> None:
    document = compose_document(PARALLEL, LANGUAGES, mix, random.Random(seed), english_name)
    assert document.continuations
    for text in document.continuations:
        assert text.endswith("\n")
        codes = languages_in(document.context + text)
        assert len(codes) == len(set(codes)) == (2 if document.context else 1)
        if mix.pairs == "pivot" and document.context:
            assert "en" in codes
    assert len(set(continuation_languages(document))) == len(document.continuations)


def test_every_language_is_equally_often_first_and_continued_in_all_others() -> None:
    bare = sample_documents(BARE, 12_000)
    counts = Counter(map(context_language, bare))
    # 238 is five standard deviations of a binomial(12000, 1/4)
    assert all(abs(counts[code] - 3000) < 238 for code in LANGUAGES)
    assert all(
        {context_language(document), *continuation_languages(document)} == set(LANGUAGES)
        for document in bare
    )


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_documents_have_the_probabilities_of_the_mix(share: float) -> None:
    # 0.037 is five standard deviations of a share of 0.3 in 4000
    monolingual = [
        not document.context for document in sample_documents(replace(BARE, monolingual=share))
    ]
    labelled = [
        ": <" in document.context for document in sample_documents(replace(BARE, labelled=share))
    ]
    coded = sample_documents(replace(BARE, labelled=1.0, codes=share))
    codes = [f"{context_language(document)}: " in document.context for document in coded]
    headed = [
        " translation" in document.context
        for document in sample_documents(replace(BARE, headed=share))
    ]
    for outcomes in (monolingual, labelled, codes, headed):
        assert sum(outcomes) / len(outcomes) == pytest.approx(share, abs=0.053)


def test_pairs_with_the_pivot_can_be_made_more_frequent() -> None:
    alone = [
        continuation_languages(document) == ["en"]
        for document in sample_documents(replace(BARE, pivot=0.5))
    ]
    # Half are pairs with English, and half of these start with the other language.
    assert sum(alone) / len(alone) == pytest.approx(0.25, abs=0.035)


def test_labels_name_the_language_of_their_line() -> None:
    for document in sample_documents(replace(BARE, labelled=1.0), 50):
        for line in (document.context + "".join(document.continuations)).splitlines():
            name, text = line.split(": ")
            assert text == f"<{ {english_name(code): code for code in LANGUAGES}[name] }>"


def test_a_heading_names_the_language_of_the_continuation() -> None:
    for document in sample_documents(replace(BARE, headed=1.0), 50):
        heading, _ = document.context.splitlines()
        (code,) = continuation_languages(document)
        assert heading == f"{english_name(code)} translation"


def test_untranslated_pages_continue_in_english() -> None:
    headed = sample_documents(replace(BARE, headed=1.0, untranslated=0.4))
    english = [
        document
        for document in headed
        if context_language(document) != "en" and continuation_languages(document) == ["en"]
    ]
    kept = [document for document in english if document.context.startswith("English translation")]
    # Of 12 ordered pairs 6 are without English and 3 end in it; 0.05 exceeds five deviations.
    assert len(kept) / len(headed) == pytest.approx(3 / 12, abs=0.05)
    assert (len(english) - len(kept)) / len(headed) == pytest.approx(0.4 * 6 / 12, abs=0.05)


def test_a_row_in_one_language_gives_a_monolingual_document() -> None:
    alone = Parallel(key="k", texts={"it": "ciao"})
    document = compose_document(alone, LANGUAGES, BARE, random.Random(0), english_name)
    assert document == Document(context="", continuations=("ciao\n",))


def test_strict_documents_without_the_pivot_are_monolingual() -> None:
    strict = replace(BARE, pairs="pivot")
    others = Parallel(key="k", texts={code: TEXTS[code] for code in ("it", "nl")})
    document = {
        compose_document(others, LANGUAGES, strict, random.Random(seed), english_name)
        for seed in range(40)
    }
    assert document == {
        Document(context="", continuations=("<it>\n",)),
        Document(context="", continuations=("<nl>\n",)),
    }


@given(mixes, st.integers(0, 2**32))
def test_strict_documents_learn_their_context(mix: DocumentMix, seed: int) -> None:
    document = compose_document(PARALLEL, LANGUAGES, mix, random.Random(seed), english_name)
    assert document.learn_context == (mix.pairs == "pivot" and document.context != "")


def test_the_first_language_is_the_pivot() -> None:
    strict = replace(BARE, pairs="pivot")
    for seed in range(40):
        document = compose_document(
            PARALLEL, ["nl", "en", "it"], strict, random.Random(seed), english_name
        )
        assert continuation_languages(document) == (
            ["en", "it"] if context_language(document) == "nl" else ["nl"]
        )


def test_the_cue_is_a_labelled_document_up_to_its_translation() -> None:
    labelled = sample_documents(replace(BARE, labelled=1.0), 50)
    document = next(each for each in labelled if context_language(each) == "it")
    assert document.continuations[1] == "Dutch: <nl>\n"
    cue = CUE.format(source="Italian", target="Dutch", input="<it>")
    assert document.context + document.continuations[1] == f"{cue} <nl>\n"
