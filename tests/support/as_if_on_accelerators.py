"""`ontarget` under FSDP2, in processes without an accelerator; not a test itself.

    python -m torch.distributed.run --nproc-per-node 2 as_if_on_accelerators.py run RECIPE

accelerate offers FSDP only with accelerators, torch also on CPUs.
"""

from typing import Any

from accelerate import DistributedType, PartialState


def as_if_on_accelerators() -> None:
    """Make accelerate believe that this process has an accelerator."""
    real = PartialState.__init__

    def patched(self: PartialState, *args: Any, **options: Any) -> None:
        real(self, *args, **options)
        if self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type = DistributedType.MULTI_GPU

    PartialState.__init__ = patched


if __name__ == "__main__":
    from ontarget.cli.app import main

    as_if_on_accelerators()
    main()
