"""The page of an audit: self-contained, safe with hostile text, complete, and readable aloud."""

import base64
import hashlib
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from support.reports import HOSTILE

from ontarget.data.cleaning.counts import EDGES, AuditSummary, DroppedPair, GroupCounts
from ontarget.data.cleaning.ratios import LengthModel
from ontarget.data.cleaning.rules import REASONS
from ontarget.report.audit_page import SHOWN, audit_lines, render_audit, show_text
from ontarget.report.figures import audits

BANDS = len(EDGES)
PAIR = DroppedPair(
    key="a.tsv:7/en-it", source_lang="en", target_lang="it", source="From 1914 to 1918",
    target="Dal 1941 al 1981", reason="numbers", detail="",
)  # fmt: skip


def a_group(target: str, corpus: str, read: int, **dropped: int) -> GroupCounts:
    """Kept pairs have sources of 10 to 19 characters, and targets of 1000 or more."""
    kept = read - sum(dropped.values())
    return GroupCounts(
        source_lang="en", target_lang=target, corpus=corpus, read=read, dropped=dropped,
        source_lengths=(0, kept, *[0] * (BANDS - 2)), target_lengths=(*[0] * (BANDS - 1), kept),
    )  # fmt: skip


def a_summary(text: str = "plain") -> AuditSummary:
    """Of 30,000 pairs in two corpora; `text` is in all places for untrusted text."""
    pair = replace(PAIR, key=text, source=text, target=text, detail=text)
    return AuditSummary(
        groups=(
            a_group("it", text, 20_000, numbers=1_000, near_duplicate=4),
            a_group("he", text, 9_000),
            a_group("it", "b.tsv", 1_000, numbers=1_000),
        ),
        models={"en-it": LengthModel(1.25, 0.5, 2.0)},
        composed=1234,
        samples=(pair, PAIR, replace(PAIR, reason="near_duplicate", target="שלום עולם")),
    )


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": [], "caption": [], "bdi": []}
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag = self.elements[-1][0] if self.elements else ""
        if tag in self.inside and data.strip():
            self.inside[tag].append(data)
        if tag not in ("script", "style"):
            self.texts.append(data)

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]

    def text(self) -> str:
        """What a reader sees, with single spaces."""
        return " ".join("".join(self.texts).split())

    def having(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.elements if name in attributes]


def page(text: str = "plain", title: str = "demo") -> Page:
    return Page(render_audit(a_summary(text), title))


def test_hostile_text_stays_text() -> None:
    hostile, plain = page(HOSTILE, HOSTILE), page()
    assert [tag for tag in hostile.tags if tag != "span"] == [
        tag for tag in plain.tags if tag != "span"
    ]
    assert {name for _, x in hostile.elements for name in x} == {
        name for _, x in plain.elements for name in x
    }
    shown = HOSTILE.replace("\u202e", "U+202E")
    assert shown in hostile.text()
    assert "\u202e" not in hostile.text()


def test_the_page_contains_no_reference_to_other_files() -> None:
    parsed = page(HOSTILE)
    assert not {"link", "img", "iframe", "object", "base"} & set(parsed.tags)
    names = {name for _, attributes in parsed.elements for name in attributes}
    assert not names & {"src", "style", "action"}
    assert not [name for name in names if name.startswith("on")]
    assert all(value.startswith("#") for value in parsed.having("href"))
    for style in parsed.inside["style"]:
        assert "url(" not in style and "@import" not in style


