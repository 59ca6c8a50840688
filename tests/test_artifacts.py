"""Folders and files appear complete or not at all; damage and full disks are one line."""

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ontarget.artifacts import (
    check_no_links,
    fingerprint,
    lock_folder,
    lock_output,
    prepare_unfinished,
    publish_file,
    publish_folder,
    read_jsonl,
    read_stamp,
    remove_tree,
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


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_absent_until_its_block_ends(tmp_path: Path) -> None:
    with publish_folder(tmp_path / "deep" / "step") as partial:
        (partial / "a").write_text("new")
        assert not (tmp_path / "deep" / "step").exists()
    assert contents(tmp_path / "deep" / "step") == {"a": "new"}
    assert names(tmp_path / "deep") == ["step"]


def test_a_new_folder_replaces_the_old_one_completely(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with publish_folder(tmp_path / "step", "sign") as partial:
            (partial / name).write_text(name)
            (partial / "sign").write_text("")
    assert contents(tmp_path / "step") == {"new": "new", "sign": ""}
    assert names(tmp_path) == ["step"]


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
    assert names(tmp_path) == ["step"]


@pytest.mark.parametrize("kind", ["partial", "outdated"])
def test_folders_left_by_a_killed_process_are_removed(tmp_path: Path, kind: str) -> None:
    """`outdated` remains if the process was killed between the two renames."""
    (tmp_path / f".step.4321.{kind}").mkdir()
    (tmp_path / f".step.4321.{kind}" / "a").write_text("old")
    with publish_folder(tmp_path / "step") as partial:
        assert list(partial.iterdir()) == []
        (partial / "a").write_text("new")
    assert contents(tmp_path / "step") == {"a": "new"}
    assert names(tmp_path) == ["step"]


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


def test_the_process_id_keeps_the_partial_files_of_two_writers_apart(tmp_path: Path) -> None:
    """A second process writes the same file meanwhile; the last one to finish wins, completely."""
    second = (
        "import sys, pathlib\n"
        "from ontarget.artifacts import publish_file, publish_folder\n"
        "place = pathlib.Path(sys.argv[1])\n"
        "with publish_file(place / 'file') as out: out.write('second')\n"
    )
    pid = os.getpid()
    with publish_file(tmp_path / "file") as out:
        out.write("first")
        subprocess.run([sys.executable, "-c", second, str(tmp_path)], check=True)
        assert (tmp_path / "file").read_text() == "second"
        assert names(tmp_path) == [f".file.{pid}.partial", "file"]
    assert contents(tmp_path) == {"file": "first"}
    with publish_folder(tmp_path / "step"):
        assert names(tmp_path) == [f".step.{pid}.partial", "file"]


def test_a_file_is_absent_until_its_block_ends(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), publish_file(tmp_path / "file") as out:
        out.write("half")
        raise ZeroDivisionError
    assert names(tmp_path) == []
    with publish_file(tmp_path / "file") as out:
        out.write("è")
        out.flush()
        assert not (tmp_path / "file").exists()
    assert (tmp_path / "file").read_bytes() == "è".encode()
    assert names(tmp_path) == ["file"]


def test_a_partial_file_that_is_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / f".file.{os.getpid()}.partial").symlink_to(outside)
    with publish_file(tmp_path / "file") as out:
        out.write("new")
    assert contents(tmp_path) == {"file": "new", "outside": "mine"}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ArtifactError, match="run: cannot be written .*; choose another out"),
        lock_folder(tmp_path / "file" / "run"),
    ):
        raise AssertionError


@pytest.mark.parametrize("lock", [lock_folder, lock_output])
def test_a_place_has_one_writer_at_a_time(tmp_path: Path, lock: Callable[[Path], Any]) -> None:
    place = tmp_path / "place"
    with lock(place):
        message = "another ontarget works there; wait for it"
        with pytest.raises(ArtifactError, match=message), lock(place):
            raise AssertionError
    with lock(place):  # free again
        pass


def test_the_lock_of_an_output_leaves_no_file(tmp_path: Path) -> None:
    with lock_output(tmp_path / "out.md"):
        assert names(tmp_path) == [".out.md.lock"]
    assert names(tmp_path) == []
    with pytest.raises(ZeroDivisionError), lock_output(tmp_path / "out.md"):
        raise ZeroDivisionError
    assert names(tmp_path) == []


