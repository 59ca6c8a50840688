"""The page's markup: self-contained, safe with hostile text, and what it must show."""

import base64
import gzip
import hashlib
import json
import random
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reports import HOSTILE, SYSTEMS, a_report, a_segment

from ontarget.analysis.segments import SegmentOutputs, align_segments, most_damaged
from ontarget.report import page as pages


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in self.inside and data.strip():
            self.inside[self.tags[-1]].append(data)
        else:
            self.texts.append(data)


def page(text: str = "Hallo.") -> Page:
    return Page(pages.render_html(a_report(text)))


def data_of(text: str) -> Any:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(found)


def unpacked(text: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(text)))


def test_hostile_text_is_text() -> None:
    hostile, plain = page(HOSTILE), page()
    assert hostile.tags == plain.tags
    assert {name for name, _ in hostile.attributes} == {name for name, _ in plain.attributes}
    assert HOSTILE in hostile.texts


@given(st.text(st.characters(codec=None), max_size=30))
def test_data_reads_as_it_was_and_cannot_end_its_element(text: str) -> None:
    content = json.dumps({"texts": [text]}, ensure_ascii=False)
    plain, packed = pages.embed_json(content), pages.pack_json(content)
    assert json.loads(plain) == unpacked(packed) == {"texts": [text]}  # even if it is no Unicode
    assert not set(plain) & set("<>&\u2028\u2029")
    plain.encode()
    assert re.fullmatch(r"[\w+/]+={0,2}", packed, re.ASCII)


