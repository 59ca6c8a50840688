"""A translation that is killed and resumed: nothing is translated twice, the result is the same."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st
from support.models import tiny

from ontarget.decoding.base import Hypothesis, Search
from ontarget.decoding.hf.translator import HuggingFaceTranslator
from ontarget.decoding.resume import FILE, translate_resumably
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.records import Sample

TEXTS = ["ciao", "", "città\n", "a" * 9, "\ud800?", "no", "x"]


def samples(count: int) -> list[Sample]:
    return [
        Sample(
            key=str(number), source_lang="en", asked_lang="it", target_lang="it",
            source="hello " * (1 + number % 4), target="",
        )
        for number in range(count)
    ]  # fmt: skip


@dataclass
class InPairs:
    """Translates in pairs, last sample first, and remembers the keys of all pairs."""

    translated: list[list[str]] = field(default_factory=list)

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        indices = range(len(samples))[::-1]
        for start in range(0, len(samples), 2):
            pair = indices[start : start + 2]
            self.translated.append([samples[index].key for index in pair])
            yield {
                index: Hypothesis(TEXTS[int(samples[index].key)], truncated=index % 3 == 0)
                for index in pair
            }


@given(st.integers(0, 400), st.binary(max_size=5))
def test_whatever_a_kill_left_only_complete_batches_are_kept_and_the_result_is_the_same(
    cut: int, garbage: bytes
) -> None:
    with TemporaryDirectory() as name:
        folder, whole = Path(name), InPairs()
        expected = translate_resumably(whole, samples(7), folder)
        content = (folder / FILE).read_bytes()
        assert [hypothesis.text for hypothesis in expected] == TEXTS
        kept = content[:cut].count(b"\n")
        (folder / FILE).write_bytes(content[:cut] + garbage.replace(b"\n", b""))
        rest, progress = InPairs(), list[tuple[int, int]]()
        found = translate_resumably(rest, samples(7), folder, lambda *done: progress.append(done))
        assert found == expected
        assert rest.translated == whole.translated[kept:]
        assert progress == [(min(7, 2 * (kept + n + 1)), 7) for n in range(4 - kept)]
        assert (folder / FILE).read_bytes() == content


KILLED = """
import os, signal, sys
from pathlib import Path
from ontarget.decoding.base import Hypothesis
from ontarget.decoding.resume import translate_resumably
from ontarget.records import Sample

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

class Counting:
    def translate(self, samples):
        for number, sample in enumerate(samples):
            with Path(sys.argv[2]).open("a") as log:
                log.write(sample.key + "\\n")
            if number == 1 and sys.argv[3] == "translating":
                die()
            yield {number: Hypothesis("text " + sample.key)}

samples = [
    Sample(key=str(n), source_lang="en", asked_lang="it", target_lang="it", source="", target="")
    for n in range(4)
]
if sys.argv[3] == "writing":
    os.fsync = die
found = translate_resumably(
    Counting(), samples, Path(sys.argv[1]), die if sys.argv[3] == "after" else lambda *_: None
)
print(*(hypothesis.text for hypothesis in found), sep=",")
"""


def test_a_killed_translation_goes_on_behind_the_last_batch_on_disk(tmp_path: Path) -> None:
    """Killed while the second sample is translated, while a batch is flushed, and after one."""
    log, results = tmp_path / "log", []
    for moment in ("translating", "writing", "after", "never"):
        command = [sys.executable, "-c", KILLED, str(tmp_path / "left"), str(log), moment]
        results.append(subprocess.run(command, capture_output=True, text=True))
    assert [done.returncode for done in results] == [-9, -9, -9, 0]
    assert results[-1].stdout == "text 0,text 1,text 2,text 3\n"
    assert log.read_text().split() == ["0", "1", "1", "2", "3"]  # sample 1 was never finished


def test_a_hugging_face_model_goes_on_with_the_same_batches() -> None:
    """Without the samples of the first batches, the batches and texts that follow are the same."""
    search = Search(beams=1, max_new_tokens=3, batch=2)
    translator = HuggingFaceTranslator(tiny(), PromptFormat(template=TEMPLATES["plain"]), search)
    whole = list(translator.translate(samples(7)))
    for done in range(len(whole)):
        finished = {index for batch in whole[:done] for index in batch}
        left = [index for index in range(7) if index not in finished]
        rest = translator.translate([samples(7)[index] for index in left])
        assert [{left[i]: found for i, found in batch.items()} for batch in rest] == whole[done:]


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("[]\n")
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / FILE).symlink_to(tmp_path / "mine")
    translate_resumably(InPairs(), samples(7), tmp_path / "left")
    assert (tmp_path / "mine").read_text() == "[]\n"


class Unsteady(InPairs):
    """Fails on the samples in `fails`, in pairs as before."""

    fails: tuple[int, ...] = ()

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        for batch in super().translate(samples):
            yield {
                index: Hypothesis("", error="busy") if int(samples[index].key) in self.fails else h
                for index, h in batch.items()
            }


def test_segments_that_failed_are_tried_again_and_no_others(tmp_path: Path) -> None:
    first, second = Unsteady(), Unsteady()
    first.fails = (0, 4, 5)  # 6 | 5, 4 | 3, 2 | 1, 0
    found = translate_resumably(first, samples(7), tmp_path)
    assert [bool(hypothesis.error) for hypothesis in found] == [n in (0, 4, 5) for n in range(7)]
    found = translate_resumably(second, samples(7), tmp_path)
    assert sorted(key for pair in second.translated for key in pair) == ["0", "4", "5"]
    assert [(hypothesis.text, hypothesis.error) for hypothesis in found] == [
        (text, "") for text in TEXTS
    ]
    assert (tmp_path / FILE).read_bytes().count(b"\n") == 3 + 2  # no line for a failed batch
