"""The exact text of prompts, and what is wrong with a template."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.models.templates import (
    NAMED,
    TEMPLATES,
    PromptFormat,
    fill_request,
    fill_template,
    prompt_format_of,
    template_fault,
)
from ontarget.records import Sample

SAMPLE = Sample(
    key="k", source_lang="it", asked_lang="nl", target_lang="en", source="{x} Ciao.", target="Hi."
)


def test_the_prompt_of_the_paper_is_exact() -> None:
    assert fill_template(SAMPLE, PromptFormat(template=TEMPLATES["alpaca"])) == (
        "Below is an instruction that describes a task, paired with an input that provides further "
        "context. Write a response that appropriately completes the request.\n\n### Instruction:\n"
        "Translate the following sentences from Italian to Dutch.\n\n### Input:\n{x} Ciao.\n\n"
        "### Response:"
    )


@given(st.text(), st.sampled_from(sorted(TEMPLATES)))
def test_the_source_is_in_the_prompt_once_and_unchanged(source: str, name: str) -> None:
    """The oracle replaces fields one by one; languages first, since a source may look like one."""
    sample = Sample(
        key="k", source_lang="it", asked_lang="nl", target_lang="nl", source=source, target="t"
    )
    values = {"source": "Italian", "target": "Dutch", "source_code": "it", "target_code": "nl"}
    expected = TEMPLATES[name]
    for field, value in values.items():
        expected = expected.replace("{" + field + "}", value)
    before, after = expected.split("{input}")
    request = fill_request(sample, PromptFormat(template=TEMPLATES[name]))
    if isinstance(request, str):
        assert request == before + source + after
    else:
        text = before + json.dumps(source)[1:-1] + after
        assert request == json.loads(text)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_conflict_sample_changes_every_mention_of_the_target(name: str) -> None:
    """The language of the true sample is in no part of the conflict's request."""
    true = replace(SAMPLE, asked_lang="fi", source_lang="en", source="x")
    conflict = replace(true, asked_lang="hu")
    first, second = (
        json.dumps(fill_request(s, PromptFormat(template=TEMPLATES[name])))
        for s in (true, conflict)
    )
    mentions = len(re.findall("Finnish|(?<![a-z])fi(?![a-z])", first))
    assert mentions == len(re.findall(r"\{target(?:_code)?\}", TEMPLATES[name])) > 0
    assert re.sub("Finnish", "Hungarian", re.sub("(?<![a-z])fi(?![a-z])", "hu", first)) == second


def test_a_template_may_name_languages_by_code_and_as_often_as_it_likes() -> None:
    template = "{source} ({source_code}) to {target} ({target_code}), {target}: {input}"
    assert fill_template(SAMPLE, PromptFormat(template=template)) == (
        "Italian (it) to Dutch (nl), Dutch: {x} Ciao."
    )


@pytest.mark.parametrize(
    "template",
    [
        "[{source_code}] [{target_code}] {input}",
        '[{"from": "{source_code}", "to": "[{target_code}]", "text": "{input}"}]',
    ],
)
def test_codes_are_written_as_the_prompt_format_says(template: str) -> None:
    """Those that it does not list are the languages' own."""
    form = PromptFormat(template=template, codes=(("nl", "nld_Latn"),))
    request = json.dumps(fill_request(SAMPLE, form))
    assert "[nld_Latn]" in request and "nl]" not in request
    assert re.search(r'\W"?it\b', request)


@pytest.mark.parametrize("name", ["alma", "plain", "alpaca"])
def test_a_template_for_both_is_a_turn_of_a_chat_only_on_request(name: str) -> None:
    assert not prompt_format_of(name).chat and not prompt_format_of(name, chat=False).chat
    assert prompt_format_of(name, chat=True).chat


def test_the_name_of_a_chat_template_is_enough() -> None:
    for name, template in NAMED.items():
        assert prompt_format_of(name).chat == bool(template.chat)
    assert prompt_format_of(TEMPLATES["translategemma"]).chat
    assert not prompt_format_of("{target}: {input}").chat


@pytest.mark.parametrize(
    ("template", "chat", "fault"),
    [
        ("tower", False, "chat: the template tower is a turn of a chat; leave chat out"),
        ("madlad", True, "chat: the template madlad is no turn of a chat; leave chat out"),
        (TEMPLATES["translategemma"], False, "chat: the template in JSON is a turn of a chat"),
        ("{target}", None, "template: has the fields target; .*; or use one of alpaca, plain,"),
    ],
)
def test_a_contradiction_is_refused(template: str, chat: bool | None, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        prompt_format_of(template, chat)


@pytest.mark.parametrize(
    "template", [*TEMPLATES.values(), "{target}: {input}", "{input}{target_code}"]
)
def test_a_template_need_not_name_the_source_language(template: str) -> None:
    assert template_fault(template) is None


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("Translate {input}", "has the fields input; expected input once, target or"),
        ("nothing at all", "has the fields none"),
        ("{source} {target} {input} {input}", "has the fields input, input, source, target"),
        ("{target} {language} {input}", "has the fields input, language, target"),
        ('[{"text": "{input}"}]', "has the fields input; expected"),
        ('[{"text": "{target} {input"}]', "is not a template"),
        ('[{"text": ["{target} {input}"]}]', "formats a field with : or !"),
        ("{target:.0} {input}", "formats a field with : or !; write {input}"),
        ("{target} {input!r}", "formats a field with : or !; write {input}"),
        ("{source} {target} {input} {}", "has the fields , input"),
        ("{source} {target} {input", "is not a template"),
    ],
)
def test_the_fault_of_an_unusable_template_is_described(template: str, fault: str) -> None:
    assert fault in (template_fault(template) or "")


