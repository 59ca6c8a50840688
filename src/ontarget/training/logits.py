"""How many rows of logits exist at once: in the fused loss, and in the plan of its memory."""

CHUNK_ROWS = 512
CHUNK_NUMBERS = 1 << 26  # in these rows at most: 256 MiB in float32


def rows_at_once(vocabulary: int) -> int:
    """The number of rows of logits that the fused loss holds at once."""
    return max(1, min(CHUNK_ROWS, CHUNK_NUMBERS // vocabulary))
