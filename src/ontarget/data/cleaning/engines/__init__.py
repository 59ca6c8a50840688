"""Who makes the shards of an audit; the result does not depend on it, to the byte.

base     what an engine is, and this process as one
local    several processes of this machine
cluster  a Ray cluster
"""

from ontarget.cluster import LOCAL, address_of
from ontarget.data.cleaning.engines.base import Engine
from ontarget.data.cleaning.engines.cluster import Cluster
from ontarget.data.cleaning.engines.local import processes_for


def engine_of(name: str, bytes_of_text: int) -> Engine:
    """The engine of a name: `local`, `ray` for a cluster of this machine, or a cluster's address.

    `local` takes all cores, unless the text is small.
    """
    if name == LOCAL:
        return processes_for(bytes_of_text)
    return Cluster(address_of(name))