def test_the_policy_allows_only_our_scripts_and_styles() -> None:
    parsed = page(HOSTILE)
    templates = files("ontarget.report") / "templates"
    ours = {
        "script": [(templates / "report.js").read_bytes()],
        "style": [(templates / name).read_bytes() for name in ("report.css", "audit.css")],
    }
    hashes = {
        kind: " ".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in texts
        )
        for kind, texts in ours.items()
    }
    (policy,) = [value for value in parsed.having("content") if "default-src" in value]
    assert policy == (
        f"default-src 'none'; script-src {hashes['script']}; style-src {hashes['style']}; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    )
    for kind, texts in ours.items():
        assert [text.encode() for text in parsed.inside[kind]] == texts


def test_the_page_shows_what_is_read_dropped_and_kept() -> None:
    text = page().text()
    for expected in (
        "demo: training pairs", "kept93.3 %", "pairs read30,000", "pairs kept27,996",
        "pairs dropped2,004", "composed1,234", "kept 93.3 %", "dropped 6.7 %",
        f"numbers {REASONS['numbers']} 2,000 dropped (6.7 %) 28,000 left",
        "4 dropped (< 0.1 %) 27,996 left", "kept 27,996 pairs (93.3 %)",
        "No pair was dropped by: empty, control,", "English and Hebrew 9,000 kept pairs",
        "en-it1.252.00104 to 166", "numbers 2 of 2,000:",
    ):  # fmt: skip
        assert expected in text, expected


def test_bars_are_as_long_as_their_counts_and_have_text() -> None:
    markup = render_audit(a_summary(), "demo")
    widths = re.findall(r'<rect class="fill-dropped" width="([\d.]+)%" height="12">', markup)
    assert widths == ["100.00", "0.20"]  # 2,000 and 4
    parsed = Page(markup)
    for tag, attributes in parsed.elements:
        if tag == "svg" and "aria-hidden" not in attributes:
            assert attributes.get("class", "").split()[0] in ("up", "area", "across")
    plots = [x for _, x in parsed.elements if x.get("class") == "plot"]
    assert [x["role"] for x in plots] == ["img", "img"]
    assert plots[0]["aria-label"] == "Lengths of kept pairs, en-it; the table below has the numbers"


def test_every_table_has_a_caption_and_a_file_name() -> None:
    parsed = page()
    assert [x["data-name"] for tag, x in parsed.elements if tag == "table"] == [
        "audit", "length-ratios", "lengths-en-it", "lengths-en-he"
    ]  # fmt: skip
    assert len(parsed.inside["caption"]) == 4


def test_headings_are_nested_and_every_link_has_a_target() -> None:
    parsed = page()
    levels = [int(tag[1]) for tag in parsed.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    ids = parsed.having("id")
    assert len(ids) == len(set(ids)) == 5
    assert {value.lstrip("#") for value in parsed.having("href")} == set(ids)
    assert set(parsed.having("aria-labelledby")) == set(ids)
    assert {"header", "main", "nav"} <= set(parsed.tags)


def test_samples_have_their_language_and_direction() -> None:
    texts = [x for tag, x in page().elements if tag == "bdi" and x.get("class") == "text"]
    assert len(texts) == 6
    assert {x["dir"] for x in texts} == {"auto"}
    assert [x["lang"] for x in texts] == ["en", "it"] * 3


def test_characters_that_nobody_sees_are_code_points_but_joiners_are_text() -> None:
    shown = show_text("a\x07b\u202ec\u200cd\ue000\ud800\u3164\U000e0041")
    assert shown.pieces == (
        "a", "U+0007", "b", "U+202E", "c\u200cd", "U+E000", "", "U+D800", "", "U+3164", "",
        "U+E0041", "",
    )  # fmt: skip
    text = render_audit(a_summary("half \ud800 pair"), "title \ud800")
    assert text.encode()  # also in keys, corpora and the title
    assert '<span class="hidden-character">U+D800</span>' in text


def test_long_texts_are_cut() -> None:
    assert show_text("x" * SHOWN).more == 0
    assert show_text("x" * SHOWN + "yy") == (("x" * SHOWN,), 2)
    text = page("z" * 101_000).text()
    assert "z… and 100,400 more characters" in text


def test_an_empty_audit_is_a_page() -> None:
    empty = AuditSummary(groups=(), models={}, composed=0, samples=())
    text = Page(render_audit(empty, "demo")).text()
    for expected in (
        "kept-", "pairs read0", "No pair was dropped.", "has enough pairs to learn",
    ):  # fmt: skip
        assert expected in text, expected
    assert audit_lines(empty)[:3] == [
        "pairs number share",
        "read       0     -",
        "kept       0     -",
    ]


def test_a_perfect_corpus_names_no_unused_rules_wrongly() -> None:
    whole = AuditSummary(groups=(a_group("it", "a", 5),), models={}, composed=0, samples=())
    text = Page(render_audit(whole, "demo")).text()
    assert "kept100.0 %" in text and "near_duplicate. A rule may also be off" in text
    every = dict.fromkeys(REASONS, 1)
    full = AuditSummary(
        groups=(a_group("it", "a", 99, **every),), models={}, composed=0, samples=()
    )
    assert "No pair was dropped by" not in render_audit(full, "demo")


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 9, "0.0 %"), (1, 9_999, "< 0.1 %"), (5, 9_999, "0.1 %"), (9_998, 9_999, "> 99.9 %"),
     (9, 9, "100.0 %"), (0, 0, "-")],
)  # fmt: skip
def test_nothing_and_all_are_told_from_nearly(part: int, whole: int, text: str) -> None:
    assert audits.share_of(part, whole) == text


