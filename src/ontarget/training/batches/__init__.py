"""From token sequences to the batches of an optimizer step.

sequences    an example: prompts and responses as tokens, and what is done with each response
own_answers  conflicts from the model's own answers, drawn before each optimizer step
packing      token sequences to batches: padded, packed, or packed with shared prefixes
sampler      the order of examples within an epoch
"""
