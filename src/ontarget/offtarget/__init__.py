"""The off-target metric, usable alone: `from ontarget import OffTarget`.

normalise       texts as every detector reads them: without URLs, markup, capitals
detectors/      language identifiers behind one Protocol: texts in, language probabilities out
evidence        what a label is worth for a text: by script, by alphabet, by words of its own
verdicts        one verdict a segment: on target, or where it went
inside          stretches in another language, preambles and notes within a segment
parts           sentences and clauses judged by themselves, where words are not read in windows
streams         texts, sources and references in chunks, checked
judge           texts to verdicts, in chunks
rates/          responses by line and word, ours and the Language Confusion Benchmark's
ratio           verdicts of a test set as one `Ratio`: off-target ratio, interval, references' ratio
calibration/    a detector's errors on references, and the grades of the default one
metric          `OffTarget`: texts to verdicts to the ratio, with its signature
detection       the metric's options for a whole run
"""