def test_nothing_is_written_into_a_folder_that_took_the_place_of_the_locked_one(
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    message = f"{run}: was moved or replaced while it was in use; nothing more is written there"
    with (
        lock_folder(run) as lock,
        pytest.raises(ArtifactError, match=re.escape(message)),
        publish_folder(run / "step", still_locked=lock.check) as partial,
    ):
        (partial / "a").write_text("new")
        run.rename(tmp_path / "moved")
        run.mkdir()
        (run / "mine").write_text("mine")
    assert names(run) == ["mine"]
    assert "step" not in names(tmp_path / "moved")


def test_a_stamp_is_valid_only_while_its_files_are_unchanged(tmp_path: Path) -> None:
    assert read_stamp(tmp_path) is None
    (tmp_path / "a").write_text("text")
    write_stamp(tmp_path, {"fingerprint": "f", "result": {}})
    stamp = read_stamp(tmp_path)
    assert stamp is not None
    sha256_of_text = "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"
    assert stamp["outputs"] == {"a": sha256_of_text}
    (tmp_path / "a").write_text("another")
    assert read_stamp(tmp_path) is None
    (tmp_path / "a").unlink()
    assert read_stamp(tmp_path) is None


DEEP = "[" * 100_000
STAMPS: dict[str, Callable[[dict[str, Any]], str]] = {
    "empty": lambda _: "",
    "not JSON": lambda _: "{",
    "an empty object": lambda _: "{}",
    "a list": lambda _: "[]",
    "deeply nested": lambda _: DEEP,
    "a deeply nested value": lambda _: f'{{"sha256": {DEEP}',
    "not UTF-8": lambda _: "\udcff",
    "a changed value": lambda stamp: json.dumps(stamp | {"fingerprint": "g"}),
    "a changed result": lambda stamp: json.dumps(stamp | {"result": {"steps": 2}}),
    "a changed hash of a file": lambda stamp: json.dumps(stamp | {"outputs": {"a": "0" * 64}}),
    "a file left out": lambda stamp: json.dumps(stamp | {"outputs": {}}),
    "an added key": lambda stamp: json.dumps(stamp | {"more": 1}),
    "no hash of its own": lambda stamp: json.dumps(stamp | {"sha256": None}),
    "no result": lambda stamp: signed(stamp, result=None),
    "no fingerprint": lambda stamp: signed(stamp, fingerprint=None),
    "no outputs": lambda stamp: signed(stamp, outputs=None),
    "outputs as a list": lambda stamp: signed(stamp, outputs=["a"]),
    "outputs that are numbers": lambda stamp: signed(stamp, outputs={"a": 1}),
}


def signed(stamp: dict[str, Any], **changes: Any) -> str:
    """A stamp with some values replaced (None: left out) and a hash that fits."""
    content = {key: value for key, value in (stamp | changes).items() if value is not None}
    del content["sha256"]
    return json.dumps(content | {"sha256": fingerprint(content)})


@pytest.mark.parametrize("case", STAMPS)
def test_a_damaged_or_altered_stamp_counts_as_missing(tmp_path: Path, case: str) -> None:
    (tmp_path / "a").write_text("text")
    write_stamp(tmp_path, {"fingerprint": "f", "result": {"steps": 1}})
    assert read_stamp(tmp_path) is not None
    stamp = json.loads((tmp_path / "step.json").read_text())
    text = STAMPS[case](stamp)
    (tmp_path / "step.json").write_bytes(text.encode(errors="surrogateescape"))
    assert read_stamp(tmp_path) is None


def test_a_fingerprint_depends_on_content_not_on_order() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_records_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    notes = [Note('quo"te\u2028'), Note("è\nline")]
    assert write_jsonl(tmp_path / "n.jsonl", notes) == 2
    assert read_jsonl(tmp_path / "n.jsonl", Note) == notes
    assert write_jsonl(tmp_path / "none.jsonl", []) == 0
    assert read_jsonl(tmp_path / "none.jsonl", Note) == []


@pytest.mark.parametrize("line", ["{", '{"other": 1}', "[1]", '"a"', DEEP])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "n.jsonl").write_text('{"text": "fine"}\n' + line + "\n")
    message = r"n.jsonl:2: not a valid Note \(.*remove its folder and run"
    with pytest.raises(ArtifactError, match=message):
        read_jsonl(tmp_path / "n.jsonl", Note)


def test_a_missing_artifact_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="n.jsonl: cannot be read .*; run the step that writes"):
        read_jsonl(tmp_path / "n.jsonl", Note)


def test_json_files_are_legible(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "è"})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "è"}
    assert "è" in text
    assert text.endswith("}\n")


