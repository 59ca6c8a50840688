"""`ontarget judge` against scripted servers: both orders, resuming, bad input."""

import json
from pathlib import Path

import pytest
from conftest import FinishedRun
from support.commands import run_command
from support.servers import Request, answer, asked, complete, serving

INSTRUCTIONS = [
    {"instruction": f"Name number {number}.", "input": "", "output": "x"} for number in range(4)
]


@pytest.fixture
def instructions(tmp_path: Path) -> Path:
    path = tmp_path / "alpaca.json"
    path.write_text(json.dumps(INSTRUCTIONS))
    return path


def good(request: Request) -> None:
    complete(request, f"GOOD answer to: {asked(request)}")


def bad(request: Request) -> None:
    complete(request, f"poor answer to: {asked(request)}")


def fair(request: Request) -> None:
    """Chooses the good answer, wherever it stands."""
    content = json.loads(asked(request)[asked(request).index("{") : asked(request).rindex("}") + 1])
    complete(request, "1" if "GOOD" in content["answer 1"] else "2")


def test_a_fair_judge_prefers_the_same_model_in_both_orders(
    instructions: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with serving(good) as a, serving(bad) as b, serving(fair) as judge:
        result = run_command(
            "judge", a.address, b.address, "--instructions", instructions, "--by", judge.address,
            "--out", out,
        )  # fmt: skip
        assert result.code == 0, result
        assert (len(a.requests), len(b.requests), len(judge.requests)) == (4, 4, 8)
    lines = [json.loads(line) for line in (out / "verdicts.jsonl").read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["win"] * 4
    assert [line["chosen"] for line in lines] == [["1", "2"]] * 4
    assert [line["instruction"] for line in lines] == [i["instruction"] for i in INSTRUCTIONS]
    assert all(line["a"].startswith("GOOD") and line["b"].startswith("poor") for line in lines)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["counts"] == {"win": 4, "tie": 0, "lose": 0, "unclear": 0}
    assert "win          4  100.0 % [51.0, 100.0]" in result.stdout
    assert "both orders agree in 4 of 4 pairs" in result.stdout
    assert sorted(path.name for path in out.iterdir() if not path.name.startswith(".")) == [
        "summary.json", "verdicts.jsonl",
    ]  # fmt: skip


def test_answers_are_kept_when_the_judge_fails(instructions: Path, tmp_path: Path) -> None:
    def refuse(request: Request) -> None:
        answer(request, b"{}", status=401)

    out = tmp_path / "out"
    with serving(good) as a, serving(bad) as b:
        arguments = ("judge", a.address, b.address, "--instructions", instructions, "--out", out)
        with serving(refuse) as judge:
            failed = run_command(*arguments, "--by", judge.address)
        assert failed.code == 2 and "status 401" in failed.stderr.splitlines()[-1]
        with serving(fair) as judge:
            assert run_command(*arguments, "--by", judge.address).code == 0
        assert (len(a.requests), len(b.requests)) == (4, 4)  # none was asked twice


def test_any_model_can_judge(instructions: Path, finished_run: FinishedRun, tmp_path: Path) -> None:
    """A model of random words chooses nothing, so every pair is unclear."""
    with serving(good) as a, serving(bad) as b:
        result = run_command(
            "judge", a.address, b.address, "--instructions", instructions, "--limit", "2",
            "--by", finished_run.out, "--out", tmp_path / "out",
        )  # fmt: skip
    assert result.code == 0, result
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert sum(summary["counts"].values()) == 2


def test_a_limit_takes_the_first_instructions(instructions: Path, tmp_path: Path) -> None:
    with serving(good) as a, serving(bad) as b, serving(fair) as judge:
        arguments = ("judge", a.address, b.address, "--instructions", instructions, "--limit", "2")
        result = run_command(*arguments, "--by", judge.address, "--out", tmp_path / "out")
        assert result.code == 0 and len(judge.requests) == 4


def test_bad_input_is_one_line(instructions: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.json"
    empty.write_text("[]")
    one = "http://127.0.0.1:9/v1#x"
    same = run_command("judge", one, one, "--instructions", instructions, "--by", one)
    assert (same.code, same.stderr) == (
        2, f"ontarget: {one}: is both models; give two different ones\n",
    )  # fmt: skip
    none = run_command(
        "judge", one, f"{one}y", "--instructions", empty, "--by", one, "--out", tmp_path / "o"
    )
    assert none.code == 2 and none.stderr.count("\n") == 1 and str(empty) in none.stderr
