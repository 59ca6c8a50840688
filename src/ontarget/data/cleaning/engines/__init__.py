"""Who makes the shards of an audit; the result does not depend on it, to the byte.

base     what an engine is, and this process as one
local    several processes of this machine
cluster  a Ray cluster
"""

from ontarget.data.cleaning.engines.base import Engine
from ontarget.data.cleaning.engines.cluster import Cluster
from ontarget.data.cleaning.engines.local import processes_for
from ontarget.errors import RecipeError

LOCAL, RAY = "local", "ray"


def check_engine(name: str) -> None:
    """Raise RecipeError for a name that is neither an engine's nor an address of a cluster."""
    if name not in (LOCAL, RAY, "auto") and ":" not in name:
        raise RecipeError(
            f"--engine {name}: is unknown; expected {LOCAL}, {RAY}, or a cluster's address such as "
            "ray://host:10001"
        )


def engine_of(name: str, bytes_of_text: int) -> Engine:
    """The engine of a name: `local`, `ray` for a cluster of this machine, or a cluster's address.

    `local` takes all cores, unless the text is small.
    """
    if name == LOCAL:
        return processes_for(bytes_of_text)
    return Cluster(None if name == RAY else name)