def test_a_backslash_and_an_n_are_not_a_line_break() -> None:
    fault = template_fault(r"Translate into {target}: {input}\n")
    assert fault == "has a backslash and an n where a line break is meant; write a real one"


def test_a_misspelt_template_name_gives_a_suggestion() -> None:
    fault = template_fault("plian")
    assert fault == "is 'plian', not the name of a template; did you mean plain?"
    assert template_fault("nope") == (
        "is 'nope', not the name of a template; write one with {input} and {target}"
    )
    assert "has the fields none" in (template_fault("translate this") or "")


ITALIAN = replace(SAMPLE, source_lang="en", asked_lang="it", source="Hi.")


@pytest.mark.parametrize(
    ("source", "requested", "text"),
    [
        ("en", "it", "Traduci il testo seguente. Lingua di partenza: inglese. Lingua di arrivo: "
         "italiano."),
        ("it", "de", "Übersetze den folgenden Text. Ausgangssprache: Italienisch. Zielsprache: "
         "Deutsch."),
        ("de", "zh", "请翻译以下文本。源语言：德语。目标语言：中文。"),
        ("de", "zho_Hant", "請翻譯以下文字。來源語言：德文。目標語言：中文（繁體）。"),
        ("it", "en", "Translate the following text. Source language: Italian. Target language: "
         "English."),
        ("it", "sw", "Translate the following text. Source language: Italian. Target language: "
         "Swahili."),
    ],
)  # fmt: skip
def test_target_language_requests_in_the_requested_language(
    source: str, requested: str, text: str
) -> None:
    sample = replace(ITALIAN, source_lang=source, asked_lang=requested)
    filled = fill_template(sample, prompt_format_of("target-language"))
    assert filled.replace(" (繁體)", "（繁體）") == f"{text}\n\nHi.\n"


def test_every_instruction_of_the_table_names_both_languages_once() -> None:
    form = prompt_format_of("target-language")
    languages = dict(form.by_target)
    assert len(languages) == 27
    assert {"en", "de", "zh", "cs", "ja", "ru", "uk", "fr", "it", "nl", "ro", "es"} <= set(
        languages
    )
    for text in languages.values():
        assert template_fault(text) is None
        assert text.count("{source}") == text.count("{target}") == 1


def test_a_mapping_has_a_template_for_each_requested_language_and_a_default() -> None:
    form = prompt_format_of({"default": "plain", "it": "Da {source} a {target}: {input}"})
    assert fill_template(ITALIAN, form) == "Da inglese a italiano: Hi."
    assert fill_template(replace(ITALIAN, asked_lang="nl"), form) == "Translate into Dutch: Hi.\n"


def test_a_language_that_cldr_does_not_name_has_the_name_of_the_recipe() -> None:
    form = replace(
        prompt_format_of({"default": "plain", "kbp": "{source}, {target}: {input}"}),
        names=(("kbp", "Kabiye"),),
    )
    assert fill_template(replace(ITALIAN, asked_lang="kbp"), form) == "English, Kabiye: Hi."
    italian = prompt_format_of({"default": "plain", "it": "{source}, {target}: {input}"})
    of_kabiye = replace(ITALIAN, source_lang="kbp")
    assert fill_template(of_kabiye, replace(italian, names=form.names)) == "Kabiye, italiano: Hi."


def test_training_spreads_samples_over_the_wordings_and_a_conflict_keeps_its_own() -> None:
    form = prompt_format_of("plain", wordings=["alpaca", "In {target}: {input}"])
    expected = {TEMPLATES["plain"], TEMPLATES["alpaca"], "In {target}: {input}"}
    chosen = [form.in_training(replace(SAMPLE, key=str(n))).template for n in range(300)]
    assert set(chosen) == expected
    assert all(80 <= chosen.count(text) <= 120 for text in expected)
    again = [
        form.in_training(replace(SAMPLE, key=str(n), asked_lang="fi")).template for n in range(300)
    ]
    assert again == chosen


def test_translation_has_the_template_and_no_other_wording() -> None:
    form = prompt_format_of("plain", wordings=["In {target}: {input}"])
    assert {fill_template(replace(SAMPLE, key=str(n)), form) for n in range(20)} == {
        "Translate into Dutch: {x} Ciao.\n"
    }


@pytest.mark.parametrize(
    ("template", "wordings", "message"),
    [
        ({"it": "{target} {input}"}, (), "template: has no default; add the one for all other "
         "languages"),
        ({"default": "plain", "it": "{input}"}, (), "template.it: has the fields input; expected "
         "input once, target or target_code at least once, source and source_code as often as you "
         f"like; or use one of {', '.join(TEMPLATES)}"),
        ({"default": "target-language", "it": "plain"}, (), "template: target-language has all "
         "languages; give it alone"),
        ("plain", ["target-language"], "wordings: target-language has all languages; give it "
         "alone"),
        ("target-language", ["plain"], "wordings: the template depends on the language; leave one "
         "of them out"),
        ({"default": "plain", "it": "alma"}, ["alma"], "wordings: the template depends on the "
         "language; leave one of them out"),
        ("translategemma", ["instruction"], "wordings: a template in JSON has no others beside "
         "it; give texts"),
        ("instruction", ["plain"], "wordings: some templates are turns of a chat and some are not; "
         "set chat"),
    ],
)  # fmt: skip
def test_templates_that_cannot_stand_together_are_refused(
    template: str | dict[str, str], wordings: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        prompt_format_of(template, wordings=wordings)
