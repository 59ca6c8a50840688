"""Commands about corpora.

prepare    `prepare` runs step 1, or audits what it would drop
conflict   `conflict` runs step 2, and writes its samples for other trainers
convert    `convert` writes parallel text of any format in any other
corpora    `corpora` lists public corpora and how to fetch them
constrain  `constrain` makes instructions for a format, a term or a formality, with conflicts
"""
