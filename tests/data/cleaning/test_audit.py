"""An audit of a corpus with planted faults: what is found, by whom, and after a kill."""

import pickle
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from support.cleaning import EN_IT, PLANTED_AUDIT, a_row, kept, only, planted_reasons, planted_rows

from ontarget.data.cleaning import shards
from ontarget.data.cleaning.audit import AuditedCorpus, audit_corpus
from ontarget.data.cleaning.engines.base import Engine, ThisProcess
from ontarget.data.cleaning.engines.local import Processes
from ontarget.data.cleaning.rows import Audit
from ontarget.records import Direction

SHARDS = [f"{number:06}.parquet" for number in range(4)]


@dataclass(frozen=True)
class Finished:
    """A finished audit, and what was told meanwhile."""

    folder: Path
    corpus: AuditedCorpus
    told: list[int]


def audit_planted(folder: Path, engine: Engine | None = None) -> Finished:
    """Audit the planted rows in four shards."""
    told: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "PAIRS", 250)
        corpus = audit_corpus(planted_rows(), PLANTED_AUDIT, folder, engine, told.append)
    return Finished(folder, corpus, told)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return audit_planted(tmp_path_factory.mktemp("shards"))


def content(corpus: AuditedCorpus) -> list[dict[str, Any]]:
    return [row for table in corpus.tables() for row in table.to_pylist()]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_planted_faults_are_all_that_is_found(finished: Finished) -> None:
    rows = content(finished.corpus)
    assert [row["reason"] for row in rows] == planted_reasons()
    assert [row["key"] for row in rows] == [
        f"{row.key}/en-{target}" for row in planted_rows() for target in ("it", "de")
    ]


def test_shards_are_in_the_order_of_the_corpus_and_what_is_done_is_told(finished: Finished) -> None:
    assert [path.name for path in finished.corpus.shards] == SHARDS
    assert finished.told == [250, 500, 750, 800]
    assert sorted(files(finished.folder)) == SHARDS  # nothing else is left


def test_kept_pairs_are_composed_samples(finished: Finished) -> None:
    samples = kept(finished.corpus, *PLANTED_AUDIT.pairs)
    expected = [row for row in content(finished.corpus) if not row["reason"]]
    assert [(s.key, s.source, s.target) for s in samples] == [
        (row["key"], row["source"], row["target"]) for row in expected
    ]
    assert all(sample.asked_lang == sample.target_lang for sample in samples)
    (composed,) = [sample for sample in samples if sample.key == "a.tsv:5/en-it"]
    assert composed.target.endswith("\u00e9")


def test_a_kept_pair_is_a_sample_in_each_direction_that_is_asked_for(finished: Finished) -> None:
    forth = kept(finished.corpus, EN_IT)
    back = kept(finished.corpus, Direction("it", "en"))
    assert forth and {(s.source_lang, s.asked_lang) for s in forth} == {("en", "it")}
    assert [(s.key, s.source, s.target, s.source_lang, s.asked_lang) for s in back] == [
        (s.key.replace("/en-it", "/it-en"), s.target, s.source, "it", "en") for s in forth
    ]
    assert not kept(finished.corpus) and not kept(finished.corpus, Direction("it", "nl"))


def test_dropped_pairs_are_a_file_that_anybody_can_read(finished: Finished, tmp_path: Path) -> None:
    finished.corpus.write_dropped(tmp_path / "dropped.parquet")
    dropped = parquet.read_table(tmp_path / "dropped.parquet").to_pylist()
    names = ["key", "source_lang", "target_lang", "source", "target", "reason", "detail"]
    assert dropped == [
        {name: row[name] for name in names} for row in content(finished.corpus) if row["reason"]
    ]


def test_several_processes_make_the_same_files_and_the_same_result(
    finished: Finished, tmp_path: Path
) -> None:
    several = audit_planted(tmp_path, Processes(2))
    assert files(tmp_path) == files(finished.folder)
    assert several.told == finished.told
    assert content(several.corpus) == content(finished.corpus)
    assert several.corpus.models == finished.corpus.models


class Killed(Exception):
    """Instead of SIGKILL."""


