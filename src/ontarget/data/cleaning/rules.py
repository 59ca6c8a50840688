"""The rules of cleaning: their names, their settings, and the cascade that decides which apply."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

# Why a pair is dropped, in the order in which the rules are asked; the first one counts.
REASONS = {
    "empty": "a side has no letter and no digit",
    "control": "a control, replacement or private-use character",
    "overlap": "a side, or a text of the same row, is in dev or test too",
    "length": "longer than max_characters or max_words",
    "special_tokens": "a special token of the model, which its tokenizer reads as a command",
    "identical": "both sides are the same text",
    "untranslated": "a side is the text of the pivot language, in a pair without it",
    "script": "most letters of a side are in a script that its language is never written in",
    "placeholders": "placeholders differ, such as %s, {name}, $VERSION",
    "tags": "markup differs, such as <b> or <ph id=1/>",
    "urls": "one side has a URL or e-mail address more than the other",
    "numbers": "two numbers or more of three digits on one side, and none of them on the other",
    "language": "a side is in another language than its own, or in several",
    "ratio": "the lengths differ far more than they do elsewhere in this pair of languages",
    "duplicate": "the same pair as an earlier one, but for case, punctuation and spacing",
    "near_duplicate": "nearly the same pair as an earlier one",
}
GLOBAL = ("ratio", "duplicate", "near_duplicate")  # need all pairs, not only the one at hand


def off(value: object) -> object:
    """None for `false`: a limit is turned off like a switch."""
    return None if value is False else value


Count = Annotated[Annotated[int, Field(gt=0, le=10**9)] | None, BeforeValidator(off)]
Deviations = Annotated[Annotated[float, Field(gt=1)] | None, BeforeValidator(off)]
Similarity = Annotated[Annotated[float, Field(gt=0.5, le=1)] | None, BeforeValidator(off)]


def explain(error: ValidationError) -> str:
    """The first fault of rules in one line."""
    first = error.errors()[0]
    place, key = ".".join(map(str, first["loc"])), str(first["loc"][-1])
    if first["type"] == "extra_forbidden":
        known = Rules.model_fields
        close = get_close_matches(key, known, n=1)
        remedy = f"did you mean {close[0]}?" if close else f"expected {', '.join(known)}"
        return f"{place}: is no rule; {remedy}"
    message = first["msg"].removesuffix(" or instance of Rules")
    return f"{place}: found {str(first['input'])[:60]!r}; {message[0].lower()}{message[1:]}"


class Rules(BaseModel):
    """Which pairs are kept. A switch turns a rule on or off; a limit is off where it is false."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    nfc: bool = True  # texts are composed to Unicode's NFC; counted, not dropped
    control: bool = True
    overlap: bool = True
    max_characters: Count = 1000
    max_words: Count = 200  # between spaces, so no limit for Chinese or Thai
    special_tokens: bool = True
    identical: bool = True
    untranslated: bool = True
    script: bool = True
    placeholders: bool = True
    tags: bool = True
    urls: bool = True
    numbers: bool = True
    language: bool = True
    ratio: Deviations = 6  # standard deviations, estimated robustly
    duplicates: bool = True
    near_duplicates: Similarity = None  # Jaccard's, of 4-grams of characters, such as 0.9

    def changed(self, changes: "Rules") -> "Rules":
        """These rules with what `changes` sets explicitly."""
        given = changes.model_fields_set & set(Rules.model_fields)
        return self.model_copy(update={name: getattr(changes, name) for name in given})


class Cascade(Rules):
    """Rules for all pairs, and changes for languages, pairs of them and corpora.

    What is set later decides: defaults < source language < target language < pair < corpus.
    """

    languages: Mapping[str, Rules] = {}  # {zh: {max_words: false}}
    pairs: Mapping[str, Rules] = {}  # {en-zh: {ratio: 8}}, in either order
    corpora: Mapping[str, Rules] = {}  # {train.tsv: {language: false}}, by the file's name

    def rules_for(self, source_lang: str, target_lang: str, corpus: str) -> Rules:
        """The rules for a pair of languages in a corpus."""
        rules: Rules = self
        changes = (
            self.languages.get(source_lang),
            self.languages.get(target_lang),
            self.pairs.get(f"{target_lang}-{source_lang}"),
            self.pairs.get(f"{source_lang}-{target_lang}"),
            self.corpora.get(corpus),
        )
        for change in changes:
            if change is not None:
                rules = rules.changed(change)
        return rules

    @property
    def all_rules(self) -> tuple[Rules, ...]:
        """These rules, and what each single change makes of them."""
        changes = (*self.languages.values(), *self.pairs.values(), *self.corpora.values())
        return (self, *(self.changed(change) for change in changes))


def row_of(key: str) -> str:
    """The row that a sample is from: `train.tsv:17` of `train.tsv:17/en-it`."""
    return key.rpartition("/")[0]


def corpus_of(key: str) -> str:
    """The corpus that a sample is from: `train.tsv` of `train.tsv:17/en-it`."""
    return row_of(key).rpartition(":")[0]
