"""For trainings by other libraries: a reward, and a callback that watches the off-target ratio.

language   the reward of a completion in the requested language, for TRL's GRPO and RLOO trainers
callback   greedy translations of dev sentences during a training, for Hugging Face trainers
requests   one metric for each pair of languages
"""

from ontarget.rewards.language import on_target

__all__ = ["on_target"]
