"""`check`: where a run may be, and how much of large files is read."""

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Writer
from support.commands import error_of, run_command
from support.evaluations import corpus

from ontarget.data.cleaning.languages import JUDGED
from ontarget.pipeline import checks
from ontarget.records import Parallel


@pytest.mark.parametrize(
    "out",
    ["/", ".", "..", "../..", "{work}", "{work}/.", "{work}/../work", "{work}/..", "{link}",
     "{model}", "{model}/run", "{model}/..", "{model}/../model/a/b", "model"],
)  # fmt: skip
def test_the_run_must_not_take_the_place_of_other_folders(
    out: str, write_recipe: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "parent" / "work"
    model = work / "models" / "model"
    model.mkdir(parents=True)
    (tmp_path / "link").symlink_to(work)
    monkeypatch.chdir(work if out != "model" else work / "models")
    monkeypatch.setattr(checks.folder, "check_folder", lambda model: None)
    place = out.format(work=work, model=model, link=tmp_path / "link")
    base = {"base": {"model": str(model)}} if "model" in out else {}
    path = write_recipe(out=place, **base)
    before = sorted(tmp_path.rglob("*"))
    for verb in ("check", "run", "prepare"):
        error = error_of(verb, path)
        assert "choose another out, such as runs/NAME" in error
    assert sorted(tmp_path.rglob("*")) == before


def test_the_run_may_be_beside_the_model_and_below_the_working_directory(
    write_recipe: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks.folder, "check_folder", lambda model: None)
    for out in ("runs/a", "models/run", "models/model-2", str(tmp_path / "b")):
        path = write_recipe(out=out, base={"model": "models/model"})
        assert run_command("check", path).code == 0


def counted(rows: Iterator[Parallel], taken: list[Parallel]) -> Iterator[Parallel]:
    for row in rows:
        taken.append(row)
        yield row


@pytest.mark.parametrize("compress", [False, True])
def test_check_reads_the_first_rows_of_a_large_file_only(
    compress: bool, write_recipe: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = corpus(tmp_path)
    row = b"The same sentence.\tLa stessa frase.\tDezelfde zin.\n"
    content = b"en\tit\tnl\n" + row * (2 * checks.SMALL // len(row))
    large = tmp_path / ("train.tsv.gz" if compress else "train.tsv")
    large.write_bytes(gzip.compress(content) if compress else content)
    assert not compress or len(content) > 200 * large.stat().st_size
    taken: dict[Path, list[Parallel]] = {}
    read = checks.readers.read
    monkeypatch.setattr(
        checks.readers,
        "read",
        lambda path, languages: counted(read(path, languages), taken.setdefault(path, [])),
    )
    result = run_command("check", write_recipe(corpus=names | {"train": str(large)}))
    assert result.code == 0, result.stderr
    assert f"corpus 3 files, the first {checks.FIRST_ROWS} rows of each read" in result.stdout
    assert 0 < len(taken[large]) <= checks.FIRST_ROWS + JUDGED
    assert result.stdout.endswith(".yaml: nothing wrong in the first 1,000 rows\n")


def test_check_calls_ready_only_what_it_read(
    write_recipe: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the phrasebook the held-out phrases and one more: only the former can be too many."""
    monkeypatch.setattr(checks, "FIRST_ROWS", 20)
    for test, conclusion in ((15, "ready to run"), (16, "nothing wrong in the first 20 rows")):
        path = write_recipe(corpus={"phrasebook": {"train": 40, "dev": 4, "test": test}})
        assert run_command("check", path).stdout.endswith(f": {conclusion}\n")


def test_a_gzip_bomb_in_one_line_is_one_line(write_recipe: Writer, tmp_path: Path) -> None:
    bomb = tmp_path / "train.tsv.gz"
    with gzip.open(bomb, "wb", compresslevel=9) as stream:
        stream.write(b"en\tit\tnl\n")
        for _ in range(200):
            stream.write(bytes(1 << 20))
    began = time.process_time()
    error = error_of("check", write_recipe(corpus=corpus(tmp_path) | {"train": str(bomb)}))
    assert "train.tsv.gz:2: " in error
    assert time.process_time() - began < 2
