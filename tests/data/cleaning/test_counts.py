"""What an audit found, against counts of the rows themselves."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cleaning import EN_IT, PLANTED_AUDIT, ROWS, SECOND, kept, planted_reasons, planted_rows

from ontarget.data.cleaning import counts
from ontarget.data.cleaning.audit import AuditedCorpus, audit_corpus
from ontarget.data.cleaning.counts import EDGES, SAMPLES, AuditSummary, histogram, summarise
from ontarget.data.cleaning.rules import REASONS


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> AuditedCorpus:
    return audit_corpus(planted_rows(), PLANTED_AUDIT, tmp_path_factory.mktemp("shards"))


@pytest.fixture(scope="module")
def summary(corpus: AuditedCorpus) -> AuditSummary:
    return summarise(corpus)


def test_read_is_kept_and_dropped(summary: AuditSummary) -> None:
    reasons = Counter(planted_reasons())
    kept = reasons.pop("")
    assert summary.dropped == dict(reasons)
    assert list(summary.dropped) == [name for name in REASONS if name in reasons]
    assert (summary.read, summary.kept) == (len(planted_reasons()), kept)
    for group in summary.groups:
        assert group.read == group.kept + sum(group.dropped.values())
        assert sum(group.source_lengths) == sum(group.target_lengths) == group.kept


def test_groups_are_corpora_and_pairs_of_languages(summary: AuditSummary) -> None:
    expected: Counter[tuple[str, ...]] = Counter()
    for number, reason in enumerate(planted_reasons()):
        expected["a.tsv" if number < 2 * SECOND else "b.tsv", ("it", "de")[number % 2], reason] += 1
    for group in summary.groups:
        assert group.source_lang == "en"
        for reason in ("", *REASONS):
            count = group.dropped.get(reason, 0) if reason else group.kept
            assert count == expected[group.corpus, group.target_lang, reason], (group, reason)
    assert len(summary.groups) == 4


@given(st.lists(st.integers(0, 2000)))
def test_a_histogram_is_that_of_numpy(lengths: list[int]) -> None:
    expected = np.histogram(lengths, bins=[*EDGES, np.inf])[0]
    assert histogram(np.array(lengths, np.int32)) == tuple(expected.tolist())


def test_lengths_are_those_of_kept_pairs(corpus: AuditedCorpus, summary: AuditSummary) -> None:
    samples = [s for s in kept(corpus, EN_IT) if s.key.startswith("a.tsv")]
    group = summary.groups[0]
    bins = [*EDGES, np.inf]
    sources, _ = np.histogram([len(sample.source) for sample in samples], bins)
    targets, _ = np.histogram([len(sample.target) for sample in samples], bins)
    assert group.source_lengths == tuple(sources.tolist())
    assert group.target_lengths == tuple(targets.tolist())


def test_composed_pairs_are_counted(summary: AuditSummary) -> None:
    assert (
        summary.composed == sum("\u0301" in row.texts["it"] for row in planted_rows()) == ROWS // 50
    )


@pytest.mark.parametrize("most", [SAMPLES, 3])
def test_samples_are_dropped_pairs_of_each_reason(
    corpus: AuditedCorpus, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(counts, "SAMPLES", most)
    samples = summarise(corpus).samples
    found = Counter(sample.reason for sample in samples)
    assert found == {
        reason: min(most, count) for reason, count in Counter(planted_reasons()).items() if reason
    }
    assert list(found) == [name for name in REASONS if name in found]
    rows = {row["key"]: row for table in corpus.tables() for row in table.to_pylist()}
    for sample in samples:
        assert asdict(sample) == {name: rows[sample.key][name] for name in asdict(sample)}
    assert len({sample.key for sample in samples}) == len(samples)


def test_samples_are_the_same_each_time_and_from_the_whole_corpus(
    corpus: AuditedCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "SAMPLES", 6)
    samples = summarise(corpus).samples
    assert samples == summarise(corpus).samples
    places = [int(s.key.split(":")[1].split("/")[0]) for s in samples if s.reason == "ratio"]
    assert places == sorted(places) and places[0] < SECOND < places[-1]


def test_a_summary_can_be_written_as_json(summary: AuditSummary, tmp_path: Path) -> None:
    content = json.loads(json.dumps(asdict(summary)))
    assert content["composed"] == ROWS // 50 and list(content["models"]) == ["en-it", "en-de"]


def test_nothing_is_counted_of_nothing(tmp_path: Path) -> None:
    empty = summarise(audit_corpus([], PLANTED_AUDIT, tmp_path))
    assert (empty.read, empty.kept, empty.dropped, empty.samples) == (0, 0, {}, ())
