"""The page in a browser: one visit, scripted by `report_tour.html`, and checks of what it saw."""

import base64
import csv
import io
import json
import re
import shutil
import subprocess
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from support.reports import SYSTEMS, a_report, a_segment

from ontarget.analysis.segments import align_segments
from ontarget.report import page

ATTACK = "</script><script>window.owned = 1</script><img src=x onerror='window.owned = 1'>"
GUARDED = [  # of the cells in the tour
    ["'=1+1", "-2.5", "'+x", "'@a", "'\t'=b", "'＝c", 'a,"b"', "1e-5"],
    ["a;'=1+1", "a;' \"=1+1", "a\n'-b", "a\r\nb", "a; b", "'\"=c", "a\t'+b", ";;'@d"],
]
CONTROLS = "left\u202eright\u200b\x07 zero\u200cwidth"


@dataclass(frozen=True)
class Visit:
    """What the tour saw, and all other messages on the console."""

    seen: dict[str, Any]
    console: list[str]


def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def the_report() -> page.ReportContent:
    """45 segments it-nl and 5 nl-it, with an attack, control characters and a needle."""
    outputs = []
    for number in range(50):
        langs = ("it", "nl") if number < 45 else ("nl", "it")
        text = {7: ATTACK, 8: CONTROLS, 9: "Needle"}.get(number, "Hallo.")
        three = a_segment(number, text, source_lang=langs[0], target_lang=langs[1])
        three[1] = replace(three[1], chrf=float(number))
        if number == 11:
            three[2] = replace(three[2], verdict="pivot", detected_lang="en", chrf=1.0)
        outputs += three
    return a_report(ATTACK + "long" * 60, align_segments(outputs, SYSTEMS))


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    program = chromium()
    if program is None:
        pytest.skip("needs chromium, chromium-browser or google-chrome")
    folder = tmp_path_factory.mktemp("page")
    (folder / "report.html").write_text(page.render_html(the_report()), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "MOST_PLAIN", 0)
        (folder / "packed.html").write_text(page.render_html(the_report()), encoding="utf-8")
    shutil.copy(Path(__file__).with_name("report_tour.html"), folder)
    log = console(program, folder)
    assert log and "the tour ends" in log[-1], log
    chunks = [match[1] for line in log if (match := re.search(r"SEEN ([\w+/=]+) \.", line))]
    seen = json.loads(base64.b64decode("".join(chunks)))
    assert "error" not in seen, seen["error"]
    return Visit(seen, [line for line in log[:-1] if "SEEN" not in line])


def console(program: str, folder: Path) -> list[str]:
    """Chromium's console messages until the tour ends, for a minute at most."""
    command = [
        program, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
        "--allow-file-access-from-files", f"--user-data-dir={folder / 'profile'}",
        (folder / "report_tour.html").as_uri(),
    ]  # fmt: skip
    log = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder) as process:
        timeout = threading.Timer(60, process.kill)
        timeout.start()
        assert process.stderr is not None
        for line in process.stderr:
            if "CONSOLE" in line:
                log.append(line)
                if "the tour ends" in line:
                    break
        timeout.cancel()
        process.terminate()
    return log


def keys(numbers: list[int]) -> list[str]:
    return [f"t:{number}/{'it-nl' if number < 45 else 'nl-it'}" for number in numbers]


def test_the_page_works_without_console_messages(visit: Visit) -> None:
    assert visit.console == []


def test_a_hypothesis_with_a_script_stays_text(visit: Visit) -> None:
    assert visit.seen["owned"] is None
    assert visit.seen["markup"] == 0
    assert visit.seen["scripts"] == 3  # the data and our two
    assert visit.seen["attack"]["keys"] == keys([7])
    assert visit.seen["attack_text"] == ATTACK


def test_the_most_damaged_segment_of_the_last_system_comes_first(visit: Visit) -> None:
    start = visit.seen["start"]
    assert start["count"] == "50 of 50 segments"
    assert start["keys"] == keys([11, *(x for x in range(20) if x != 11)])
    assert start["filters"] == ["stage2", "", "", "damage", ""]
    assert visit.seen["chosen"] == ["stage 2"]
    source, reference, base, stage1, stage2 = visit.seen["segment"]
    assert (source, reference) == ("Ciao a tutti.", "Dag allemaal.")
    assert base == "empty · chrF 0.0 · damage 1.11"
    assert stage1 == "Hallo.in the pivot language (en) · chrF 11.0 · damage 1.00"
    assert stage2 == "Dag.in the pivot language (en) · chrF 1.0 · damage 1.10"


def test_a_page_has_twenty_segments_and_its_number_is_in_the_address(visit: Visit) -> None:
    third, last = visit.seen["third"], visit.seen["last"]
    assert (third["page"], third["hash"]) == ("Page 3 of 3", "#page=3")
    assert third["keys"] == keys(list(range(40, 50))) == last["keys"]
    assert visit.seen["disabled"] == [False, False, True, True]
    assert visit.seen["first_again"]["page"] == "Page 1 of 3"


def test_compressed_segments_are_shown_like_plain_ones(visit: Visit) -> None:
    assert visit.seen["at_once"]  # without decompression
    assert visit.seen["packing"] == ["application/gzip", None]
    assert visit.seen["packed"] == visit.seen["start"]


