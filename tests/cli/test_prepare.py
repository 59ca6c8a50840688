"""`prepare` with rules of cleaning: what it drops and reports, and how it goes on after a kill."""

import hashlib
import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from conftest import Writer
from pyarrow import parquet
from support.commands import error_of, run_command
from support.runs import run

from ontarget.artifacts import ArrowRecords
from ontarget.data.cleaning import shards
from ontarget.data.cleaning.engines import cluster
from ontarget.data.readers.phrasebook import compose_rows
from ontarget.pipeline import checks
from ontarget.records import Sample
from ontarget.steps import s1_prepare

LANGUAGES = ("en", "it", "nl")
COMPOSED = [
    row.texts for row in compose_rows(LANGUAGES, 1, held_out=20, train=120, glossary=0)
]  # of which no held-out text is in train
TRAIN = 20  # where training rows begin


def write_tsv(path: Path, rows: Sequence[dict[str, str]]) -> str:
    lines = ["\t".join(LANGUAGES), *("\t".join(row[c] for c in LANGUAGES) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def corpus(tmp_path: Path) -> dict[str, Any]:
    """A hundred and twenty rows with five faults, in lines 2 to 6 of train.tsv."""
    rows = [dict(row) for row in COMPOSED[TRAIN:]]
    rows[0]["it"] = rows[0]["nl"]  # wrong language
    rows[1]["nl"] = rows[1]["en"]  # untranslated
    rows[2] = dict(rows[50])  # of which row 50 is the later one
    rows[3]["it"] = COMPOSED[0]["it"].upper()  # in test
    rows[4]["nl"] += " %s"
    return {
        "train": write_tsv(tmp_path / "train.tsv", rows),
        "dev": write_tsv(tmp_path / "dev.tsv", COMPOSED[10:20]),
        "test": write_tsv(tmp_path / "test.tsv", COMPOSED[:10]),
        "clean": {},
    }


DROPPED = {
    "train.tsv:2/en-it": "language",
    "train.tsv:3/en-nl": "identical",
    "train.tsv:52/en-it": "duplicate",
    "train.tsv:52/en-nl": "duplicate",
    "train.tsv:5/en-it": "overlap",
    "train.tsv:5/en-nl": "overlap",
    "train.tsv:6/en-nl": "placeholders",
}


def dropped_in(folder: Path) -> dict[str, str]:
    table = parquet.read_table(folder / "dropped.parquet").to_pylist()
    return {row["key"]: row["reason"] for row in table}


def test_dropped_pairs_are_in_no_training_sample_and_all_are_kept_with_their_reason(
    write_recipe: Writer, corpus: dict[str, Any], tmp_path: Path
) -> None:
    result = run_command("prepare", write_recipe(corpus=corpus))
    assert (result.code, result.stderr) == (0, "")
    prepared = tmp_path / "run" / "1_prepare"
    assert dropped_in(prepared) == DROPPED
    stamp = json.loads((prepared / "step.json").read_text())["result"]
    assert stamp["pairs"] == {
        "read": 240, "kept": 233,
        "dropped": {
            "overlap": 2, "identical": 1, "placeholders": 1, "language": 1, "duplicate": 2,
        },
    }  # fmt: skip
    trained = [sample.key for sample in ArrowRecords(prepared / "train.arrow", Sample)]
    assert len(trained) == len(set(trained)) == 2 * 233
    pairs = {f"{row}/en-{code}" for row in map(row_of, trained) for code in ("it", "nl")}
    assert "train.tsv:3/it-en" in trained and "train.tsv:3/nl-en" not in trained
    assert pairs - set(trained) == set(DROPPED) - {
        key for key in DROPPED if row_of(key) in ("train.tsv:5", "train.tsv:52")
    }
    assert stamp["directions"] == {"en-it": 117, "it-en": 117, "en-nl": 116, "nl-en": 116}
    page = (prepared / "audit.html").read_text(encoding="utf-8")
    assert "train.tsv:2/en-it" in page and "it is in Dutch" in page


def row_of(key: str) -> str:
    return key.rpartition("/")[0]


def test_an_audit_reports_the_same_and_leaves_the_run_alone(
    write_recipe: Writer, corpus: dict[str, Any], tmp_path: Path
) -> None:
    """Also without the section `clean`: then by the defaults."""
    del corpus["clean"]
    path = write_recipe(corpus=corpus | {"drop_overlap": True})
    result = run_command("prepare", path, "--audit")
    assert (result.code, result.stderr.count("\n") <= 1) == (0, True), result
    folder = tmp_path / "run" / "audit"
    assert result.stdout.endswith(f"page: {folder / 'audit.html'}\n")
    assert "duplicate" in result.stdout
    assert dropped_in(folder) == DROPPED
    assert not (tmp_path / "run" / "1_prepare").exists()
    assert run_command("prepare", path, "--audit").code == 0  # again, over the first


def test_rules_are_set_by_a_cascade(
    write_recipe: Writer, corpus: dict[str, Any], tmp_path: Path
) -> None:
    corpus["clean"] = {
        "duplicates": False,
        "languages": {"it": {"language": False}},
        "pairs": {"nl-en": {"identical": False}},
        "corpora": {"train.tsv": {"placeholders": False, "overlap": False}},
    }
    assert run_command("prepare", write_recipe(corpus=corpus)).code == 0
    assert dropped_in(tmp_path / "run" / "1_prepare") == {"train.tsv:3/en-nl": "language"}


def test_a_mixture_limits_each_direction(
    write_recipe: Writer, corpus: dict[str, Any], tmp_path: Path
) -> None:
    path = write_recipe(corpus=corpus | {"mix": {"per_direction": 30}})
    assert run_command("prepare", path).code == 0
    result = json.loads((tmp_path / "run/1_prepare/step.json").read_text())["result"]
    assert result["samples"]["train"] == 120
    assert set(result["directions"].values()) == {30}


def test_a_killed_preparation_goes_on_at_the_last_finished_shard_with_the_same_bytes(
    write_recipe: Writer, corpus: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "PAIRS", 50)
    path = write_recipe(corpus=corpus)
    made: list[str] = []
    original = shards.shard_table

    def counting(*arguments: Any) -> Any:
        made.append("shard")
        if len(made) == 3 and "killed" not in made:
            made.append("killed")
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(shards, "shard_table", counting)
    with pytest.raises(KeyboardInterrupt):
        run(path, verb="prepare")
    assert not (tmp_path / "run" / "1_prepare").exists()
    made.remove("killed")
    made += ["killed"]
    run(path, verb="prepare")
    assert made.count("shard") == 3 + 3  # of five shards, the first two were there
    resumed = hashes(tmp_path / "run" / "1_prepare")
    run(path, verb="prepare", force_from="prepare")
    assert hashes(tmp_path / "run" / "1_prepare") == resumed
    assert not (tmp_path / "run" / ".unfinished" / "1_prepare").exists()


def hashes(folder: Path) -> dict[str, str]:
    """Of all files but the step's own record, which has the time."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "step.json"
    }


@pytest.mark.slow  # Ray starts slowly; a faster test of it is in tests/offtarget/test_cluster.py
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_two_workers_of_a_ray_cluster_make_the_same_bytes(
    write_recipe: Writer, corpus: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "PAIRS", 50)
    path = write_recipe(corpus=corpus | {"clean": {"near_duplicates": 0.9}})
    run(path, verb="prepare")
    expected = hashes(tmp_path / "run" / "1_prepare")
    monkeypatch.setattr(
        s1_prepare,
        "engine_of",
        lambda name, size: cluster.Cluster(workers=2) if name == "ray" else 1 / 0,
    )
    run(path, verb="prepare", force_from="prepare", engine="ray")
    assert hashes(tmp_path / "run" / "1_prepare") == expected


def test_an_engine_that_is_not_there_is_one_line(
    write_recipe: Writer, corpus: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_recipe(corpus=corpus)
    monkeypatch.setattr("ontarget.cluster.find_spec", lambda name: None)
    error = error_of("prepare", path, "--audit", "--engine", "ray")
    assert "Ray is not installed; pip install 'ontarget[ray]'" in error


@pytest.mark.parametrize(
    ("clean", "message"),
    [
        (None, "corpus.clean: is empty; write {} for the default rules, or leave it out"),
        (5, "corpus.clean: found '5'; input should be a valid dictionary\n"),
        ({"ratios": 3}, "corpus.clean.ratios: unknown key; did you mean ratio?"),
        ({"languages": {"it": {"lang": True}}}, "corpus.clean.languages.it.lang: unknown key"),
        ({"near_duplicates": 2}, "corpus.clean.near_duplicates: found '2'; input should be less"),
        ({"languages": {"xx": {"ratio": 3}}}, "corpus.clean.languages: 'xx' is not among"),
        ({"pairs": {"it-nl": {"ratio": 3}}}, "corpus.clean.pairs: 'it-nl' is no supervised pair"),
        ({"corpora": {"b.tsv": {"ratio": 3}}}, "corpus.clean.corpora: no training file is named"),
    ],
)
def test_wrong_rules_are_one_line(
    write_recipe: Writer, corpus: dict[str, Any], clean: dict[str, Any], message: str
) -> None:
    assert message in error_of("check", write_recipe(corpus=corpus | {"clean": clean}))


def test_rules_for_composed_text_are_refused(write_recipe: Writer) -> None:
    composed = {"phrasebook": {"train": 40, "dev": 4, "test": 4}}
    path = write_recipe(corpus=composed | {"clean": {}})
    assert "corpus.clean: composed text has nothing to clean" in error_of("check", path)
    error = error_of("prepare", write_recipe(corpus=composed), "--audit")
    assert "corpus.phrasebook: composed text has nothing to clean; give files" in error


def test_columns_whose_names_are_exchanged_are_named(
    write_recipe: Writer, corpus: dict[str, Any], tmp_path: Path
) -> None:
    rows = [{"en": row["en"], "it": row["nl"], "nl": row["it"]} for row in COMPOSED[TRAIN:]]
    corpus["train"] = write_tsv(tmp_path / "train.tsv", rows)
    error = error_of("check", write_recipe(corpus=corpus))
    assert "train.tsv: 'it' looks 100 % Dutch in its first 120 texts; name its language" in error


def test_the_first_sample_of_a_stream_is_not_lost(
    write_recipe: Writer, corpus: dict[str, Any], tmp_path: Path
) -> None:
    del corpus["clean"]
    corpus["drop_overlap"] = True
    assert run_command("prepare", write_recipe(corpus=corpus)).code == 0
    samples = ArrowRecords(tmp_path / "run/1_prepare/train.arrow", Sample)
    assert samples[0].source == COMPOSED[TRAIN]["en"] and len(samples) == 120 * 4


def test_check_refuses_what_the_rules_leave_nothing_of_as_prepare_does(
    write_recipe: Writer, corpus: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row | {"it": row["it"] + " %s"} for row in COMPOSED[TRAIN:]]
    corpus["train"] = write_tsv(tmp_path / "train.tsv", rows)
    path = write_recipe(corpus=corpus)
    expected = "corpus.train: no row has both en and it; drop the direction en-it or add text"
    found = error_of("check", path)
    assert expected in found
    with monkeypatch.context() as patch:
        patch.setattr(checks, "check_cleaning", lambda recipe: [])
        assert run_command("prepare", path).stderr == found
    assert run_command("prepare", path, "--audit").code == 0  # shows why


def test_check_asks_the_rules_also_of_rows_that_only_they_leave_out(
    write_recipe: Writer, corpus: dict[str, Any], tmp_path: Path
) -> None:
    """Rows of dev and test are kept where the rule `overlap` is off."""
    corpus["train"] = write_tsv(tmp_path / "train.tsv", COMPOSED[:20])
    path = write_recipe(corpus=corpus)
    assert "corpus.train: no row is left to train on" in error_of("check", path)
    assert run_command("check", path, "corpus.clean.overlap=false").code == 0
    assert run_command("prepare", path, "corpus.clean.overlap=false").code == 0


def test_check_warns_where_the_first_rows_are_all_dropped_and_more_follow(
    write_recipe: Writer, corpus: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "FIRST_ROWS", 10)
    rows = [row | {"en": row["en"] + " %s"} for row in COMPOSED[TRAIN:-1]]
    rows[3] = {code: "..." for code in LANGUAGES}
    corpus["train"] = write_tsv(tmp_path / "train.tsv", [*rows, COMPOSED[-1]])
    result = run_command("check", write_recipe(corpus=corpus))
    assert result.code == 0, result.stderr
    assert (
        "train.tsv: corpus.clean drops all 20 pairs of its first 10 rows, 18 by the rule "
        "placeholders; see `ontarget prepare RECIPE --audit`\n" in result.stdout
    )
    assert run_command("prepare", write_recipe(corpus=corpus)).code == 0


def test_an_unknown_engine_is_refused_where_nothing_is_cleaned(
    write_recipe: Writer, corpus: dict[str, Any]
) -> None:
    del corpus["clean"]
    error = error_of("prepare", write_recipe(corpus=corpus), "--engine", "dask")
    assert "--engine dask: is unknown; expected local, ray, or a cluster's address such as" in error
