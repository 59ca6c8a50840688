"""The exact text of prompts, and what is wrong with a template."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.languages.names import english_name
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
    assert fill_template(SAMPLE, TEMPLATES["alpaca"], english_name) == (
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
    request = fill_request(sample, TEMPLATES[name], english_name)
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
        json.dumps(fill_request(s, TEMPLATES[name], english_name)) for s in (true, conflict)
    )
    mentions = len(re.findall("Finnish|(?<![a-z])fi(?![a-z])", first))
    assert mentions == len(re.findall(r"\{target(?:_code)?\}", TEMPLATES[name])) > 0
    assert re.sub("Finnish", "Hungarian", re.sub("(?<![a-z])fi(?![a-z])", "hu", first)) == second


def test_a_template_may_name_languages_by_code_and_as_often_as_it_likes() -> None:
    template = "{source} ({source_code}) to {target} ({target_code}), {target}: {input}"
    assert fill_template(SAMPLE, template, english_name) == (
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
    request = json.dumps(fill_request(SAMPLE, form.template, english_name, form.code))
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