@dataclass(frozen=True)
class Dies:
    """An engine that makes some shards, and leaves one unfinished."""

    shards: int

    def map(self, tasks: Any, audit: Audit) -> Iterator[int]:
        for number, (path, rows) in enumerate(tasks):
            if number == self.shards:
                path.with_suffix(".partial").write_bytes(b"PAR1 and then nothing")
                raise Killed
            yield from ThisProcess().map([(path, rows)], audit)


def test_a_killed_audit_goes_on_where_it_was_and_ends_equal(
    finished: Finished, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        audit_planted(tmp_path, Dies(2))
    made = {name: (tmp_path / name).stat() for name in SHARDS[:2]}
    assert sorted(files(tmp_path)) == [*SHARDS[:2], "000002.partial"]
    resumed = audit_planted(tmp_path)
    for name, before in made.items():  # not made again
        after = (tmp_path / name).stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert files(tmp_path) == files(finished.folder)
    assert resumed.told == finished.told
    assert content(resumed.corpus) == content(finished.corpus)


def test_a_shard_that_is_deleted_is_made_again(finished: Finished, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(finished.folder, folder)
    (folder / SHARDS[1]).unlink()
    assert content(audit_planted(folder).corpus) == content(finished.corpus)
    assert files(folder) == files(finished.folder)


def test_what_an_audit_checks_can_be_sent_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(PLANTED_AUDIT)) == PLANTED_AUDIT


def test_each_pair_of_languages_has_its_own_lengths(finished: Finished) -> None:
    """The planted languages have words of the same length; the medians say so."""
    assert set(finished.corpus.models) == {EN_IT, Direction("en", "de")}
    for model in finished.corpus.models.values():
        assert model.ratio == pytest.approx(1, abs=0.05)


def test_of_few_pairs_no_lengths_are_learnt_and_none_is_dropped(tmp_path: Path) -> None:
    rows = [a_row(number, en="a", it="b" * 10 ** (number % 3)) for number in range(9)]
    corpus = audit_corpus(rows, Audit(pairs=(EN_IT,), pivot="en", cascade=only(ratio=2)), tmp_path)
    assert not corpus.models and not corpus.numbers.reason.any()


def test_a_corpus_without_pairs_is_no_fault(tmp_path: Path) -> None:
    for rows in ([], [a_row(en="only English")]):  # the second makes a shard
        corpus = audit_corpus(rows, PLANTED_AUDIT, tmp_path)
        assert (
            not len(corpus.numbers.reason)
            and not kept(corpus, *PLANTED_AUDIT.pairs)
            and not corpus.models
        )


def test_rules_that_need_all_pairs_drop_nothing_when_they_are_off(tmp_path: Path) -> None:
    """And pairs that an earlier rule drops are no originals of duplicates."""
    texts = [("a b c d e f", "g h i j k l")] * 3 + [("x", "y " * 300)] + [("x y", "y x")] * 250
    rows = [a_row(number, en=one, it=other) for number, (one, other) in enumerate(texts)]
    audit = Audit(pairs=(EN_IT,), pivot="en", cascade=only())
    assert not audit_corpus(rows, audit, tmp_path).numbers.reason.any()
    (tmp_path / "000000.parquet").unlink()
    strict = only(duplicates=True, ratio=6, max_words=5, corpora={"none.tsv": {"ratio": 9}})
    audit = Audit(pairs=(EN_IT,), pivot="en", cascade=strict)
    names = [row["reason"] for row in content(audit_corpus(rows, audit, tmp_path))]
    assert names == ["length"] * 4 + [""] + ["duplicate"] * 249


def test_numbers_have_one_row_a_pair(finished: Finished) -> None:
    numbers, rows = finished.corpus.numbers, content(finished.corpus)
    assert numbers.source_length.tolist() == [len(row["source"]) for row in rows]
    assert numbers.target_length.tolist() == [len(row["target"]) for row in rows]
    assert numbers.groups == [
        ("en", target, corpus) for corpus in ("a.tsv", "b.tsv") for target in ("it", "de")
    ]
    assert [numbers.groups[place][2] for place in numbers.group] == [
        row["key"].split(":")[0] for row in rows
    ]
