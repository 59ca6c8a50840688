"""Quality scores of translations: sacreBLEU's metrics and neural ones, with intervals and tests.

sacrebleu    BLEU, chrF, chrF++ and TER, computed from per-segment statistics
neural/      COMET, MetricX and BLEURT as programs in environments of their own
measures     statistics of a system in every requested metric
resampling   scores of subsets, bootstrap intervals, paired tests between systems
averages     means over the directions of a setting
"""
