"""Ways that change what the model reads: every backend can take them.

template     another template, such as one with the instruction after the source
few_shot     translations of the same direction before the request
prefix_pair  a fixed sentence before the source, and its translation before the answer
"""
