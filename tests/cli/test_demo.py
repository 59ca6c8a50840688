"""`ontarget demo`: bad options are one line; whole runs are slow tests elsewhere."""

from pathlib import Path

import pytest
from support.commands import error_of


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--languages", "en,xx"), "CLDR knows no language 'xx'"),
        (("--languages", "en,Italian,nl"), "no language 'Italian'; did you mean it?"),
        (
            ("--languages", "en,it"),
            "languages: en, it leave no zero-shot direction; give a pivot and at least two others",
        ),
        (("--seed", "4294967296"), "'--seed'"),
        (("--out", ".."), "choose another out"),
        (("--out", "/"), "choose another out"),
    ],
)
def test_bad_options_are_one_line(
    options: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in error_of("demo", *options)
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    error = error_of("demo", "--out", tmp_path / "file" / "run")
    assert "file is not a folder that can be written to" in error
