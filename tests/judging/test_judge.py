"""`ontarget judge` against scripted servers: both orders, resuming, bad input."""

import io
import json
import re
import time
from pathlib import Path

import pytest
from rich.console import Console
from support.commands import Result, run_command
from support.runs import FinishedRun
from support.servers import Request, answer, asked, complete, serving

from ontarget.cli import console
from ontarget.cli.commands.judge.command import lines_of
from ontarget.judging.outcomes import compare

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
    """A model of random words replies, and chooses nothing."""
    with serving(good) as a, serving(bad) as b:
        result = run_command(
            "judge", a.address, b.address, "--instructions", instructions, "--limit", "2",
            "--by", finished_run.out, "--out", tmp_path / "out",
        )  # fmt: skip
    error = result.stderr.splitlines()[-1]
    assert result.code == 2 and "gave no usable verdict on any of 2 pairs" in error, result


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


def last_line(result: Result) -> str:
    """The error of a command that failed, below its progress."""
    assert (result.code, result.stdout) == (2, ""), result
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()[-1]


def test_a_judge_without_a_usable_verdict_is_an_error_and_its_replies_are_kept(
    instructions: Path, tmp_path: Path
) -> None:
    def evasive(request: Request) -> None:
        complete(request, "I\x1b[2J cannot say " + "x" * 200)

    out = tmp_path / "out"
    with serving(good) as a, serving(bad) as b:
        arguments = ("judge", a.address, b.address, "--instructions", instructions, "--out", out)
        with serving(evasive) as judge:
            reply = r"I\x1b[2J cannot say " + "x" * 83
            for _ in range(2):
                assert last_line(run_command(*arguments, "--by", judge.address)) == (
                    f"ontarget: {judge.address}: gave no usable verdict on any of 4 pairs; its "
                    f'first unclear reply is "{reply}"; give another judge: answers and replies '
                    f"are kept in {out}/.unfinished"
                )
            assert len(judge.requests) == 8, "the replies were kept"
        assert not (out / "verdicts.jsonl").exists() and not (out / "summary.json").exists()
        with serving(fair) as judge:
            assert run_command(*arguments, "--by", judge.address).code == 0
        assert (len(a.requests), len(b.requests)) == (4, 4), "the answers were kept"


