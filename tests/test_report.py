"""The page: self-contained, safe with hostile text, and what it must show."""

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ontarget import report
from ontarget.charts import chart
from ontarget.records import Direction, Score
from ontarget.report import Attempt, Case, Report

SCORE = Score(
    system="stage1", source="it", target="nl", supervised=False, segments=20, bleu=6.0, chrf=28.0,
    off_target_percent=98.0, off_target_interval=(90.0, 99.6), reference_off_target_percent=3.0,
    detector="lid:x", signatures={"bleu": "nrefs:1"},
)  # fmt: skip
HOSTILE = "</bdi><script>alert(1)</script><img src=//evil onerror=x> | `x` \u202e {{ 7 * 7 }}"


def a_report(text: str = "Hallo.") -> Report:
    attempts = (
        Attempt(system="stage1", text=text, found_lang="en", wrong=True),
        Attempt(system="stage2", text="Hallo.", found_lang="nl", wrong=False),
    )
    return Report(
        title=text,
        facts=(("model", text),),
        notes=(text,),
        scores=(
            SCORE,
            replace(SCORE, system="stage2", off_target_percent=2.0, bleu=70.0),
            replace(SCORE, source="nl", target="it"),
            replace(SCORE, source="nl", target="it", system="stage2"),
        ),
        ability=(replace(SCORE, system="base-by-cue", bleu=55.5),),
        charts=(chart("Stage 2", [{"step": 1.0, "likelihood": 2.0, "unlikelihood": 5.0}] * 2,
                      ("likelihood", "unlikelihood")),),
        cases={Direction("it", "nl"): (Case(source=text, reference=text, attempts=attempts),)},
    )  # fmt: skip


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_hostile_text_is_text() -> None:
    page, plain = Page(report.html(a_report(HOSTILE))), Page(report.html(a_report()))
    assert page.tags == plain.tags
    assert {name for name, _ in page.attributes} == {name for name, _ in plain.attributes}
    assert HOSTILE in page.texts
    assert "script" not in page.tags


def test_the_page_fetches_nothing_and_forbids_it() -> None:
    page = Page(report.html(a_report()))
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(page.tags)
    assert not {name for name, _ in page.attributes} & {"src", "href", "style", "onclick"}
    policies = [
        value for name, value in page.attributes if name == "content" and "default" in (value or "")
    ]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]
    style = report.html(a_report()).split("<style>")[1].split("</style>")[0]
    assert "url(" not in style and "@import" not in style


def test_the_page_shows_the_numbers_the_examples_and_what_they_were_measured_with() -> None:
    text = " ".join(Page(report.html(a_report())).texts)
    for shown in (
        "98.0",
        "Italian → Dutch",
        "stage 2 (+ unlikelihood)",
        "lid:x",
        "nrefs:1",
        "55.5",
    ):
        assert shown in text, shown
    assert "likelihood 2.00 → 2.00" in text


def test_a_wrong_language_is_marked_and_a_right_one_is_not() -> None:
    tags = re.findall(r'<span class="(tag[^"]*)">(\w+)</span>', report.html(a_report()))
    assert tags == [("tag wrong", "en"), ("tag", "nl")]


def test_every_square_of_the_heat_map_is_in_its_place() -> None:
    (square, _) = report.heat(a_report().scores).values()
    assert [[cell and (cell.source, cell.target) for cell in row] for row in square] == [
        [None, ("it", "nl")],
        [("nl", "it"), None],
    ]


def test_markdown_holds_hostile_text_in_its_cell() -> None:
    text = report.markdown(a_report(HOSTILE))
    assert "<script>" not in text
    rows = [line for line in text.splitlines() if "alert" in line and line.startswith("|")]
    assert len(rows) == 1
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 5  # four cells


def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_its_window(tmp_path: Path, width: int) -> None:
    """Chromium lays the page out in a frame of that width and reports what sticks out."""
    (tmp_path / "report.html").write_text(report.html(a_report("long" * 40)), encoding="utf-8")
    (tmp_path / "frame.html").write_text(
        f"<iframe id=f src=report.html width={width} height=800></iframe><script>"
        "f.onload = () => document.title = f.contentDocument.documentElement.scrollWidth</script>"
    )
    done = subprocess.run(
        [
            str(chromium()), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
            "--allow-file-access-from-files", "--virtual-time-budget=3000",
            f"--user-data-dir={tmp_path / 'profile'}", f"file://{tmp_path / 'frame.html'}",
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.search(r"<title>(\d+)</title>", done.stdout)
    assert found, done.stdout[:500]
    assert int(found.group(1)) <= width