def test_a_folder_that_ontarget_did_not_make_is_not_replaced(tmp_path: Path) -> None:
    place = tmp_path / "step"
    place.mkdir()
    (place / "thesis.txt").write_text("mine")
    text = "holds no step.json, so it may not be ours; move it away or choose another out"
    with pytest.raises(ArtifactError, match=text), publish_folder(place):
        raise AssertionError
    assert contents(place) == {"thesis.txt": "mine"}
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    text = "not a folder, expected one of ours or nothing; move it away"
    for other in (link, place / "thesis.txt"):
        with pytest.raises(ArtifactError, match=text), publish_folder(other):
            raise AssertionError
    (tmp_path / "empty").mkdir()
    with publish_folder(tmp_path / "empty") as partial:
        (partial / "a").write_text("new")
    assert contents(tmp_path / "empty") == {"a": "new"}


def test_a_folder_that_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    message = "holds no step.json"
    with pytest.raises(ArtifactError, match=message), publish_folder(tmp_path / "step"):
        (tmp_path / "step").mkdir()
        (tmp_path / "step" / "mine").write_text("mine")
    assert contents(tmp_path / "step") == {"mine": "mine"}
    assert names(tmp_path) == ["step"]


def as_fifo(path: Path) -> None:
    os.mkfifo(path)


def as_folder(path: Path) -> None:
    path.mkdir()


def as_link(path: Path) -> None:
    path.symlink_to(path.parent / "outside")


@pytest.mark.parametrize("make", [as_fifo, as_folder, as_link])
def test_a_lock_that_is_not_a_file_is_neither_waited_for_nor_followed(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / ".lock")
    text = ".lock: not a file, expected one to lock; remove it"
    with pytest.raises(ArtifactError, match=text), lock_folder(tmp_path):
        raise AssertionError
    make(tmp_path / ".out.lock")
    text = "cannot be written|not a file"
    with pytest.raises(ArtifactError, match=text), lock_output(tmp_path / "out"):
        raise AssertionError
    assert not (tmp_path / "outside").exists()


def test_a_lock_does_not_change_the_file_that_it_locks(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("mine")
    with lock_folder(tmp_path):
        pass
    assert contents(tmp_path) == {".lock": "mine"}


def test_links_are_removed_not_what_they_point_to(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "made_from").write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(outside)
    remove_tree(link)
    assert not link.is_symlink() and contents(outside) == {"made_from": "mine"}
    link.symlink_to(outside)
    prepare_unfinished(link, "mine")
    assert not link.is_symlink() and contents(link) == {"made_from": "mine"}
    (link / "more").write_text("")
    prepare_unfinished(link, "other")
    assert contents(link) == {"made_from": "other"} and contents(outside) == {"made_from": "mine"}


def test_a_link_on_the_way_to_a_folder_is_named(tmp_path: Path) -> None:
    run = tmp_path / "link" / "run"
    (tmp_path / "real" / "run" / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")  # above the run: the user's business
    check_no_links(run, run / "a" / "b")
    (run / "c").symlink_to(run / "a")
    with pytest.raises(ArtifactError, match=r"c: is a link, expected a folder of this run; remove"):
        check_no_links(run, run / "c" / "b")


@pytest.mark.parametrize("name", ["*", "[a]", "?"])
def test_only_leftovers_of_the_same_name_are_removed(name: str, tmp_path: Path) -> None:
    """A name may hold characters that a pattern would expand."""
    (tmp_path / ".other.1.partial").mkdir()
    (tmp_path / f".{name}.1.partial").mkdir()
    (tmp_path / f".{name}.2.partial").write_text("of a file")
    with publish_folder(tmp_path / name):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {name, ".other.1.partial"}


@pytest.mark.parametrize("place", ["/dev/null", "/", ""])
def test_no_lock_is_made_beside_a_device(place: str) -> None:
    before = set(Path("/dev").glob(".*")) | set(Path("/").glob(".*"))
    text = "is not a regular file; give another place|is a folder; give the name of a file"
    with pytest.raises(ArtifactError, match=text), lock_output(Path(place)):
        raise AssertionError
    assert set(Path("/dev").glob(".*")) | set(Path("/").glob(".*")) == before


def test_what_a_killed_writer_left_of_a_file_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".out.1.partial").write_text("half")
    with lock_output(tmp_path / "out"), publish_file(tmp_path / "out") as out:
        out.write("whole")
    assert contents(tmp_path) == {"out": "whole"}
