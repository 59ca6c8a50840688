"""Experiments and their scales, read from YAML."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ontarget.recipe.sections.kinds import Section
from ontarget.recipe.yaml_file import parse

TABLES = ("iwslt4", "wmt3")
SCALES = ("full", "small", "tiny")


class Scale(Section):
    """What the runs of a table are made with."""

    summary: str
    model: str | None = None  # the base model; None: made from nothing
    recipe: dict[str, Any]  # settings of every run
    stage2: dict[str, Any]  # the section `unlikelihood`, as in the paper
    own: dict[str, Any]  # the same with own answers
    post_ins: str  # a template
    ptl: str  # a template with {instruction}
    alphas: tuple[float, ...] = ()
    per_direction: tuple[int, ...] = ()
    samples: int | None = None  # training samples, where they are known without the corpus
    tokens: int | None = None  # of a sample, in the mean
    measured: str | None = None  # what one reproduction took; None: it is estimated
    departures: tuple[str, ...] = ()


class PaperTable(Section):
    """A table of the paper."""

    name: str
    title: str
    corpus: str  # in words
    languages: tuple[str, ...]
    supervised: tuple[str, ...] | None = None
    zero_shot: tuple[str, ...] | None = None
    scales: dict[str, Scale]


@cache
def read_paper_table(name: str) -> PaperTable:
    """The table of a name."""
    common = read_yaml("scales")
    content = read_yaml(name)
    scales = {
        scale: merge(common[scale], settings) for scale, settings in content["scales"].items()
    }
    return PaperTable.model_validate({"name": name, **content, "scales": scales})


def read_yaml(name: str) -> dict[str, Any]:
    """One of the files of this package."""
    folder = files("ontarget.reproduction").joinpath("tables")
    content: dict[str, Any] = parse(folder.joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
    return content


def merge(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of both; where both have one, the second's, and mappings are merged."""
    merged = dict(first)
    for key, value in second.items():
        known = merged.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            value = merge(known, value)
        merged[key] = value
    return merged
