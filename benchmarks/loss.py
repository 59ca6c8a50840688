"""The fused loss against the usual one on full logits and against its three matrix products.

    python benchmarks/loss.py

Half of the rows are true samples and half conflict samples, 40 % of them carry a label. The bound
is the products of the labelled rows: logits, gradient of the hidden states, gradient of the head.
Memory is what is taken beyond inputs and gradients. On an accelerator all is in bfloat16. Growth is
measured at a quarter of the hidden size, to save time: the logits are as many as before.
"""

from dataclasses import dataclass

import torch
from measure import accelerator, machine, medians, peak_megabytes
from reference import reference
from torch import Tensor

from ontarget.training.fused import fused_loss
from ontarget.training.losses import IGNORE

LABELLED = 0.4
VOCABULARIES = (32_000, 128_256, 262_144)  # Llama 2, Llama 3, Gemma 3
SETTINGS = {"cpu": (512, 2048), "cuda": (4096, 8192)}


@dataclass(frozen=True, slots=True)
class Problem:
    """Inputs of a loss."""

    hidden: Tensor
    head: Tensor
    labels: Tensor
    unlikely: Tensor
    weights: Tensor

    @property
    def gradients_megabytes(self) -> float:
        """Of hidden and head."""
        return sum(each.numel() * each.element_size() for each in (self.hidden, self.head)) / 1e6

    def fused(self) -> None:
        """Forward and backward."""
        fused_loss(*self.inputs).loss.backward()  # type: ignore[no-untyped-call]
        self.hidden.grad = self.head.grad = None

    def usual(self) -> None:
        """The same on full logits."""
        reference(*self.inputs).backward()  # type: ignore[no-untyped-call]
        self.hidden.grad = self.head.grad = None

    def products(self) -> None:
        """What no way of computing the loss can do without."""
        rows = self.hidden.detach()[self.labels != IGNORE]
        head = self.head.detach()
        logits = rows @ head.T
        logits @ head
        logits.T @ rows

    @property
    def inputs(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """As both losses take them."""
        return self.hidden, self.head, self.labels, self.unlikely, self.weights


def problem(rows: int, hidden: int, vocabulary: int) -> Problem:
    """Random inputs."""
    torch.manual_seed(0)
    device = accelerator()
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    labels = torch.randint(vocabulary, (rows,), device=device)
    labels[torch.rand(rows, device=device) >= LABELLED] = IGNORE
    return Problem(
        hidden=torch.randn(rows, hidden, device=device, dtype=dtype).requires_grad_(),
        head=(torch.randn(vocabulary, hidden, device=device, dtype=dtype) / 30).requires_grad_(),
        labels=labels,
        unlikely=torch.arange(rows, device=device) >= rows // 2,
        weights=torch.full((rows,), 2 / rows, device=device),
    )


def compare(rows: int, hidden: int, vocabulary: int) -> None:
    """One line of ratios."""
    given = problem(rows, hidden, vocabulary)
    works = {"fused": given.fused, "usual": given.usual, "products": given.products}
    seconds = medians(works)
    extra = {
        name: peak_megabytes(works[name]) - given.gradients_megabytes for name in ("fused", "usual")
    }
    print(
        f"vocabulary {vocabulary:7,}  fused {seconds['fused']:.3f} s = "
        f"{seconds['fused'] / seconds['products']:.2f}x the products, "
        f"{seconds['usual'] / seconds['fused']:.1f}x faster than full logits "
        f"({seconds['usual']:.2f} s); extra memory {extra['fused']:,.0f} MB, "
        f"{extra['usual'] / max(extra['fused'], 1e-3):.1f}x less ({extra['usual']:,.0f} MB)"
    )


def grow(hidden: int, vocabulary: int) -> None:
    """How time and memory grow with the rows."""
    for rows in (1024, 2048, 4096, 8192, 16_384, 32_768):
        given = problem(rows, hidden, vocabulary)
        seconds = medians({"fused": given.fused})["fused"]
        extra = peak_megabytes(given.fused) - given.gradients_megabytes
        print(
            f"rows {rows:6,}  {1e6 * seconds / rows:6.0f} us a row, extra memory {extra:6,.0f} MB"
        )


def main() -> None:
    """Print all tables."""
    hidden, rows = SETTINGS[accelerator().type]
    print(f"loss, {machine()}; hidden {hidden}, {rows:,} rows, {LABELLED:.0%} with a label")
    for vocabulary in VOCABULARIES:
        compare(rows, hidden, vocabulary)
    print(f"growth at hidden {hidden // 4}, vocabulary {VOCABULARIES[0]:,}")
    grow(hidden // 4, VOCABULARIES[0])


if __name__ == "__main__":
    main()
