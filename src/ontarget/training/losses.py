"""TODO."""

from jaxtyping import Float, Int
from torch import Tensor

IGNORE = -100  # label of prompt and padding tokens, as in torch.nn.functional.cross_entropy

Labels = Int[Tensor, " token"]
Nats = Float[Tensor, " token"]
