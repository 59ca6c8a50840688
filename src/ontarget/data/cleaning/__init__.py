"""Which training pairs are kept, and why the others are not.

rules       names and settings of the rules, and the cascade that decides which apply
texts       what rules look at: fingerprints, markup, numbers
faults      one function a rule
languages   the language of texts, by the off-target metric
rows        rows of parallel text to audited pairs
ratios      lengths that belong together, learnt from the pairs
duplicates  pairs that repeat an earlier one, or nearly do
shards      audited pairs of some rows, on disk
engines/    who makes the shards: this process, several ones, a cluster
audit       a corpus: the rules of one row, then those that need all pairs
counts      what an audit found, in numbers and samples
"""
