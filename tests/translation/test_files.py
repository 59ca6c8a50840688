"""A file to its translation: order, resuming, failures, places."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from support.answering import answering, shout

from ontarget.decoding.base import Hypothesis, failed
from ontarget.errors import TranslationError
from ontarget.records import Sample
from ontarget.translation import files
from ontarget.translation.documents.base import Reading
from ontarget.translation.files import FileRun, detect_language, output_of, translate_file

READING = Reading(source_lang="en", target_lang="it")
PROGRAM = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from support.answering import AnsweringTranslator
from ontarget.records import Direction
from ontarget.translation import files
from ontarget.translation.documents.base import Reading
from ontarget.translation.translating import Translating

class Slow(AnsweringTranslator):
    def translate(self, samples):
        for batch in super().translate(samples):
            yield batch  # it is in the journal when the next one is asked for
            time.sleep(0.02)
            with open({log!r}, "a") as log:
                log.writelines(samples[index].source + chr(10) for index in batch)

files.CHUNK = 20
how = Translating(translator=Slow(), direction=Direction("en", "it"))
files.translate_file(Path({path!r}), Path({out!r}), how,
                     Reading(source_lang="en", target_lang="it"), files.FileRun(name="x"))
"""


def test_a_killed_run_goes_on_without_repeating_or_losing_a_segment(tmp_path: Path) -> None:
    path, out, log = tmp_path / "a.txt", tmp_path / "a.it.txt", tmp_path / "log"
    lines = [f"line {number}" for number in range(60)]
    path.write_text("\n\n".join(lines))
    tests = str(Path(__file__).parents[1])
    program = PROGRAM.format(tests=tests, log=str(log), path=str(path), out=str(out))
    command = [sys.executable, "-c", program]
    for part in (10, 36):
        process = subprocess.Popen(command)
        while not log.exists() or len(log.read_text().splitlines()) < part:
            assert process.poll() is None
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not out.exists()
    subprocess.run(command, check=True)
    assert out.read_text() == "\n\n".join(lines).upper()
    counts = Counter(log.read_text().splitlines())
    assert set(counts) <= set(lines) and max(counts.values()) == 1
    assert len(counts) >= len(lines) - 4  # those of a batch that was journaled, not yet logged
    assert {p.name for p in tmp_path.iterdir()} == {"a.txt", "a.it.txt", "log"}


def test_failed_segments_are_listed_by_line_and_are_all_that_is_translated_again(
    tmp_path: Path,
) -> None:
    path, out = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_text("one\ntwo\n\nthree\n")
    broken = answering(lambda s, p: failed("timed out") if s.source == "two" else shout(s, p))
    summary = translate_file(path, out, broken, READING, FileRun(name="a.txt"))
    assert out.read_text() == "ONE\n\n\nTHREE\n"
    assert [str(fault) for fault in summary.faults] == ["a.txt:2: not translated: timed out"]
    assert (summary.segments, summary.failed) == (3, 1)
    how = answering()
    summary = translate_file(path, out, how, READING, FileRun(name="a.txt"))
    assert (out.read_text(), summary.faults) == ("ONE\nTWO\n\nTHREE\n", [])
    assert len(how.translator.seen) == 1  # type: ignore[attr-defined]


def test_the_source_stays_where_a_document_has_no_translation(tmp_path: Path) -> None:
    path, out = tmp_path / "a.md", tmp_path / "b.md"
    path.write_text("# one\n\ntwo\n")
    broken = answering(lambda s, p: failed("no") if s.source == "two" else shout(s, p))
    translate_file(path, out, broken, READING, FileRun(name="a.md"))
    assert out.read_text() == "# ONE\n\ntwo\n"


def test_another_input_or_model_is_not_read_from_the_journal(tmp_path: Path) -> None:
    path, out = tmp_path / "a.txt", tmp_path / "b.txt"
    broken = answering(lambda s, p: failed("no") if s.source == "x" else shout(s, p))
    path.write_text("one\nx\n")
    translate_file(path, out, broken, READING, FileRun(name="a"))
    path.write_text("two\ny\n")
    translate_file(path, out, answering(), READING, FileRun(name="a"))
    assert out.read_text() == "TWO\nY\n"


def test_chunks_are_in_order_and_progress_ends_at_the_total(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK", 3)
    path, out = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_text("".join(f"{'line ' * (n % 3 + 1)}{n}\n\n" for n in range(20)))
    told: list[tuple[str, int, int]] = []
    run = FileRun(name="a", tell=lambda *state: told.append(state))
    translate_file(path, out, answering(), READING, run)
    assert out.read_text() == path.read_text().upper()
    assert told[-1] == ("segments", 20, 20)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_an_empty_file_and_the_input_as_output_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n123\n\n")
    path.write_text("")
    with pytest.raises(TranslationError, match=r"a: has nothing to translate; is it the right"):
        translate_file(path, tmp_path / "b.txt", answering(), READING, FileRun(name="a"))
    with pytest.raises(TranslationError, match="would be replaced by its translation"):
        translate_file(path, path, answering(), READING, FileRun(name="a"))


def test_a_changed_structure_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text("<p>one</p>")

    def hostile(sample: Sample, prompt: str) -> Hypothesis:
        return Hypothesis("a < b & c")

    out = tmp_path / "b.html"
    summary = translate_file(path, out, answering(hostile), READING, FileRun(name="a"))
    assert (out.read_text(), summary.faults) == ("<p>a &lt; b &amp; c</p>", [])
    assert [*files.structure_faults(path, "<p>one</b>", "a")][0].failed


def test_outputs_are_named_after_the_input_and_the_language(tmp_path: Path) -> None:
    assert output_of(Path("a/b.md"), "it", None, several=True) == Path("a/b.it.md")
    assert output_of(Path("b.txt.gz"), "it", None, several=True) == Path("b.it.txt")
    assert output_of(Path("a/b.md"), "it", tmp_path, several=True) == tmp_path / "b.it.md"
    assert output_of(Path("a/b.md"), "it", Path("x.md"), several=False) == Path("x.md")
    with pytest.raises(TranslationError, match=r"x\.md: several translations need a folder"):
        output_of(Path("a/b.md"), "it", Path("x.md"), several=True)


def test_the_source_language_is_detected_or_asked_for() -> None:
    assert detect_language(["Buongiorno a tutti, come state oggi?"], "x") == "it"
    with pytest.raises(TranslationError, match="x: the language cannot be told; name it with"):
        detect_language(["123"], "x")


def test_a_full_disk_is_one_error_and_what_is_finished_is_kept(tmp_path: Path) -> None:
    path, out, log = tmp_path / "a.txt", tmp_path / "a.it.txt", tmp_path / "log"
    path.write_text("".join(f"line {number} {'x' * 100}\n" for number in range(60)))
    tests = str(Path(__file__).parents[1])
    program = PROGRAM.format(tests=tests, log=str(log), path=str(path), out=str(out))
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
    full = subprocess.run(
        [sys.executable, "-c", limit + program], capture_output=True, text=True, check=False
    )
    last = full.stderr.strip().splitlines()[-1]
    assert "ArtifactError" in last and "a.it.txt: cannot be written (File too large)" in last
    assert not out.exists()
    log.write_text("")
    subprocess.run([sys.executable, "-c", program], check=True)
    assert out.read_text() == path.read_text().upper()
    assert 0 < len(log.read_text().splitlines()) < 60
