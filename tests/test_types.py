"""Tests check types in signatures, except in modules that conftest.py names, and shapes."""

import re
from pathlib import Path

import pytest
import torch
from beartype.roar import BeartypeCallHintParamViolation
from jaxtyping import TypeCheckError

import ontarget
from ontarget import stats
from ontarget.training import losses

ROOT = Path(ontarget.__file__).parent
GIVES_SHAPES = re.compile(r"^from jaxtyping import", re.MULTILINE)


def test_an_argument_of_another_type_is_refused() -> None:
    with pytest.raises(BeartypeCallHintParamViolation):
        stats.wilson("1", 2)  # type: ignore[arg-type]


def test_shapes_that_do_not_agree_are_refused() -> None:
    logits, labels = torch.zeros(3, 5), torch.zeros(3, dtype=torch.long)
    losses.log_odds(logits, labels)
    with pytest.raises(TypeCheckError):
        losses.log_odds(logits, labels[:2])


def test_every_module_with_shapes_is_in_a_package_whose_shapes_are_checked(
    pytestconfig: pytest.Config,
) -> None:
    *packages, _ = pytestconfig.getoption("--jaxtyping-packages").split(",")
    files = (path for path in ROOT.rglob("*.py") if GIVES_SHAPES.search(path.read_text("utf-8")))
    modules = {
        ".".join(("ontarget", *path.relative_to(ROOT).with_suffix("").parts)) for path in files
    }
    checked = {name for name in modules if any(f"{name}.".startswith(f"{p}.") for p in packages)}
    assert modules and modules == checked