def test_the_expected_length_solves_the_model() -> None:
    model = LengthModel(1.25, 0.5, 2.0)
    for deviations in (-3.0, -1.0, 0.0, 1.0, 3.0):
        target = audits.expected(model, deviations)
        z = (target - 1.25 * 100) / (100 + target) ** 0.5
        assert z == pytest.approx(0.5 + 2 * deviations)


def test_charts_add_up_corpora_and_fit_their_axis() -> None:
    one, other = a_group("it", "a", 30), a_group("it", "b", 10)
    summary = AuditSummary(
        groups=(one, other, a_group("de", "c", 4, empty=4)), models={}, composed=0, samples=()
    )
    (chart,) = audits.draw_lengths(summary)  # no pair of en-de is kept
    assert chart.pairs == 40
    assert [(band.source, band.target) for band in chart.bands] == [
        (0, 0), (100, 0), *[(0, 0)] * (BANDS - 3), (0, 100)
    ]  # fmt: skip
    assert [cell.text for cell in chart.table.rows[1]] == ["10 to 19", "40", "0"]
    assert [cell.text for cell in chart.table.rows[-1]] == ["1000 or more", "0", "40"]
    assert [tick.text for tick in chart.up] == ["0", "20", "40", "60", "80", "100"]
    assert [tick.text for tick in chart.across] == [str(edge) for edge in EDGES]


def test_the_table_of_groups_has_exact_numbers_for_export_and_a_sum() -> None:
    table = audits.group_table(a_summary())
    assert table.columns == (
        "corpus", "languages", "read", "kept", "kept, %", "numbers", "near_duplicate"
    )  # fmt: skip
    assert [cell.text for cell in table.rows[0]] == [
        "plain", "en-it", "20,000", "18,996", "95.0", "1,000", "4"
    ]  # fmt: skip
    assert [cell.value for cell in table.rows[0]] == [
        "plain", "en-it", "20000", "18996", "94.98", "1000", "4"
    ]  # fmt: skip
    assert [cell.text for cell in table.rows[-1]] == [
        "all", "all", "30,000", "27,996", "93.3", "2,000", "4"
    ]  # fmt: skip
    alone = replace(a_summary(), groups=a_summary().groups[:1])
    assert len(audits.group_table(alone).rows) == 1


def test_the_terminal_has_the_same_numbers_in_80_columns() -> None:
    lines = audit_lines(a_summary("c\x1b[31m.tsv"))
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines)
    for expected in (
        r"read +30,000 +100.0 %", r"- numbers: .* +2,000 +6.7 %",
        r"- near_duplicate: .* +4 +< 0.1 %",
        r"kept +27,996 +93.3 %", r"c\\x1b\[31m.tsv +en-he +9,000 +9,000 +100.0",
        r"b.tsv +en-it +1,000 +0 +0.0", r"all +all +30,000 +27,996 +93.3",
    ):  # fmt: skip
        assert re.search(expected, text), (expected, text)
    assert "\x1b" not in text


def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def test_a_browser_shows_the_page_without_complaints(tmp_path: Path) -> None:
    """The policy lets our script run, which adds a button to each table, and nothing else."""
    program = chromium()
    if program is None:
        pytest.skip("needs chromium, chromium-browser or google-chrome")
    (tmp_path / "audit.html").write_text(render_audit(a_summary(HOSTILE), HOSTILE), "utf-8")
    command: list[Any] = [
        program, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
        (tmp_path / "audit.html").as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "CONSOLE" not in done.stderr, done.stderr
    assert done.stdout.count("Table as CSV") == 4 + 1  # and once in the script
    assert "<img" not in done.stdout
