"""Stretches in another language and additions, planted at known characters."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.texts import TEXTS

from ontarget.offtarget.inside import (
    NOTHING,
    Stretch,
    additions,
    by_script,
    by_windows,
    has_foreign_window,
    identify_by_scores,
    look_inside,
    merge,
    small_words,
    unquoted,
    windows_of,
    without_names,
)
from ontarget.offtarget.parts import may_be_mixed, split_parts
from ontarget.offtarget.verdicts import PAPER_RULE, DecisionRule

EN = TEXTS["en"]
LATIN = {
    "it": TEXTS["it"],
    "nl": TEXTS["nl"],
    "ro": TEXTS["ro"],
    "de": [
        "Der Ausschuss wird nächste Woche erneut zusammenkommen, um darüber zu beraten.",
        "Gestern Abend gingen wir am Fluss entlang, bis es zu regnen begann.",
    ],
    "fr": [
        "Le comité se réunira de nouveau la semaine prochaine pour discuter des résultats.",
        "Hier soir, nous avons marché le long de la rivière avant la pluie.",
    ],
}
PLAUSIBLE = [*LATIN, "en"]
latin = pytest.mark.parametrize("code", LATIN)


@given(st.lists(st.integers(1, 50), max_size=40))
def test_windows_cover_every_word_of_a_text_that_is_long_enough(lengths: list[int]) -> None:
    windows = windows_of(lengths)
    covered = {word for first, last in windows for word in range(first, last)}
    sizes = [sum(lengths[first:last]) + last - first for first, last in windows]
    if sum(lengths) + len(lengths) >= 25:
        assert covered == set(range(len(lengths)))
    else:
        assert windows == []
    assert all(size >= 25 for size in sizes) and all(size >= 35 for size in sizes[:-1])
    for first, last in windows[:-1]:  # not a word more than needed
        assert sum(lengths[first : last - 1]) + last - 1 - first < 35


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([], []), ([23], []), ([24], [(0, 1)]), ([10, 10], []), ([10, 10, 10], [(0, 3)]),
        ([40, 40], [(0, 1), (1, 2)]), ([40, 3], [(0, 1), (0, 2)]),
        ([5] * 12, [(0, 6), (3, 9), (6, 12), (6, 12)]),  # the rest begins at the ninth word
        ([5] * 13, [(0, 6), (3, 9), (6, 12), (7, 13)]),
    ],
)  # fmt: skip
def test_a_window_has_thirty_five_letters_and_begins_half_a_window_after_another(
    lengths: list[int], expected: list[tuple[int, int]]
) -> None:
    assert windows_of(lengths) == expected


@latin
@pytest.mark.parametrize("english", EN[:2], ids=["committee", "evening"])
@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
def test_an_english_half_is_found_at_its_characters(
    code: str, english: str, is_first: bool
) -> None:
    for own in LATIN[code]:
        text = f"{english} {own}" if is_first else f"{own} {english}"
        start = 0 if is_first else len(own) + 1
        found = look_inside(text, code, identify_by_scores(code), PLAUSIBLE)
        (stretch,) = found.stretches
        assert stretch.language == "en"
        assert abs(stretch.start - start) <= 25  # some words more or less
        assert abs(stretch.end - (start + len(english))) <= 25
        assert 0.3 < found.foreign_share < 0.7
        assert look_inside(text, code, identify_by_scores(code), ["it", "nl"]) == NOTHING


@latin
def test_a_sentence_has_no_stretch_in_another_language(code: str) -> None:
    for text in LATIN[code]:
        assert look_inside(text, code, identify_by_scores(code), PLAUSIBLE) == NOTHING


@latin
@pytest.mark.parametrize(
    "foreign",
    [
        "\u201cThe committee will meet again next week\u201d",
        '"we walked along the river until it began"',
        "«we walked along the river until it began»",
        "The Committee Will Meet Again Next Week And Walk Along The River",
        "NATO UNO USA",
    ],
)
def test_titles_in_quotation_marks_and_names_are_no_stretch(code: str, foreign: str) -> None:
    for own in LATIN[code]:
        text = f"{own[:-1]}, {foreign}."
        assert look_inside(text, code, identify_by_scores(code), PLAUSIBLE) == NOTHING


def test_a_stretch_in_another_script_is_found_in_russian_text() -> None:
    for own in TEXTS["ru"]:
        text = f"{own} {EN[0]}"
        found = look_inside(text, "ru", None, ())
        assert found.stretches == (Stretch(len(own) + 1, len(text) - 1, "und-Latn"),)
        assert 0.3 < found.foreign_share < 0.6
        assert look_inside(own, "ru", None, ()) == NOTHING


def test_half_of_the_letters_of_small_words_is_a_share_of_a_half() -> None:
    text = "это русская строка из слов of words in another tongue и ещё немного слов"
    found = look_inside(text, "ru", None, ())
    foreign = "of words in another tongue"
    assert [text[s.start : s.end] for s in found.stretches] == [foreign]
    assert found.foreign_share == pytest.approx((len(foreign) + 1) / (len(text) + 1))
    assert found.added == ()


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("Это the committee will meet again тут", "ru", [(4, 33, "und-Latn")]),
        ("Это the committee will meet, again! тут", "ru", [(4, 34, "und-Latn")]),
        ("Это the committee will meet тут", "ru", []),  # 24 letters and spaces
        ("Это The Committee Will Meet Again Soon тут", "ru", []),  # names
        ("Это «the committee will meet again» тут", "ru", []),
        ("Это the committee will\nmeet again тут", "ru", []),  # two runs of less
        ("Это the committee will meet again тут", "it", []),  # the share is of Latin letters
        ("Questo снова встретится комитет на неделе qui", "it", [(7, 41, "und-Cyrl")]),
        ("Ово the committee will meet again", "sr", []),  # written in both scripts
        ("これは昨日の夜に私たちが会議で話し合った重要な問題です", "it", [(0, 27, "und-Kana")]),
        ("Ciao", "it", []), ("", "it", []),
    ],
)  # fmt: skip
def test_runs_of_twenty_five_small_letters_in_a_foreign_script_are_stretches(
    text: str, code: str, expected: list[tuple[int, int, str]]
) -> None:
    assert by_script(text, code) == [Stretch(*each) for each in expected]


def of_digits(texts: Sequence[str]) -> list[str]:
    """A language by whether a window has an x or a z."""
    return ["xx" if "x" in text else "zz" if "z" in text else "" for text in texts]


def test_windows_are_identified_by_their_small_words_and_kept_if_plausible() -> None:
    text = "aaaaaaaaa Bbbbb aaaaaaaaa aaaaaaaaa xxxxxxxxx aaaaaaaaa aaaaaaaaa aaaaaaaaa"
    assert by_windows(text, of_digits, ["xx"]) == [  # four small words each
        Stretch(0, 45, "xx"), Stretch(26, 65, "xx"), Stretch(36, 75, "xx"),
    ]  # fmt: skip
    assert by_windows(text, of_digits, ["zz"]) == [] == by_windows("aaa x", of_digits, ["xx"])
    assert has_foreign_window(text, of_digits, ["xx"])
    assert not has_foreign_window(text, of_digits, ["zz"])
    assert not has_foreign_window(text.replace("x", "a"), of_digits, ["xx", "zz"])
    assert not has_foreign_window("", of_digits, ["xx"])


@given(st.lists(st.sampled_from(["aaaaaaa", "xxxxxx", "zzzz", "Name", "«aaa xxx»"]), max_size=30))
def test_the_quick_search_finds_a_window_if_there_is_one(words: list[str]) -> None:
    text = " ".join(words)
    for plausible in (["xx"], ["zz"], ["xx", "zz"], []):
        found = bool(by_windows(text, of_digits, plausible))
        assert has_foreign_window(text, of_digits, plausible) is found


@pytest.mark.parametrize(
    ("target", "text", "expected"),
    [
        ("it", EN[0], "en"), ("it", TEXTS["it"][0], ""), ("it", TEXTS["nl"][0], "nl"),
        ("it", "42 42 42", ""), ("it", "", ""), ("nb", EN[1], "en"),
        ("lij", EN[0], "en"), ("lij", TEXTS["it"][0], ""),  # eldc does not know Ligurian
        ("lij", TEXTS["nl"][0], ""), ("en", EN[0], ""), ("en", TEXTS["ro"][1], "ro"),
        ("es", "la casa", ""),  # likely in many languages
    ],
)  # fmt: skip
def test_a_window_is_foreign_if_another_language_is_far_likelier(
    target: str, text: str, expected: str
) -> None:
    assert identify_by_scores(target)([text]) == [expected]


def test_the_papers_rule_does_not_split_a_text() -> None:
    text = f"{EN[0]} {EN[1]}"
    assert split_parts(text, DecisionRule()) == EN[:2] and split_parts(text, PAPER_RULE) == []
    assert may_be_mixed(text, {"en": 0.9, "it": 0.1}, 0, DecisionRule())
    assert not may_be_mixed(text, {"en": 0.9, "it": 0.1}, 0, PAPER_RULE)


@pytest.mark.parametrize("code", TEXTS)
def test_ordinary_sentences_have_no_additions(code: str) -> None:
    assert [additions(text) for text in TEXTS[code]] == [(), (), (), ()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sure, here is the translation: La casa.", ("preamble",)),
        ("Certainly! La casa.", ("preamble",)), ("Of course. La casa.", ("preamble",)),
        ("Here is the Italian translation:\nLa casa.", ("preamble",)),
        ("Here's the translated text: La casa.", ("preamble",)),
        ("The translation is: La casa.", ("preamble",)),
        ("Translation: La casa.", ("preamble",)), ("**Translation:** La casa.", ("preamble",)),
        ("Translated text: La casa.", ("preamble",)),
        ("Traduzione: La casa.", ("preamble",)), ("Übersetzung: Das Haus.", ("preamble",)),
        ("Перевод: Дом.", ("preamble",)), ("翻译：房子。", ("preamble",)),
        ("La casa.\n\n(Note: it may also be a house.)", ("note",)),
        ("La casa. Note: it may be a house.", ("note",)),
        ("La casa.\n**Explanation:** a house.", ("note",)),
        ("La casa. Please note that it may be a house.", ("note",)),
        ("Sure! La casa.\nNote: a house.", ("preamble", "note")),
        ("La casa. Sure, here is the translation:", ()),  # not before it
        ("Le note della casa.", ()), ("Notes on a house", ()), ("Surely a house: mine.", ()),
        ("Hier is de vertaling", ()), ("", ()),
    ],
)  # fmt: skip
def test_preambles_and_notes_are_named(text: str, expected: tuple[str, ...]) -> None:
    assert additions(text) == expected


@pytest.mark.parametrize(
    ("stretches", "expected"),
    [
        ([], ()),
        ([(5, 9, "en"), (0, 5, "de")], ((0, 9, "de"),)),  # those that touch are one
        ([(0, 9, "en"), (2, 4, "de")], ((0, 9, "en"),)),
        ([(0, 4, "en"), (5, 9, "en")], ((0, 4, "en"), (5, 9, "en"))),
        ([(7, 9, "fr"), (0, 4, "en"), (3, 8, "de")], ((0, 9, "en"),)),
    ],
)
def test_stretches_that_overlap_are_one_in_the_language_of_the_first(
    stretches: list[tuple[int, int, str]], expected: tuple[tuple[int, int, str], ...]
) -> None:
    merged = merge([Stretch(*each) for each in stretches])
    assert merged == tuple(Stretch(*each) for each in expected)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=12))
def test_merged_stretches_cover_the_same_characters_and_none_twice(
    spans: list[tuple[int, int]],
) -> None:
    merged = merge([Stretch(start, start + size, "en") for start, size in spans])
    covered = [place for each in merged for place in range(each.start, each.end)]
    assert len(covered) == len(set(covered))
    assert set(covered) == {n for start, size in spans for n in range(start, start + size)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("La casa di Maria è a Roma", "casa di è a"), ("NATO e iPhone", "e"),
        ("Roma", "Roma"), ("Roma Milano", ""), ("", ""), ("42 case 中文", "case 中文"),
        ("la l'Aquila e Dell'arte", "la e"), ("昨天 晚上", "昨天 晚上"),
        ("la «bella casa» di Roma", "la di"), ("«casa»", "«casa»"),
    ],
)  # fmt: skip
def test_words_with_a_capital_and_what_is_quoted_are_names(text: str, expected: str) -> None:
    assert without_names(text) == expected


def test_small_words_are_those_outside_quotation_marks_at_their_characters() -> None:
    text = 'la Casa "di questo signore" è 42 «qui» 家'
    assert [text[start:end] for start, end in small_words(text)] == ["la", "è", "家"]
    assert len(unquoted(text)) == len(text)
    assert unquoted(text) == "la Casa                     è 42       家"
