"""The exact text of prompts, and what is wrong with a template."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontarget.languages.names import english_name
from ontarget.models.templates import TEMPLATES, fill_template, template_fault
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


@given(st.text())
def test_the_source_is_in_the_prompt_unchanged(source: str) -> None:
    sample = Sample(
        key="k", source_lang="it", asked_lang="nl", target_lang="nl", source=source, target="t"
    )
    for template in TEMPLATES.values():
        before, after = template.split("{input}")
        text = fill_template(sample, template, english_name)
        assert text.endswith(source + after)
        assert len(text) == len(source + after) + len(
            before.replace("{source}", "Italian").replace("{target}", "Dutch")
        )


@pytest.mark.parametrize("template", [*TEMPLATES.values(), "{target}: {input}", "{input}{target}"])
def test_a_template_need_not_name_the_source_language(template: str) -> None:
    assert template_fault(template) is None


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("Translate {input}", "has the fields input; expected input and target once"),
        ("nothing", "has the fields none"),
        ("{source} {target} {input} {input}", "has the fields input, input, source, target"),
        ("{source} {source} {target} {input}", "source at most once"),
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
    assert "has the fields none" in (template_fault("translate this") or "")
