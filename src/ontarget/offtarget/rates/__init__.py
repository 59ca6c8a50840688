"""Rates of responses by line and word.

lines        our own: responses whose lines are all in the target language, and have no English word
lcb          the Language Confusion Benchmark's LPR, WPR and LCPR, as its public script has them
"""
