"""Judging on a Ray cluster: the same verdicts, in the same order."""

from importlib.util import find_spec

import pytest

from ontarget import OffTarget
from ontarget.cluster import on_cluster
from ontarget.errors import RecipeError

TEXTS = [
    f"{text} {number}."
    for number in range(900)
    for text in ("Il gatto dorme sul tappeto rosso", "The cat sleeps on the carpet", "")
]


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_a_cluster_judges_as_this_process_does() -> None:
    import ray

    sources = [f"A source {number}" for number in range(len(TEXTS))]
    references = [(text,) if number % 7 == 0 else () for number, text in enumerate(TEXTS)]
    languages = {"target_lang": "it", "source_lang": "en"}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        found = list(OffTarget(**languages, engine="ray").judge(TEXTS, sources, references))
    finally:
        ray.shutdown()
    assert found == list(OffTarget(**languages).judge(TEXTS, sources, references))


def test_without_ray_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ontarget.cluster.find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r"Ray is not installed; pip install 'ontarget\[ray\]'"):
        list(on_cluster(len, [], [()]))


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(RecipeError, match="--engine dask: is unknown; expected local, ray, or a"):
        OffTarget(target_lang="it", source_lang="en", engine="dask")
