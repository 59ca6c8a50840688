"""The memory that a training needs per GPU, computed before it runs, without loading a model.

shapes       the sizes of a model and the names and shapes of its weights
known        shapes of models on the Hub, so that they need not be here
arithmetic   bytes of weights, gradients, optimizer states, activations and loss
"""
