"""`ontarget annotate`: from evaluated files to a campaign, and from answers to precision."""

import json
from pathlib import Path

import pytest
from support.commands import error_of, run_command
from support.evaluations import IT, LANGUAGES, NL, evaluate, write_file


def judged(folder: Path) -> Path:
    """The segments of an evaluation: three on target, two not, one undecided."""
    path, out = write_file(folder, "out.it", [*IT[:3], *NL[:2], "42"]), folder / "segments.jsonl"
    evaluate("-i", path, *LANGUAGES, "--segments-out", out)
    return out


def test_evaluated_segments_go_out_and_answers_come_back(tmp_path: Path) -> None:
    campaign, log = tmp_path / "campaign.json", tmp_path / "annotations.jsonl"
    result = run_command("annotate", "export", judged(tmp_path), "--out", campaign, "--users", "2")
    assert result.code == 0, result
    assert result.stdout == (
        f"{campaign}: 3 of 3 disputed segments; load it: pearmut add {campaign}\n"
    )
    content = json.loads(campaign.read_text(encoding="utf-8"))
    assert content["info"]["users"] == 2 and content["campaign_id"] == "campaign"
    shown = [item["tgt"]["output"] for (item,) in content["data"]]
    assert shown == [*NL[:2], "42"]
    with log.open("w", encoding="utf-8") as out:
        for item, answer in zip(content["data"], (0, 2, 2), strict=True):
            annotation = [{"output": {"sliders": {"language": answer}}}]
            out.write(json.dumps({"user_id": "a", "item": item, "annotation": annotation}) + "\n")
    result = run_command("annotate", "import", log)
    assert (result.code, result.stderr) == (0, "")
    head, undecided, counts, _, _, *listing = result.stdout.splitlines()
    assert head == "precision of off-target verdicts: 50.0 % (1 of 2) [9.5, 90.5]"
    assert undecided == "off-target of undecided segments: 0.0 % (0 of 1) [0.0, 79.3]"
    assert counts == "segments 3, ties 0"
    assert listing[0].startswith(
        f"source_language  nl  on target  {tmp_path}/out.it:5  {NL[1][:9]}"
    )
    (line,) = run_command("annotate", "import", log, "--json").stdout.splitlines()
    precision = json.loads(line)["precision"]
    assert (precision["count"], precision["total"], precision["percent"]) == (1, 2, 50.0)


def test_a_limit_draws_the_same_segments_for_the_same_seed(tmp_path: Path) -> None:
    segments, campaigns = judged(tmp_path), []
    for name in ("a.json", "b.json"):
        run_command("annotate", "export", segments, "--out", tmp_path / name, "--limit", "2")
        campaigns.append(json.loads((tmp_path / name).read_text(encoding="utf-8"))["data"])
    assert campaigns[0] == campaigns[1] and len(campaigns[0]) == 2


def test_nothing_disputed_and_overwriting_are_refused(tmp_path: Path) -> None:
    path, out = write_file(tmp_path, "out.it", IT), tmp_path / "segments.jsonl"
    evaluate("-i", path, *LANGUAGES, "--segments-out", out)
    message = error_of("annotate", "export", out, "--out", tmp_path / "c.json")
    assert "no segment is disputed, so there is nothing to annotate" in message
    out = judged(tmp_path)
    before = out.read_bytes()
    assert "is an input; give another path" in error_of("annotate", "export", out, "--out", out)
    assert out.read_bytes() == before


@pytest.mark.parametrize("action", ["export", "import"])
def test_a_missing_file_is_one_line(tmp_path: Path, action: str) -> None:
    message = error_of("annotate", action, tmp_path / "none.jsonl")
    assert "none.jsonl: No such file or directory" in message
