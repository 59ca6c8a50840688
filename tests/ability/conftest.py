"""Every test of `ontarget ability`: no program of this machine, and a stand-in for lm_eval."""

from pathlib import Path

import pytest
from support.harness import install_harness, save_weights


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No program of this machine."""
    monkeypatch.delenv("ONTARGET_LM_EVAL", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


@pytest.fixture
def harness(tmp_path: Path) -> Path:
    """The default environment with a stand-in that works."""
    environment = tmp_path / "cache" / "ontarget" / "lm_eval"
    install_harness(environment)
    return environment


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_weights(tmp_path / "a, =model")