def test_long_data_is_packed_and_of_too_much_the_worst_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every = [segment for number in range(90) for segment in rows(number)]
    names = [segment.answers[0].key for segment in every]
    whole, plain = pages.fit_segments(every, 90)
    assert plain.kind == "application/json" and json.loads(plain.text)["key"] == names
    monkeypatch.setattr(pages, "MOST_PLAIN", len(plain.text) - 1)
    again, packed = pages.fit_segments(every, 90)
    assert packed.kind == "application/gzip" and len(packed.text) < len(plain.text)
    assert unpacked(packed.text)["key"] == names and whole == again == every
    monkeypatch.setattr(pages, "MOST_PLAIN", 1000)
    monkeypatch.setattr(pages, "MOST_PACKED", len(packed.text) // 2)
    shown, half = pages.fit_segments(every, 90)
    assert len(half.text) <= len(packed.text) // 2 and 20 < len(shown) < 60
    assert unpacked(half.text)["key"] == [each.answers[0].key for each in shown]
    assert shown == most_damaged(every, len(shown))


def rows(number: int) -> list[SegmentOutputs]:
    """A segment whose text no packing makes small."""
    return align_segments(a_segment(number, random.Random(number).randbytes(300).hex()), SYSTEMS)


def test_the_page_fetches_nothing_and_forbids_it() -> None:
    made = page(HOSTILE)
    assert not {"link", "img", "iframe", "object", "base"} & set(made.tags)
    names = {name for name, _ in made.attributes}
    assert not names & {"src", "style", "action"}
    assert not [name for name in names if name.startswith("on")]
    assert all((value or "").startswith("#") for name, value in made.attributes if name == "href")
    assert "url(" not in made.inside["style"][0] and "@import" not in made.inside["style"][0]


def test_only_our_own_scripts_and_styles_are_allowed() -> None:
    made = page(HOSTILE)
    ours = {
        kind: [(files("ontarget") / "templates" / name).read_bytes() for name in names]
        for kind, names in (("script", ["report.js", "browser.js"]), ("style", ["report.css"]))
    }
    (policy,) = [value for _, value in made.attributes if value and "default-src" in value]
    hashes = {
        kind: " ".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in texts
        )
        for kind, texts in ours.items()
    }
    assert policy == (
        f"default-src 'none'; script-src {hashes['script']}; style-src {hashes['style']}; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    )
    data, *scripts = made.inside["script"]
    assert [text.encode() for text in scripts] == ours["script"]
    assert [text.encode() for text in made.inside["style"]] == ours["style"]
    assert json.loads(data)["texts"][0] == HOSTILE


@pytest.mark.parametrize("name", ["report.js", "browser.js"])
def test_scripts_make_no_markup_and_no_code(name: str) -> None:
    """What they show goes through textContent and text nodes alone."""
    text = (files("ontarget") / "templates" / name).read_text(encoding="utf-8")
    ways = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|fetch\(|XMLHttp"
    )
    assert not re.search(ways + r"|createContextualFragment|DOMParser|\.srcdoc|import\(", text)


def test_the_page_shows_the_numbers_and_what_they_were_measured_with() -> None:
    text = " ".join(" ".join(page().texts).split())
    for shown in (
        "98.0", "Italian → Dutch", "stage 2 (+ unlikelihood)", "lid:x", "nrefs:1", "55.5",
        "in the pivot language 90.0 %", "found: en 90.0 %, nl 5.0 %", "torch Hallo.",
        "name: Hallo.", "likelihood loss: 2.00 → 2.00",
    ):  # fmt: skip
        assert shown in text, shown


def test_what_could_not_be_judged_is_a_dash() -> None:
    text = " ".join(" ".join(page().texts).split())
    assert "off-target, % - → 98.0 → 2.0" in text
    titles = [value for name, value in page().attributes if name == "title" and value]
    assert any("off-target -; 20 segments, 1 of them could not be judged" in x for x in titles)


def test_a_square_says_all_about_its_direction() -> None:
    titles = [value for name, value in page().attributes if name == "title"]
    assert (
        "Italian → Dutch (zero-shot): off-target 98.0 %; 95 % interval 90.0 to 99.6; 20 segments, "
        "1 of them could not be judged; references 3.0 %"
    ) in titles


def test_every_figure_has_a_table_that_can_be_named() -> None:
    names = [x["data-name"] for tag, x in page().elements if tag == "table" and "data-name" in x]
    assert names == [
        "overview-zero-shot", "scores", "verdicts", "significance", "curve-stage-2"
    ]  # fmt: skip


def test_headings_are_in_order_and_every_name_is_there_once() -> None:
    made = page()
    levels = [int(tag[1]) for tag in made.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    ids = [value for name, value in made.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    pointed = [x for x in made.attributes if x[0] in ("aria-labelledby", "href")]
    for name, value in pointed:
        assert value and (name == "href" and "=" in value or value.lstrip("#") in ids), value
    for tag, attributes in made.elements:
        if tag == "section":
            assert attributes.get("aria-labelledby")
    assert {"header", "main", "nav"} <= set(made.tags)


def test_without_scripts_only_the_browser_of_segments_is_missing() -> None:
    made = page()
    assert [x.get("id") for _, x in made.elements if "hidden" in x] == ["browser"]
    assert "noscript" in made.tags


def test_left_out_segments_are_counted() -> None:
    text = pages.render_html(replace(a_report(), left_out=17))
    assert "2 segments are here, those of the most damage in the last system; 17 more" in text
    assert "more are in the run" not in pages.render_html(a_report())


def test_the_data_holds_each_text_once() -> None:
    every = align_segments(a_segment(1) + a_segment(2), ("base", "stage1", "stage2"))
    data = data_of(pages.render_html(a_report("Hallo.", every)))
    assert data["texts"] == ["Ciao a tutti.", "Dag allemaal.", "", "Hallo.", "Dag."]
    assert data["source"] == [0, 0] and data["answers"][2]["text"] == [4, 4]


def test_markdown_holds_hostile_text_in_its_cell() -> None:
    text = pages.render_markdown(a_report(HOSTILE))
    assert "<script>" not in text
    rows = [line for line in text.splitlines() if "alert" in line and line.startswith("|")]
    assert len(rows) == 1
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 6  # five cells


def rules(scheme: str) -> dict[str, dict[str, str]]:
    """Declarations by selector as they hold in a colour scheme; a flat reading of our own CSS."""
    text = (files("ontarget") / "templates" / "report.css").read_text(encoding="utf-8")
    dark = re.findall(
        r"@media screen and \(prefers-color-scheme: dark\) \{\n(.*?)\n\}\n", text, re.S
    )
    light = re.sub(r"@media[^{]*\{\n.*?\n\}\n", "", text, flags=re.S)
    found: dict[str, dict[str, str]] = {}
    for part in [light, *(dark if scheme == "dark" else [])]:
        for selector, body in re.findall(r"([^{}\n]+?) \{([^{}]*)\}", part):
            pairs = (each.split(":", 1) for each in body.split(";") if ":" in each)
            found.setdefault(selector.strip(), {}).update({a.strip(): b.strip() for a, b in pairs})
    return found


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it, of colours #rgb or #rrggbb."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * x for x in colour[1:])
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return sum(w * x for w, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read_in_both_schemes(scheme: str) -> None:
    css = rules(scheme)
    for measure in ("off_target", "chrf"):
        for level in range(11):
            square = css[f".{measure} .l{level}"]
            assert contrast(square["background"], square["color"]) >= 4.5, (measure, level)
    colours = css[":root"]
    for ink in ("--ink", "--soft", "--accent", "--worse", "--link"):
        for ground in ("--page", "--card"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    assert contrast(colours["--mark"], colours["--ink"]) >= 4.5
    for line in ("--likelihood", "--unlikelihood", "--edge"):
        assert contrast(colours[line], colours["--card"]) >= 3, line


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("measure", ["off_target", "chrf"])
def test_a_scale_goes_one_way_in_lightness(scheme: str, measure: str) -> None:
    """So it can be read without seeing colours."""
    css = rules(scheme)
    steps = [contrast(css[f".{measure} .l{level}"]["background"], "#000") for level in range(11)]
    assert steps == sorted(steps, reverse=scheme == "light")
