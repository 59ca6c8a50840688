"""General ability: two models answer the same instructions, and a third one says which is better.

requests   what the judge is asked, and what its reply means
outcomes   wins, ties and losses over both orders, with intervals
earlier    what a folder of verdicts was made from
judging    the answers of two models, judged; a killed run resumes
"""
