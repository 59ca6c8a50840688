"""Translation behind one Protocol: samples in, hypotheses out.

base        `Translator`, the Protocol, what it returns, and how to search
backends    the translator of a model: the only place that names a backend
resume      translation that resumes after a kill
hf          a Hugging Face model in this process
greedy      greedy decoding that drops finished answers from the batch
plausible   which tokens were plausible at each place of greedy answers
few_rows    faster matrix products of a few rows on a CPU
"""
