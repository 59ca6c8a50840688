"""Translation with a Hugging Face model in this process.

translator  the Translator: greedy or beam search of a loaded model
planned     the same with ways to stay on target
batching    prompts of similar length in batches, by number and by tokens
greedy      greedy decoding that drops finished answers from the batch
plausible   which tokens were plausible at each place of greedy answers
few_rows    faster matrix products of a few rows on a CPU
"""
