"""What happens around optimizer steps.

model_selection   which validated checkpoint is the best, and when to stop early
callbacks         progress, validation, sampler epochs and signals, as callbacks of the Trainer
trackers          TensorBoard, W&B and trackio
"""
