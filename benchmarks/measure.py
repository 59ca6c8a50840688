"""What the benchmarks share: medians of time, peaks of memory, and lines to print."""

import ctypes
import gc
import re
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROUNDS = 5
Work = Callable[[], object]


def accelerator() -> torch.device:
    """Where the benchmarks run."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def medians(works: dict[str, Work], rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds of each, the median of `rounds` after one to warm up; taken in turn, so that what
    else the machine does falls on all alike."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            wait()
            start = time.perf_counter()
            work()
            wait()
            if turn:
                times[name].append(time.perf_counter() - start)
    return {name: sorted(found)[rounds // 2] for name, found in times.items()}


def wait() -> None:
    """Until the accelerator has done what it was asked for."""
    if accelerator().type != "cpu":
        torch.accelerator.synchronize()


def peak_megabytes(work: Work) -> float:
    """What `work` takes at most beyond what is in use before it; Linux or CUDA."""
    gc.collect()
    if accelerator().type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = status("VmRSS")
    kept = work()
    peak = status("VmHWM")
    del kept
    return peak - before


def status(name: str) -> float:
    """A field of this process's memory, in MB."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None, name
    return int(found[1]) * 1024 / 1e6


def machine() -> str:
    """What a figure depends on besides the code."""
    device = accelerator()
    name = (
        torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"{torch.get_num_threads()} threads"
    )
    return f"{device.type}, {name}, torch {torch.__version__}"
