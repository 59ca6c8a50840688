"""What has no language is masked before any detector reads a text, and nothing else is changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.texts import TEXTS

from ontarget.offtarget.normalise import is_in_capitals, normalise

MASKED = [  # what it is, a text with it, and what else is in the text
    ("a URL", "siehe https://a.b/c?d=e#f hier", "siehe hier"),
    ("a URL of a file", "siehe file:///etc/x hier", "siehe hier"),
    ("a URL without a scheme", "siehe www.beispiel.de/x hier", "siehe hier"),
    ("a domain", "siehe beispiel.com hier", "siehe hier"),
    ("a domain with a path", "siehe beispiel.de/neu hier", "siehe hier"),
    ("a file", "siehe liste.html hier", "siehe hier"),
    ("an address", "an a.b+c@d-e.org heute", "an heute"),
    ("markup", '<b>fett</b> und <a href="x">hier</a>', "fett und hier"),
    ("a special token", "gut <|im_end|>", "gut"),
    ("a special token in angle brackets", "gut </s>", "gut"),
    ("a special token in brackets", "[INST] gut [/INST]", "gut"),
    ("code", "der Aufruf `f(x)` hier", "der Aufruf hier"),
    ("a block of code", "so:\n```py\nf(x)\n``` hier", "so: hier"),
    ("a formula's gap", "man nimmt sin(<?>) an der Stelle", "an der Stelle"),
    ("a user", "von @maria_1 gesagt", "von gesagt"),
    ("a tag", "heute #sonne und", "heute und"),
    ("a named reference", "dies &amp; das", "dies das"),
    ("a numeric reference", "dies &#39; das &#x27; jenes", "dies das jenes"),
    ("a placeholder in braces", "{name} und {0} und {a.b:.2}", "und und"),
    ("a placeholder in two braces", "hallo {{ user }}!", "hallo !"),
    ("a shell placeholder", "in ${HOME} liegt", "in liegt"),
    ("a dollar name", "in $HOME liegt $x$", "in liegt"),
    ("a format", "%s und %d und %(n)s und %5.2f", "und und und"),
    ("an environment name", "in %PATH% liegt", "in liegt"),
    ("a path with a drive", r"in C:\Windows\System liegt", "in liegt"),
    ("an identifier", "die Variable foo_bar ist", "die Variable ist"),
]


@pytest.mark.parametrize(
    ("text", "rest"), [row[1:] for row in MASKED], ids=[row[0] for row in MASKED]
)
def test_what_has_no_language_becomes_spaces_of_its_length(text: str, rest: str) -> None:
    masked = normalise(text)
    assert masked.split() == rest.split()
    assert len(masked) == len(text)
    assert all(now in (before, " ") for before, now in zip(text, masked, strict=True))


@pytest.mark.parametrize(
    "text",
    [
        "100 % der Fälle, 50% davon", "Er zahlte $5 und 7 €.", "a < b > c", "Z. B. um 12:30 Uhr",
        "il 3.500 e il 4.2", "und/oder so", "1/2/2024", "Fragen & Antworten", "Nr. #", "a ~ b | c",
        "Das ist Satz eins.Das ist Satz zwei", "{ein langer Satz, mit Fragezeichen?}",
        "(in Klammern) [eckigen] «und» „so“", "", "42",
    ],
)  # fmt: skip
def test_punctuation_of_ordinary_text_is_kept(text: str) -> None:
    assert normalise(text) == text


@pytest.mark.parametrize("text", [text for texts in TEXTS.values() for text in texts])
def test_ordinary_sentences_are_the_same_object(text: str) -> None:
    assert normalise(text) is text


@pytest.mark.parametrize("code", TEXTS)
def test_a_text_in_capitals_is_lower_cased(code: str) -> None:
    for text in TEXTS[code]:
        assert normalise(text.upper()) == text.lower()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PRESIDENTE DELLA REPUBBLICA", "presidente della repubblica"),
        ("ΑΘΗΝΑ ΕΙΝΑΙ", "αθηνα ειναι"), ("ПРИВЕТ, МИР", "привет, мир"),
        ("ՀԱՅԱՍՏԱՆ", "հայաստան"), ("NEU: DIE 42 BESTEN", "neu: die 42 besten"),
        ("IN %s DATEIEN", "in    dateien"),
        ("La NATO ha scritto alla UE", "La NATO ha scritto alla UE"),
        ("Die USA und die UNO", "Die USA und die UNO"),  # 8 of 15
        ("A", "A"), ("Ich", "Ich"), ("日本 NATO の", "日本 NATO の"),
        ("NATO 日本", "nato 日本"), ("ABC de", "ABC de"),
    ],
)  # fmt: skip
def test_acronyms_in_a_text_stay_and_a_text_of_capitals_does_not(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("upper", "others", "expected"),
    [(0, 0, False), (1, 0, False), (2, 0, True), (3, 2, False), (31, 20, True), (6, 4, False),
     (7, 4, True), (0, 9, False)],
)  # fmt: skip
def test_more_than_three_fifths_of_the_letters_make_capitals(
    upper: int, others: int, expected: bool
) -> None:
    for other in "b文א":  # letters without case are none
        assert is_in_capitals("A" * upper + other * others + "42 !") is expected


words = st.sampled_from(
    [row[1] for row in MASKED] + [text for texts in TEXTS.values() for text in texts[:2]] + ["NATO"]
)


@given(st.lists(words, max_size=5))
def test_a_normalised_text_is_normalised(parts: list[str]) -> None:
    once = normalise(" ".join(parts))
    assert normalise(once) == once


@given(st.text(st.characters(exclude_characters="<>@#{}$`\\[|_~%:.&", max_codepoint=0x2FF)))
def test_without_a_sign_of_code_only_the_case_may_change(text: str) -> None:
    assert normalise(text) in (text, text.lower())
