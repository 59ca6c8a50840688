"""A Ray cluster: one on this machine, or one that is there already.

Work is Ray tasks, not a Ray dataset: tasks keep their order, and how many are in flight is ours to
limit. Results come back to this process, so the machines need no common file system; they need
ontarget, of the same version.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from ontarget import __version__
from ontarget.errors import RecipeError, error_text

AHEAD = 2  # tasks that wait for each core of the cluster
LOCAL, RAY = "local", "ray"


def check_engine(name: str) -> None:
    """Raise RecipeError for a name that is neither an engine's nor an address of a cluster."""
    if name not in (LOCAL, RAY, "auto") and ":" not in name:
        raise RecipeError(
            f"--engine {name}: is unknown; expected {LOCAL}, {RAY}, or a cluster's address such as "
            "ray://host:10001"
        )


def address_of(engine: str) -> str | None:
    """The address of a cluster; None for one of this machine alone."""
    return None if engine == RAY else engine


def on_cluster(
    function: Callable[..., Any],
    shared: Any,
    tasks: Iterable[tuple[Any, ...] | None],
    address: str | None = None,
    workers: int | None = None,
) -> Iterator[Any]:
    """What a function returns for each task, in order; None for a task of None.

    Its arguments are `shared`, which each machine is sent once, and those of the task. A few tasks
    are ahead of the one that is waited for.

    Raises:
        RecipeError: there is no cluster, or a task fails.
    """
    with connected(address, workers) as ray:
        work, first = ray.remote(num_cpus=1)(in_worker), ray.put(shared)
        ahead = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        pending: deque[Any] = deque()
        for task in tasks:
            wanted = None if task is None else work.remote(__version__, function, first, *task)
            pending.append(wanted)
            if len(pending) > ahead:
                yield result_of(ray, pending.popleft())
        while pending:
            yield result_of(ray, pending.popleft())


def in_worker(version: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """In a worker: the function's result.

    Raises:
        RuntimeError: the worker has another version of ontarget.
    """
    if version != __version__:
        raise RuntimeError(f"this worker has ontarget {__version__}, the driver {version}")
    return function(*arguments)


def result_of(ray: Any, wanted: Any) -> Any:
    """The result of a task, once it is there.

    Raises:
        RecipeError: the task failed.
    """
    if wanted is None:
        return None
    try:
        return ray.get(wanted)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        raise RecipeError(
            f"engine ray: a task failed ({error_text(cause)[:200]}); finished work is kept: mend "
            "the cluster and run again"
        ) from error


@contextmanager
def connected(address: str | None, workers: int | None) -> Iterator[Any]:
    """The module `ray`, connected to a cluster; one that was started here is stopped.

    Raises:
        RecipeError: Ray is not installed, or there is no cluster at the address.
    """
    if find_spec("ray") is None:
        raise RecipeError("engine ray: Ray is not installed; pip install 'ontarget[ray]'")
    import ray

    if ray.is_initialized():  # by the program that calls us
        yield ray
        return
    local: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(
            address=address, log_to_driver=False, logging_level=logging.ERROR,
            **({} if address else local),
        )  # fmt: skip
    except (ConnectionError, ValueError) as error:
        raise RecipeError(
            f"engine {address}: no Ray cluster answers ({error_text(error)[:160]}); give its "
            "address, or `ray` for one of this machine"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()
