"""How commands that run a recipe's steps end on SIGTERM and SIGHUP."""

from contextlib import AbstractContextManager, nullcontext

from ontarget import processes
from ontarget.artifacts import signals

STOPPED = "stopped; finished steps are kept, run the same command again to resume"


def stopping_cleanly() -> AbstractContextManager[None]:
    """Unfinished folders are removed on a signal by the process that makes them.

    The others write none, and must not outlive a signal while they wait for the first.
    """
    main = processes.is_main_process()
    return signals.raising_stopped(STOPPED) if main else nullcontext()
