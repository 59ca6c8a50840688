"""Text of unknown origin in Markdown: escaped, and harmless to a terminal."""

from dataclasses import replace

from support.reports import SCORE, a_report

from ontarget.report import page
from ontarget.report.render.formatting import escape_markdown


def test_control_characters_in_a_table_are_written_out() -> None:
    assert escape_markdown("a\x1b[31m\u202e b\n\u200cc") == "a\\x1b\\[31m\\u202e b \u200cc"


def test_a_signature_is_literal_text_in_the_markdown_report() -> None:
    score = replace(SCORE, detector="lid:`<img src=x>\x1b[31m\n# Heading")
    text = page.render_markdown(replace(a_report(), scores=(score,)))
    assert "- lid:\\`\\<img src=x\\>\\x1b\\[31m \\# Heading\n" in text
