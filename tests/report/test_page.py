"""The page's markup: self-contained, safe with hostile text, and complete."""

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
    """Tags, attributes and texts of a page."""

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
    (content,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(content)


def unpacked(text: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(text)))


def test_hostile_text_stays_text() -> None:
    hostile, plain = page(HOSTILE), page()
    assert hostile.tags == plain.tags
    assert {name for name, _ in hostile.attributes} == {name for name, _ in plain.attributes}
    assert HOSTILE in hostile.texts


@given(st.text(st.characters(codec=None), max_size=30))
def test_embedded_data_is_unchanged_and_cannot_end_its_element(text: str) -> None:
    content = json.dumps({"texts": [text]}, ensure_ascii=False)
    plain, packed = pages.embed_json(content), pages.pack_json(content)
    assert json.loads(plain) == unpacked(packed) == {"texts": [text]}  # lone surrogates, too
    assert not set(plain) & set("<>&\u2028\u2029")
    plain.encode()
    assert re.fullmatch(r"[\w+/]+={0,2}", packed, re.ASCII)


def test_large_data_is_compressed_and_reduced_to_the_most_damaged_segments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    candidates = [segment for number in range(90) for segment in segment_of(number)]
    keys = [segment.outputs[0].key for segment in candidates]
    shown, plain = pages.fit_segments(candidates, 90)
    assert shown == candidates
    assert plain.kind == "application/json" and json.loads(plain.text)["key"] == keys
    monkeypatch.setattr(pages, "MOST_PLAIN", len(plain.text) - 1)
    shown, packed = pages.fit_segments(candidates, 90)
    assert packed.kind == "application/gzip" and len(packed.text) < len(plain.text)
    assert unpacked(packed.text)["key"] == keys and shown == candidates
    monkeypatch.setattr(pages, "MOST_PLAIN", 1000)
    monkeypatch.setattr(pages, "MOST_PACKED", len(packed.text) // 2)
    shown, half = pages.fit_segments(candidates, 90)
    assert len(half.text) <= len(packed.text) // 2 and 20 < len(shown) < 60
    assert unpacked(half.text)["key"] == [segment.outputs[0].key for segment in shown]
    assert shown == most_damaged(candidates, len(shown))


def segment_of(number: int) -> list[SegmentOutputs]:
    """A segment with a text that hardly compresses."""
    return align_segments(a_segment(number, random.Random(number).randbytes(300).hex()), SYSTEMS)


def test_the_page_contains_no_reference_to_other_files() -> None:
    parsed = page(HOSTILE)
    assert not {"link", "img", "iframe", "object", "base"} & set(parsed.tags)
    names = {name for name, _ in parsed.attributes}
    assert not names & {"src", "style", "action"}
    assert not [name for name in names if name.startswith("on")]
    assert all((value or "").startswith("#") for name, value in parsed.attributes if name == "href")
    assert "url(" not in parsed.inside["style"][0] and "@import" not in parsed.inside["style"][0]


def test_the_policy_allows_only_our_scripts_and_styles() -> None:
    parsed = page(HOSTILE)
    ours = {
        kind: [(files("ontarget.report") / "templates" / name).read_bytes() for name in names]
        for kind, names in (("script", ["report.js", "browser.js"]), ("style", ["report.css"]))
    }
    (policy,) = [value for _, value in parsed.attributes if value and "default-src" in value]
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
    data, *scripts = parsed.inside["script"]
    assert [text.encode() for text in scripts] == ours["script"]
    assert [text.encode() for text in parsed.inside["style"]] == ours["style"]
    assert json.loads(data)["texts"][0] == HOSTILE


@pytest.mark.parametrize("name", ["report.js", "browser.js"])
def test_scripts_never_turn_text_into_markup_or_code(name: str) -> None:
    """They use textContent and text nodes only."""
    text = (files("ontarget.report") / "templates" / name).read_text(encoding="utf-8")
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|fetch\(|XMLHttp"
    )
    assert not re.search(forbidden + r"|createContextualFragment|DOMParser|\.srcdoc|import\(", text)


def test_the_page_shows_the_numbers_and_their_signatures() -> None:
    text = " ".join(" ".join(page().texts).split())
    for expected in (
        "98.0", "Italian → Dutch", "stage 2", "lid:x", "nrefs:1", "55.5",
        "in the pivot language 90.0 %", "languages: en 90.0 %, nl 5.0 %", "torch Hallo.",
        "name: Hallo.", "likelihood loss: 2.00 → 2.00",
    ):  # fmt: skip
        assert expected in text, expected


def test_a_missing_ratio_is_a_dash() -> None:
    text = " ".join(" ".join(page().texts).split())
    assert "off-target, % - → 98.0 → 2.0" in text
    titles = [value for name, value in page().attributes if name == "title" and value]
    assert any("off-target -; 20 segments, of which 1 could not be judged" in x for x in titles)


def test_a_square_has_all_numbers_of_its_direction() -> None:
    titles = [value for name, value in page().attributes if name == "title"]
    assert (
        "Italian → Dutch (zero-shot): off-target 98.0 %; 95 % interval 90.0 to 99.6; 20 segments, "
        "of which 1 could not be judged; references 3.0 %"
    ) in titles


def test_every_figure_has_a_table_with_a_file_name() -> None:
    names = [x["data-name"] for tag, x in page().elements if tag == "table" and "data-name" in x]
    assert names == [
        "overview-zero-shot", "scores", "verdicts", "significance", "curve-stage-2"
    ]  # fmt: skip


def test_headings_are_nested_and_every_link_has_a_target() -> None:
    parsed = page()
    levels = [int(tag[1]) for tag in parsed.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))
    ids = [value for name, value in parsed.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    links = [x for x in parsed.attributes if x[0] in ("aria-labelledby", "href")]
    for name, value in links:
        assert value and (name == "href" and "=" in value or value.lstrip("#") in ids), value
    for tag, attributes in parsed.elements:
        if tag == "section":
            assert attributes.get("aria-labelledby")
    assert {"header", "main", "nav"} <= set(parsed.tags)


def test_only_the_segment_browser_needs_scripts() -> None:
    parsed = page()
    assert [x.get("id") for _, x in parsed.elements if "hidden" in x] == ["browser"]
    assert "noscript" in parsed.tags


def test_left_out_segments_are_counted() -> None:
    text = pages.render_html(replace(a_report(), left_out=17))
    assert "This page has the 2 segments with the most damage in the last system; 17 others" in text
    assert "others are only in the run" not in pages.render_html(a_report())


def test_embedded_data_has_each_text_once() -> None:
    segments = align_segments(a_segment(1) + a_segment(2), ("base", "stage1", "stage2"))
    data = data_of(pages.render_html(a_report("Hallo.", segments)))
    assert data["texts"] == ["Ciao a tutti.", "Dag allemaal.", "", "Hallo.", "Dag."]
    assert data["source"] == [0, 0] and data["outputs"][2]["text"] == [4, 4]


def test_hostile_text_stays_in_its_markdown_cell() -> None:
    text = pages.render_markdown(a_report(HOSTILE))
    assert "<script>" not in text
    rows = [line for line in text.splitlines() if "alert" in line and line.startswith("|")]
    assert len(rows) == 1
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 6  # five cells


def rules(scheme: str) -> dict[str, dict[str, str]]:
    """Declarations by selector in a colour scheme, by a simple parser for our own CSS."""
    text = (files("ontarget.report") / "templates" / "report.css").read_text(encoding="utf-8")
    dark = re.findall(
        r"@media screen and \(prefers-color-scheme: dark\) \{\n(.*?)\n\}\n", text, re.S
    )
    light = re.sub(r"@media[^{]*\{\n.*?\n\}\n", "", text, flags=re.S)
    declarations: dict[str, dict[str, str]] = {}
    for part in [light, *(dark if scheme == "dark" else [])]:
        for selector, body in re.findall(r"([^{}\n]+?) \{([^{}]*)\}", part):
            pairs = (line.split(":", 1) for line in body.split(";") if ":" in line)
            declarations.setdefault(selector.strip(), {}).update(
                {name.strip(): value.strip() for name, value in pairs}
            )
    return declarations


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2, for colours #rgb or #rrggbb."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * x for x in colour[1:])
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return sum(w * x for w, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast_in_both_schemes(scheme: str) -> None:
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
def test_colour_scales_are_monotonic_in_lightness(scheme: str, measure: str) -> None:
    """Readable without colour vision, too."""
    css = rules(scheme)
    steps = [contrast(css[f".{measure} .l{level}"]["background"], "#000") for level in range(11)]
    assert steps == sorted(steps, reverse=scheme == "light")
