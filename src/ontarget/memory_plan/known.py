"""Shapes of models on the Hub, from their config.json, to plan before they are downloaded.

All have the layers of a Llama, whose weights `llama_tensors` knows.
"""

from dataclasses import replace

from ontarget.memory_plan.shapes import ModelDescription, ModelShape, llama_tensors

LLAMA2_7B = ModelShape(
    hidden=4096, layers=32, heads=32, key_value_heads=32, head_dim=128, feed_forward=11008,
    vocabulary=32000, positions=4096,
)  # fmt: skip
LLAMA2_13B = ModelShape(
    hidden=5120, layers=40, heads=40, key_value_heads=40, head_dim=128, feed_forward=13824,
    vocabulary=32000, positions=4096,
)  # fmt: skip
LLAMA3_8B = ModelShape(
    hidden=4096, layers=32, heads=32, key_value_heads=8, head_dim=128, feed_forward=14336,
    vocabulary=128256, positions=8192,
)  # fmt: skip
LLAMA3_1_8B = replace(LLAMA3_8B, positions=131072)
MISTRAL_7B = replace(LLAMA3_8B, vocabulary=32768, positions=32768)
EUROLLM_1_7B = ModelShape(
    hidden=2048, layers=24, heads=16, key_value_heads=8, head_dim=128, feed_forward=5632,
    vocabulary=128000, positions=4096,
)  # fmt: skip
KNOWN = {
    "meta-llama/Llama-2-7b-hf": LLAMA2_7B,
    "meta-llama/Llama-2-13b-hf": LLAMA2_13B,
    "meta-llama/Meta-Llama-3-8B": LLAMA3_8B,
    "meta-llama/Llama-3.1-8B": LLAMA3_1_8B,
    "haoranxu/ALMA-7B": LLAMA2_7B,
    "mistralai/Mistral-7B-v0.3": MISTRAL_7B,
    "utter-project/EuroLLM-1.7B-Instruct": EUROLLM_1_7B,
}


def known_model(name: str) -> ModelDescription | None:
    """The model of a hub id, if its shape is known here."""
    shape = KNOWN.get(name)
    return None if shape is None else ModelDescription(shape=shape, tensors=llama_tensors(shape))