def test_filters_select_matching_segments(visit: Visit) -> None:
    seen = visit.seen
    assert seen["pivot"]["keys"] == keys([11]) and seen["pivot"]["page"] == "Page 1 of 1"
    assert seen["pivot_of_stage1"]["count"] == "50 of 50 segments"
    assert seen["off_target_of_stage2"]["keys"] == keys([11])
    assert seen["off_target"]["count"] == "50 of 50 segments"
    assert seen["dutch"]["keys"] == keys([45, 46, 47, 48, 49])
    assert seen["dutch"]["hash"] == "#system=stage1&verdict=off_target&direction=nl-it"
    assert seen["reset"]["count"] == "50 of 50 segments"
    assert seen["needle"]["keys"] == keys([9]) and visit.seen["marks"] == ["Needle"]
    assert seen["nothing"]["count"] == "None of 50 segments matches the filters"


def test_segments_can_be_sorted(visit: Visit) -> None:
    assert visit.seen["order"]["keys"] == keys(list(range(20)))
    assert visit.seen["chrf"]["keys"] == keys([11, *(x for x in range(20) if x != 11)])


def test_a_link_sets_all_filters_and_invalid_values_are_ignored(visit: Visit) -> None:
    linked = visit.seen["linked"]
    assert linked["filters"] == ["stage1", "pivot", "it-nl", "order", "hallo"]
    rest = [number for number in range(45) if number not in (7, 8, 9)]
    assert linked["count"] == "42 of 50 segments" and linked["keys"] == keys(rest[20:40])
    assert visit.seen["nonsense"]["filters"] == ["stage2", "", "", "damage", ""]
    assert visit.seen["nonsense"]["page"] == "Page 1 of 3"


def test_invisible_characters_are_shown_as_code_points_but_joiners_are_kept(visit: Visit) -> None:
    assert visit.seen["controls"] == ["U+202E", "U+200B", "U+0007"]
    assert visit.seen["around"] == "leftU+202ErightU+200BU+0007 zero\u200cwidth"


def test_squares_have_a_readout_for_mouse_touch_and_keyboard(visit: Visit) -> None:
    by_mouse, by_touch, by_keys = visit.seen["readouts"]
    assert by_mouse.startswith("Dutch → Italian (zero-shot): off-target -; 20 segments, of which 1")
    assert by_touch.startswith("Italian → Dutch (zero-shot)")
    assert by_keys == by_mouse and by_keys.endswith("Show these segments")
    assert visit.seen["stops"] == 1 and visit.seen["focused"]
    assert visit.seen["entered"]["filters"] == ["base", "", "nl-it", "damage", ""]


def test_one_system_is_shown_at_a_time(visit: Visit) -> None:
    assert visit.seen["heat_first"] == [False, False, True]
    assert visit.seen["heat_base"] == [True, False, False]


def test_exports_have_the_shown_rows_and_no_formulas(visit: Visit) -> None:
    seen = visit.seen
    head, *rows = csv.reader(io.StringIO(seen["segments_csv"].lstrip("\ufeff")))
    assert head[:9] == [
        "key", "direction", "source", "reference", "base", "base verdict", "base language",
        "base chrF", "base damage",
    ]  # fmt: skip
    assert [row[:2] for row in rows] == [[f"t:{x}/nl-it", "nl-it"] for x in range(45, 50)]
    table = list(csv.reader(io.StringIO(seen["scores_csv"].lstrip("\ufeff"))))
    assert table[0][3:6] == ["n", "n judged", "off-target %"] and len(table) == 7
    assert (table[1][3], table[1][5]) == ("20", "")
    assert seen["file"] == "scores.csv"
    guarded = csv.reader(io.StringIO(seen["guarded"].lstrip("\ufeff"), newline=""))
    assert list(guarded) == GUARDED


def test_a_spreadsheet_that_separates_by_semicolons_finds_no_formula() -> None:
    """Such a spreadsheet ignores most of our quotes; here, it ignores all of them."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    tour = Path(__file__).with_name("report_tour.html").read_text(encoding="utf-8")
    (cells,) = re.findall(r"const GUARDED = \[\n.*?\n\];\n", tour, flags=re.DOTALL)
    program = (
        "const document = { querySelectorAll: () => [] };\n"
        f"{page.read_asset('report.js')}\n{cells}\nconsole.log(JSON.stringify(csv(GUARDED)));"
    )
    done = subprocess.run([node], input=program, capture_output=True, text=True, check=True)
    content = json.loads(done.stdout).lstrip("\ufeff")
    assert list(csv.reader(io.StringIO(content, newline=""))) == GUARDED
    assert all(row.startswith('"') for row in content.splitlines(keepends=True)[:1])
    for cell in re.split(r"[;\t\r\n]", content):
        assert not re.match(r'[\s"]*[=+@＝＋－＠-]', cell), cell


def test_the_page_is_never_wider_than_its_window(visit: Visit) -> None:
    for window, width in visit.seen["widths"].items():
        assert width <= int(window)


def test_results_are_announced_and_controls_have_names(visit: Visit) -> None:
    assert visit.seen["live"] == "polite"
    assert visit.seen["unnamed"] == 0
