"""A training that nothing interrupts, and one that was killed."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from support.resuming import (
    Uninterrupted,
    Weights,
    trained,
    weights_of,
)
from support.trainings import Killed, dies_after

from ontarget.training import checkpoints
from ontarget.training.train import TrainingResult


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Uninterrupted:
    """Result and weights of a training that nothing interrupts; each kind is trained once."""
    known: dict[str, tuple[TrainingResult, Weights]] = {}

    def of(**changes: Any) -> tuple[TrainingResult, Weights]:
        name = repr(sorted(changes.items()))
        if name not in known:
            result, model = trained(tmp_path_factory.mktemp("uninterrupted"), **changes)
            known[name] = result, weights_of(model)
        return known[name]

    return of


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that was killed with two checkpoints: of steps 2 and 4."""
    folder = tmp_path_factory.mktemp("interrupted")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(checkpoints, "publish", dies_after(2, checkpoints.publish))
        trained(folder)
    return folder


@pytest.fixture
def killed(interrupted: Path, tmp_path: Path) -> Path:
    """A copy of `interrupted`, to be damaged."""
    return Path(shutil.copytree(interrupted, tmp_path / "killed"))
