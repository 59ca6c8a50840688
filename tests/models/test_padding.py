"""Batches of prompts: padding on the side that the model does not continue from."""

from ontarget.models.padding import generation_inputs
from ontarget.models.prompting import Prompt

PAD = 9


def test_prompts_of_a_decoder_are_padded_on_the_left() -> None:
    inputs = generation_inputs([Prompt(tokens=(1, 2, 3)), Prompt(tokens=(4,))], PAD)
    assert {name: tensor.tolist() for name, tensor in inputs.items()} == {
        "input_ids": [[1, 2, 3], [9, 9, 4]],
        "attention_mask": [[1, 1, 1], [0, 0, 1]],
    }


def test_sources_of_an_encoder_are_padded_on_the_right() -> None:
    prompts = [Prompt(tokens=(0, 7), encoder=(1,)), Prompt(tokens=(0, 8), encoder=(2, 3))]
    inputs = generation_inputs(prompts, PAD)
    assert {name: tensor.tolist() for name, tensor in inputs.items()} == {
        "decoder_input_ids": [[0, 7], [0, 8]],
        "input_ids": [[1, 9], [2, 3]],
        "attention_mask": [[1, 0], [1, 1]],
    }
