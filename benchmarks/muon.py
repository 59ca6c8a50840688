"""What batching equal shapes in float32 saves over torch.optim.Muon: ratios of one run.

    python benchmarks/muon.py

One process, the matrices of the demo's base model (0.8 M parameters in 28 matrices). Bound: the
matrix products of the iteration alone, measured with the same shapes.
"""

import time
from collections.abc import Callable

import torch

from ontarget.training.engine.muon import ITERATIONS, orthogonalize

SHAPES = [(128, 128)] * 16 + [(352, 128)] * 8 + [(128, 352)] * 4
ROUNDS = 30


def seconds(work: Callable[[], object]) -> float:
    """The median of `ROUNDS` runs after three to warm up."""
    times = []
    for _ in range(ROUNDS + 3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times[3:])[ROUNDS // 2]


def main() -> None:
    """Print three times and their ratios."""
    torch.manual_seed(0)
    parameters = [torch.nn.Parameter(torch.randn(shape) / 10) for shape in SHAPES]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    groups = [torch.stack([p.detach() for p in parameters if p.shape == s]) for s in set(SHAPES)]
    squares = [g if g.shape[1] <= g.shape[2] else g.mT.contiguous() for g in groups]

    def products() -> None:
        for matrices in squares:
            for _ in range(ITERATIONS):
                gram = matrices @ matrices.mT
                gram @ gram
                gram @ matrices

    one_by_one = torch.optim.Muon(parameters, lr=0.0, weight_decay=0.0)
    reference = seconds(lambda: one_by_one.step())
    ours = seconds(lambda: [orthogonalize(matrices) for matrices in groups])
    bound = seconds(products)
    print(f"torch.optim.Muon {1e3 * reference:.1f} ms, batched {1e3 * ours:.1f} ms", end=" ")
    print(f"({reference / ours:.2f}x faster), products alone {1e3 * bound:.1f} ms", end=" ")
    print(f"(batched is {ours / bound:.2f}x the bound), {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
