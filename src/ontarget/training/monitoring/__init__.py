"""What happens around optimizer steps.

model_selection   which validated checkpoint is the best, and when to stop early
callbacks         progress, validation, checkpoints, sampler epochs and signals
trackers          TensorBoard, W&B and trackio
"""
