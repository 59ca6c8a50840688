"""Translation on a Ray cluster: each worker opens the model once and translates portions."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ontarget import __version__
from ontarget.cluster import connected
from ontarget.decoding.backends import BackendOptions, open_translator
from ontarget.decoding.base import Hypothesis, Search, Translator
from ontarget.errors import OnTargetError, TranslationError, error_text
from ontarget.models.templates import PromptFormat
from ontarget.records import Sample

PORTION = 4  # batches that a worker is given at once
CORES = 4  # of a worker where there is no GPU


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTranslator:
    """A `Translator` whose work is done by workers of a Ray cluster."""

    model: str  # as for `backends.open_translator`; a path is the same on all machines
    prompt_format: PromptFormat
    search: Search
    backend: str | None
    options: BackendOptions
    address: str | None = None  # None: a cluster of this machine alone
    workers: int | None = None  # None: one a GPU, or one for every four cores

    def translate(self, samples: Sequence[Sample]) -> Iterator[dict[int, Hypothesis]]:
        """Translations portion by portion, by the index of their sample.

        Raises:
            TranslationError: a worker has another version of ontarget, or died.
            OnTargetError: there is no cluster, or the model cannot be opened or prompted so.
        """
        with connected(self.address, self.workers) as ray:
            resources = ray.cluster_resources()
            gpus, cores = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
            count = self.workers or gpus or max(1, cores // CORES)
            needs = {"num_gpus": 1} if gpus else {"num_cpus": max(1, cores // count)}
            worker = ray.remote(**needs)(ClusterWorker)
            pool = ray.util.ActorPool([worker.remote(self, __version__) for _ in range(count)])
            try:
                yield from pool.map_unordered(
                    lambda one, portion: one.translate.remote(*portion), self.portions(samples)
                )
            except ray.exceptions.RayError as error:
                cause = getattr(error, "cause", None)
                if isinstance(cause, OnTargetError):
                    raise cause from error
                raise TranslationError(
                    f"engine ray: a worker failed ({error_text(cause or error)[:200]}); finished "
                    "segments are kept: mend the cluster and run again"
                ) from error

    def portions(self, samples: Sequence[Sample]) -> list[tuple[list[int], list[Sample]]]:
        """Indices and samples; those of similar length together, the longest first."""
        order = sorted(range(len(samples)), key=lambda at: len(samples[at].source), reverse=True)
        size = PORTION * self.search.batch
        parts = [order[start : start + size] for start in range(0, len(order), size)]
        return [(part, [samples[at] for at in part]) for part in parts]


class ClusterWorker:
    """In a worker: the model, opened when it is first needed."""

    def __init__(self, wanted: ClusterTranslator, version: str) -> None:
        self.wanted, self.version = wanted, version
        self.stack = ExitStack()
        self.translator: Translator | None = None

    def translate(self, indices: Sequence[int], samples: Sequence[Sample]) -> dict[int, Hypothesis]:
        """The translations of a portion, by these indices.

        Raises:
            TranslationError: the worker has another version of ontarget.
            OnTargetError: the model cannot be opened or prompted so.
        """
        if self.version != __version__:
            raise TranslationError(
                f"engine ray: a worker has ontarget {__version__}, the driver {self.version}; "
                "install the same version on all machines"
            )
        if self.translator is None:
            self.translator = self.stack.enter_context(self.open())
        found: dict[int, Hypothesis] = {}
        for batch in self.translator.translate(samples):
            found |= {indices[number]: hypothesis for number, hypothesis in batch.items()}
        return found

    def open(self) -> Any:
        """The model, as a context."""
        wanted = self.wanted
        return open_translator(
            wanted.model,
            wanted.prompt_format,
            wanted.search,
            backend=wanted.backend,
            options=wanted.options,
        )
