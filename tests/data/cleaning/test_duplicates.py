"""Duplicates against sets, and MinHash against the Jaccard similarity that it estimates."""

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.data.cleaning.duplicates import HASHES, nearly_repeated, repeated, signatures

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


@given(st.lists(st.integers(0, 5) | st.integers(2**64 - 3, 2**64 - 1), max_size=20))
def test_a_pair_is_repeated_if_an_earlier_one_is_equal(fingerprints: list[int]) -> None:
    seen: set[int] = set()
    expected = []
    for each in fingerprints:
        expected.append(each in seen)
        seen.add(each)
    assert repeated(np.array(fingerprints, np.uint64)).tolist() == expected


def four_grams(pair: tuple[str, str]) -> set[tuple[int, str]]:
    """4-grams of letters and digits, of each side for itself."""
    sides = ["".join(char for char in side.casefold() if char.isalnum()) for side in pair]
    return {
        (number, side[start : start + 4])
        for number, side in enumerate(sides)
        for start in range(len(side) - 3)
    }


def jaccard(one: tuple[str, str], other: tuple[str, str]) -> float:
    """The share of common 4-grams."""
    first, second = four_grams(one), four_grams(other)
    return len(first & second) / len(first | second)


def a_text(rng: random.Random, length: int) -> str:
    """Random words."""
    return "".join(rng.choice(ALPHABET + " ") for _ in range(length))


def edited(text: str, rng: random.Random, edits: int) -> str:
    """A text with some letters replaced."""
    letters = list(text)
    for place in rng.sample(range(len(letters)), edits):
        letters[place] = rng.choice(ALPHABET)
    return "".join(letters)


def test_the_share_of_equal_hashes_estimates_the_similarity() -> None:
    """Within four standard errors for each of 200 pairs, and without bias over all of them."""
    rng = random.Random(1)
    errors = []
    for number in range(200):
        pair = a_text(rng, 150), a_text(rng, 150)
        other = edited(pair[0], rng, number % 40), edited(pair[1], rng, number % 40)
        one, two = signatures([pair, other])
        similarity = jaccard(pair, other)
        error = float((one == two).mean()) - similarity
        assert abs(error) <= 4 * (similarity * (1 - similarity) / HASHES) ** 0.5 + 1e-9, similarity
        errors.append(error)
    assert abs(np.mean(errors)) < 4 * 0.5 / (200 * HASHES) ** 0.5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Straße 12, links!", "Street 12"), ("STRASSE 12 LINKS", "street, 12")),
        (("abc", "x"), ("a b c", "X!")),
        (("", ""), ("", "")),
        (("国家图书馆", "İstanbul"), ("国家 图书馆", "İSTANBUL")),
    ],
)
def test_case_punctuation_and_spacing_do_not_matter(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    first, second = signatures([one, other])
    assert (first == second).all()


def test_the_sides_of_a_pair_are_told_apart() -> None:
    rng = random.Random(2)
    one, other = a_text(rng, 200), a_text(rng, 200)
    first, second = signatures([(one, other), (other, one)])
    assert (first == second).mean() < 0.1


def test_a_signature_does_not_depend_on_the_other_pairs() -> None:
    rng = random.Random(3)
    pairs = [(a_text(rng, 60), a_text(rng, 60)) for _ in range(20)]
    together = signatures(pairs)
    assert (together == np.concatenate([signatures([pair]) for pair in pairs])).all()
    assert signatures([]).shape == (0, HASHES)


def test_planted_near_duplicates_are_found_and_the_first_is_kept() -> None:
    """Banding misses a similarity of 0.9 once in 50,000 pairs."""
    rng = random.Random(4)
    originals = [(a_text(rng, 300), a_text(rng, 300)) for _ in range(150)]
    copies = [(edited(source, rng, 1), edited(target, rng, 1)) for source, target in originals]
    others = [(edited(source, rng, 60), edited(target, rng, 60)) for source, target in originals]
    assert all(jaccard(*pair) > 0.9 for pair in zip(originals, copies, strict=True))
    assert all(jaccard(*pair) < 0.6 for pair in zip(originals, others, strict=True))
    signed = signatures([*originals, *others, *copies])
    near = nearly_repeated(signed, np.full(len(signed), 0.8))
    assert near.tolist() == [False] * 300 + [True] * 150


def test_each_pair_has_its_own_limit() -> None:
    rng = random.Random(5)
    source, target = a_text(rng, 300), a_text(rng, 300)
    pairs = [(edited(source, rng, edits), target) for edits in (0, 6, 0, 6)]
    signed = signatures(pairs)
    shares = [float((signed[0] == signed[place]).mean()) for place in range(4)]
    assert 0.7 < shares[1] < 1 and shares[2] == 1
    limits = np.array([0.6, shares[1], 1.0, 1.0])
    assert nearly_repeated(signed, limits).tolist() == [False, True, True, False]
    assert nearly_repeated(signed, np.nextafter(limits, 2)).tolist() == [False, False, False, False]


def test_of_several_alike_only_the_first_is_kept() -> None:
    rng = random.Random(6)
    text = a_text(rng, 300)
    pairs = [(edited(text, rng, 1), text) for _ in range(5)]
    assert all(jaccard(*both) > 0.9 for both in pairwise(pairs))
    signed = signatures(pairs)
    assert nearly_repeated(signed, np.full(5, 0.8)).tolist() == [False, True, True, True, True]
    assert not nearly_repeated(signed[:1], np.full(1, 0.8)).any()
    assert not len(nearly_repeated(signed[:0], np.full(0, 0.8)))
