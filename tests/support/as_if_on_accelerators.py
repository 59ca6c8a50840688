"""`ontarget`, run under FSDP2 by processes that have no accelerator; not a test itself.

    python -m torch.distributed.run --nproc-per-node 2 as_if_on_accelerators.py run RECIPE

accelerate offers FSDP to processes with accelerators only; torch has it for CPUs too.
"""

from typing import Any

from accelerate import DistributedType, PartialState

from ontarget.cli.app import main


def as_if_on_accelerators() -> None:
    """Let accelerate take this process for one that has an accelerator."""
    begin = PartialState.__init__

    def begun(self: PartialState, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        if self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type = DistributedType.MULTI_GPU

    PartialState.__init__ = begun


if __name__ == "__main__":
    as_if_on_accelerators()
    main()
