"""Training: from token sequences to tuned weights.

losses        the two losses of the paper as functions of a label's log-odds
logits        how many rows of logits exist at once
fused         both losses and their gradients, without ever storing all logits
forward       hidden states, output head and loss of every supported model family
schedule      the settings of one training
checkpoints   the folders of an unfinished training: written atomically, verified, pruned
resume        what a training needs to resume exactly, beyond the Trainer's own checkpoint
trainer       the Hugging Face Trainer with these batches and these losses
train         one training from examples to weights; start reading here
batches/      token sequences to batches, and their order
engine/       Muon, compiled layers, sharded weights
monitoring/   progress, validation, choice of the best checkpoint, trackers
"""
