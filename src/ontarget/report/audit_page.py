"""The page of an audit of training pairs, and the same in plain text.

Pairs are text of corpora, and untrusted: on the page they are escaped, and characters that are
invisible or turn the direction of a text are shown as code points.
"""

from typing import NamedTuple

import regex

from ontarget import __version__
from ontarget.data.cleaning.counts import AuditSummary
from ontarget.data.cleaning.rules import REASONS
from ontarget.errors import visible
from ontarget.report.assets import content_security_policy, page_template, read_asset
from ontarget.report.figures import audits
from ontarget.report.render.formatting import text_table

SCRIPTS = ("report.js",)
STYLES = ("report.css", "audit.css")
SHOWN = 600  # characters of a sample's text
# As in the segment browser: joiners (U+200C, U+200D) are part of ordinary words.
HIDDEN = regex.compile(
    r"([\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u3164\uffa0\u115f\u1160--[\u200c\u200d]])", regex.V1
)


class ShownText(NamedTuple):
    """The beginning of a text."""

    pieces: tuple[str, ...]  # ordinary text and code points in turn, "U+202E"
    more: int  # characters that are left out


def render_audit(summary: AuditSummary, title: str) -> str:
    """The HTML page."""
    scripts, styles = list(map(read_asset, SCRIPTS)), list(map(read_asset, STYLES))
    return page_template("audit.html").render(
        summary=summary,
        title=visible(title),
        visible=visible,
        policy=content_security_policy(scripts, styles),
        scripts=scripts,
        styles=styles,
        version=__version__,
        funnel=audits.draw_funnel(summary),
        unused=[reason for reason in REASONS if reason not in summary.dropped],
        groups=audits.group_table(summary),
        charts=audits.draw_lengths(summary),
        models=audits.model_table(summary),
        example=audits.EXAMPLE,
        title_of_pair=audits.title_of_pair,
        show_text=show_text,
        share_of=audits.share_of,
    )


def show_text(text: str) -> ShownText:
    """The beginning of a text, without characters that nobody would see."""
    parts = HIDDEN.split(text[:SHOWN])
    pieces = (f"U+{ord(part):04X}" if place % 2 else part for place, part in enumerate(parts))
    return ShownText(tuple(pieces), max(0, len(text) - SHOWN))


def audit_lines(summary: AuditSummary) -> list[str]:
    """The funnel and the pairs of each corpus as plain text."""
    rows = [("read", summary.read)]
    rows += [(f"- {reason}: {REASONS[reason]}", count) for reason, count in summary.dropped.items()]
    rows += [("kept", summary.kept)]
    funnel = [(name, f"{count:,}", audits.share_of(count, summary.read)) for name, count in rows]
    table = audits.group_table(summary)
    cells = [[cell.text for cell in row[:5]] for row in table.rows]
    lines = text_table(("pairs", "number", "share"), funnel)
    return [*lines, "", *text_table(table.columns[:5], cells)]
