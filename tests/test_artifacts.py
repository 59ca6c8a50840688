"""Folders appear whole or not at all; damage and full disks are one line."""

import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from ontarget.artifacts import (
    fingerprint,
    lock,
    publish_folder,
    read_jsonl,
    read_stamp,
    write_json,
    write_jsonl,
    write_stamp,
)
from ontarget.errors import ArtifactError, CorpusError


@dataclass
class Note:
    text: str


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir()) if path.is_file()}


def test_a_folder_is_absent_until_its_block_ends(tmp_path: Path) -> None:
    with publish_folder(tmp_path / "deep" / "step") as partial:
        (partial / "a").write_text("new")
        assert not (tmp_path / "deep" / "step").exists()
    assert contents(tmp_path / "deep" / "step") == {"a": "new"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["step"]


def test_a_new_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with publish_folder(tmp_path / "step", "sign") as partial:
            (partial / name).write_text(name)
            (partial / "sign").write_text("")
    assert contents(tmp_path / "step") == {"new": "new", "sign": ""}


@pytest.mark.parametrize("failure", [CorpusError("bad"), RuntimeError("bug"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_folder_and_nothing_else(
    tmp_path: Path, failure: BaseException
) -> None:
    with publish_folder(tmp_path / "step") as partial:
        (partial / "a").write_text("old")
    with pytest.raises(type(failure)), publish_folder(tmp_path / "step", "a") as partial:
        (partial / "a").write_text("half")
        raise failure
    assert contents(tmp_path / "step") == {"a": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["step"]


def test_what_a_run_killed_between_two_renames_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".step.outdated").mkdir()
    (tmp_path / ".step.outdated" / "a").write_text("old")
    with publish_folder(tmp_path / "step") as partial:
        (partial / "a").write_text("new")
    assert contents(tmp_path / "step") == {"a": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["step"]


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".step.partial"
    left.mkdir()
    (left / "half").write_text("")
    with publish_folder(tmp_path / "step") as partial:
        assert list(partial.iterdir()) == []


@pytest.mark.parametrize(
    "full",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("Error while serializing: IoError(No space left on device (os error 28))"),
    ],
)
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, full: Exception) -> None:
    with (
        pytest.raises(ArtifactError, match=r"step: cannot be written \(.*No space left.*make room"),
        publish_folder(tmp_path / "step"),
    ):
        raise full
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ArtifactError, match="run: cannot be written .*; choose another out"),
        lock(tmp_path / "file" / "run"),
    ):
        pass


def test_two_users_of_a_run_are_one_too_many(tmp_path: Path) -> None:
    with (
        lock(tmp_path),
        pytest.raises(ArtifactError, match="another ontarget works there; wait for it"),
        lock(tmp_path),
    ):
        pass
    with lock(tmp_path):  # free again
        pass


def test_a_stamp_holds_only_while_its_files_are_as_they_were(tmp_path: Path) -> None:
    assert read_stamp(tmp_path) is None
    (tmp_path / "a").write_text("text")
    write_stamp(tmp_path, {"fingerprint": "f", "result": {}})
    found = read_stamp(tmp_path)
    assert found is not None
    sha256_of_text = "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"
    assert found["outputs"] == {"a": sha256_of_text}
    (tmp_path / "a").write_text("another")
    assert read_stamp(tmp_path) is None
    (tmp_path / "a").unlink()
    assert read_stamp(tmp_path) is None


@pytest.mark.parametrize("damage", ["", "{", "{}", "[]"])
def test_a_damaged_stamp_counts_as_none(tmp_path: Path, damage: str) -> None:
    (tmp_path / "step.json").write_text(damage)
    assert read_stamp(tmp_path) is None


def test_a_fingerprint_depends_on_content_not_on_order() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_lines_are_read_back(tmp_path: Path) -> None:
    notes = [Note('quo"te\u2028'), Note("è\nline")]
    assert write_jsonl(tmp_path / "n.jsonl", notes) == 2
    assert read_jsonl(tmp_path / "n.jsonl", Note) == notes
    assert write_jsonl(tmp_path / "none.jsonl", []) == 0
    assert read_jsonl(tmp_path / "none.jsonl", Note) == []


@pytest.mark.parametrize("line", ["{", '{"other": 1}', "[1]", '"a"'])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "n.jsonl").write_text('{"text": "fine"}\n' + line + "\n")
    with pytest.raises(ArtifactError, match=r"n.jsonl:2: is no Note \(.*remove its folder and run"):
        read_jsonl(tmp_path / "n.jsonl", Note)


def test_a_missing_artifact_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="n.jsonl: cannot be read .*; run the step that writes"):
        read_jsonl(tmp_path / "n.jsonl", Note)


def test_json_is_readable_by_people(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "è"})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "è"}
    assert "è" in text
    assert text.endswith("}\n")


def test_what_is_not_ours_is_not_removed(tmp_path: Path) -> None:
    place = tmp_path / "step"
    place.mkdir()
    (place / "thesis.txt").write_text("mine")
    text = "holds no step.json, so it may not be ours; move it away or choose another out"
    with pytest.raises(ArtifactError, match=text), publish_folder(place):
        raise AssertionError
    assert contents(place) == {"thesis.txt": "mine"}
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    text = "is no folder, expected one of ours or nothing; move it away"
    for other in (link, place / "thesis.txt"):
        with pytest.raises(ArtifactError, match=text), publish_folder(other):
            raise AssertionError
    (tmp_path / "empty").mkdir()
    with publish_folder(tmp_path / "empty") as partial:
        (partial / "a").write_text("new")
    assert contents(tmp_path / "empty") == {"a": "new"}


def test_a_pipe_in_place_of_the_lock_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".lock")
    text = ".lock: is no file, expected one to lock; remove it"
    with pytest.raises(ArtifactError, match=text), lock(tmp_path):
        raise AssertionError
