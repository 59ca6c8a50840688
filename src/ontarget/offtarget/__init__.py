"""The off-target metric, usable alone: `from ontarget import OffTarget`.

detectors/      language identifiers behind one Protocol: texts in, language probabilities out
verdicts        one verdict a segment: on target, or where it went
pass_rates      line- and word-level pass rates of the Language Confusion Benchmark
ratio           verdicts of a test set as one `Ratio`: off-target ratio, interval, references' ratio
metric          `OffTarget`: texts to verdicts to the ratio, with its signature
detection       the metric's options for a whole run
calibration     a detector's errors on references, by language and length
"""