def test_instructions_that_are_left_out_are_counted(instructions: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    damaged = [INSTRUCTIONS[0] | {"output": " "}, INSTRUCTIONS[1] | {"instruction": "Say\a"}]
    instructions.write_text(json.dumps([*damaged, *INSTRUCTIONS, *damaged[:1]]))
    with serving(good) as a, serving(bad) as b, serving(fair) as judge:
        result = run_command(
            "judge", a.address, b.address, "--instructions", instructions, "--by", judge.address,
            "--out", out,
        )  # fmt: skip
    line = (
        "3 instructions left out: 2 empty, 1 with a control, replacement or private-use character "
        "in a text or a conflict"
    )
    assert (result.code, result.stdout.splitlines()[-2]) == (0, line), result
    summary = json.loads((out / "summary.json").read_text())
    assert summary["left_out"] == {"empty": 2, "control": 1}
    instructions.write_text(json.dumps(damaged[1:]))
    none = run_command(
        "judge", "http://127.0.0.1:9/v1#x", "http://127.0.0.1:9/v1#y", "--instructions",
        instructions, "--by", "http://127.0.0.1:9/v1#x", "--out", tmp_path / "other",
    )  # fmt: skip
    assert last_line(none) == (
        f"ontarget: {instructions}: no instruction is left of 1 (1 with a control, replacement or "
        "private-use character in a text or a conflict); remove it from the text"
    )


def slow(request: Request) -> None:
    """A judge that thinks for longer than a line of progress takes to appear."""
    time.sleep(0.4)
    fair(request)


def test_a_slow_judge_shows_its_progress_in_a_log_file(
    instructions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "LOG_SECONDS", 0.05)
    with serving(good) as a, serving(bad) as b, serving(slow) as judge:
        result = run_command(
            "judge", a.address, b.address, "--instructions", instructions, "--by", judge.address,
            "--out", tmp_path / "out",
        )  # fmt: skip
    assert result.code == 0, result
    lines = [" ".join(line.split()) for line in result.stderr.splitlines()]
    assert lines[0] == "judge started"
    assert "judge 0 of 8 verdicts" in lines, "before the first verdict"
    assert lines[-1].startswith("judge ") and " of 8 verdicts" in lines[-1], lines


def test_answers_that_are_kept_start_the_log_of_a_judge(
    instructions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No model answers before the judge, whose first verdict can take long."""
    monkeypatch.setattr(console, "LOG_SECONDS", 0.05)

    def refuse(request: Request) -> None:
        answer(request, b"{}", status=401)

    with serving(good) as a, serving(bad) as b:
        arguments = ("judge", a.address, b.address, "--instructions", instructions,
                     "--out", tmp_path / "out")  # fmt: skip
        with serving(refuse) as judge:
            assert run_command(*arguments, "--by", judge.address).code == 2
        with serving(slow) as judge:
            result = run_command(*arguments, "--by", judge.address)
    assert result.code == 0 and "judge" + " " * 20 + "0 of 8  verdicts" in result.stderr, result


def test_a_slow_judge_shows_its_progress_on_a_terminal(
    instructions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=100, highlight=False)
    monkeypatch.setattr(console, "error_console", lambda: screen)
    with serving(good) as a, serving(bad) as b, serving(slow) as judge:
        result = run_command(
            "judge", a.address, b.address, "--instructions", instructions, "--by", judge.address,
            "--out", tmp_path / "out",
        )  # fmt: skip
    assert result.code == 0, result
    assert isinstance(screen.file, io.StringIO)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.file.getvalue())
    assert re.search(r"judge .* 0% verdicts", shown), shown


def test_no_interval_is_printed_without_a_judged_pair() -> None:
    lines = lines_of(compare([(None, "1")]), "a")
    assert lines[:4] == ["win          0  -", "tie          0  -", "lose         0  -",
                         "unclear      1"]  # fmt: skip


@pytest.mark.parametrize("place", [".unfinished", ".unfinished/A", ".unfinished/replies"])
def test_a_link_in_the_folder_is_an_error_and_not_followed(
    instructions: Path, tmp_path: Path, place: str
) -> None:
    theirs, out = tmp_path / "theirs", tmp_path / "out"
    theirs.mkdir()
    (out / place).parent.mkdir(parents=True)
    (out / place).symlink_to(theirs)
    with serving(good) as a, serving(bad) as b, serving(fair) as judge:
        result = run_command(
            "judge", a.address, b.address, "--instructions", instructions, "--by", judge.address,
            "--out", out,
        )  # fmt: skip
        assert not a.requests
    expected = f"ontarget: {out / place}: is a link, expected a folder of this run; remove the link"
    assert last_line(result) == expected
    assert list(theirs.iterdir()) == []


@pytest.mark.parametrize("changed", ["models", "judge", "template", "max_new_tokens", "texts"])
def test_verdicts_of_another_comparison_are_not_replaced(
    instructions: Path, tmp_path: Path, changed: str
) -> None:
    out = tmp_path / "out"
    with serving(good) as a, serving(bad) as b, serving(fair) as judge, serving(fair) as other:

        def run(one: str = a.address, by: str = judge.address, *more: str) -> Result:
            arguments = (one, b.address, "--instructions", instructions, "--by", by, "--out", out)
            return run_command("judge", *arguments, *more)

        assert run().code == 0
        before = (out / "verdicts.jsonl").read_bytes()
        summary = json.loads((out / "summary.json").read_text())
        asked_before = len(a.requests) + len(b.requests)
        changes: dict[str, tuple[list[str], str]] = {
            "models": ([other.address, judge.address], f"models {[a.address, b.address]}"),
            "judge": ([a.address, other.address], f"judge {judge.address}"),
            "template": (["--template", "instruction"], "template of the models"),
            "max_new_tokens": (["--max-new-tokens", "9"], "max_new_tokens 512"),
            "texts": (
                ["--limit", "3"], f"instructions_sha256 {summary['instructions_sha256']}",
            ),
        }  # fmt: skip
        arguments, said = changes[changed]
        is_option = arguments[0].startswith("--")
        result = run(a.address, judge.address, *arguments) if is_option else run(*arguments)
        assert last_line(result) == (
            f"ontarget: {out}: was begun with {said}; give another --out, or the same choices"
        )
        assert (out / "verdicts.jsonl").read_bytes() == before
        assert len(a.requests) + len(b.requests) == asked_before, "found before anything is asked"
        assert run().code == 0, "the same comparison may be made again"


NOT_OURS = {
    "verdicts.jsonl": "{out}/verdicts.jsonl: has no summary.json beside it, so it may not be ours; "
    "move it away, or give another --out",
    "summary.json": "{out}/summary.json: does not say what was compared; move it away, or give "
    "another --out",
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_a_file_of_the_user_is_not_replaced(instructions: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("mine")
    addresses = ("http://127.0.0.1:9/v1#x", "http://127.0.0.1:9/v1#y")
    arguments = ("judge", *addresses, "--instructions", instructions, "--by", addresses[0])
    result = run_command(*arguments, "--out", out)
    assert last_line(result) == "ontarget: " + NOT_OURS[name].format(out=out)
    assert (out / name).read_text() == "mine"
    (out / name).rename(tmp_path / "elsewhere")
    (out / name).symlink_to(tmp_path / "elsewhere")
    assert last_line(run_command(*arguments, "--out", out)) == (
        f"ontarget: {out / name}: is no regular file; move it away, or give another --out"
    )
