"""Translation on a Ray cluster: the same texts as in this process."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from support.models import ready, tiny, tokenizer

from ontarget.decoding.backends import BackendOptions, open_translator
from ontarget.decoding.base import Search, translate_all
from ontarget.decoding.cluster import ClusterTranslator
from ontarget.errors import ModelError
from ontarget.models.templates import TEMPLATES, PromptFormat
from ontarget.records import Sample

PLAIN = PromptFormat(template=TEMPLATES["plain"])
SEARCH = Search(beams=1, max_new_tokens=6, batch=2)
SAMPLES = [
    Sample(
        key=str(n), source_lang="en", asked_lang="it", target_lang="it",
        source="hello world " * (n % 5 + 1), target="",
    )
    for n in range(21)
]  # fmt: skip


@pytest.fixture
def cluster() -> Iterator[None]:
    """A cluster of two cores."""
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def on_cluster(model: Path, **changes: Any) -> ClusterTranslator:
    return ClusterTranslator(
        **{
            "model": str(model), "prompt_format": PLAIN, "search": SEARCH, "backend": None,
            "options": BackendOptions(), "workers": 2, **changes,
        }
    )  # fmt: skip


@pytest.mark.slow  # two workers import torch
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_a_cluster_translates_as_this_process_does(tmp_path: Path, cluster: None) -> None:
    loaded = ready(tiny().model, tokenizer())
    loaded.model.save_pretrained(tmp_path)
    loaded.tokenizer.save_pretrained(tmp_path)
    with open_translator(str(tmp_path), PLAIN, SEARCH) as translator:
        expected = translate_all(translator, SAMPLES)
    assert translate_all(on_cluster(tmp_path), SAMPLES) == expected
    with pytest.raises(ModelError, match=r"none: no such folder|none"):
        translate_all(on_cluster(tmp_path / "none"), SAMPLES)


def test_portions_have_every_sample_once_and_the_longest_first() -> None:
    portions = on_cluster(Path("m")).portions(SAMPLES)
    indices = [index for part, _ in portions for index in part]
    assert sorted(indices) == list(range(len(SAMPLES)))
    assert [len(part) for part, _ in portions] == [8, 8, 5]
    lengths = [len(SAMPLES[index].source) for index in indices]
    assert lengths == sorted(lengths, reverse=True)
    assert all([SAMPLES[i] for i in part] == samples for part, samples in portions)
