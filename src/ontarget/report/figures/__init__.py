"""Figures of the pages as plain data; templates turn them into HTML and SVG.

tables      the numbers of a figure, shown on the page and exported as CSV
changes     averages from the first system to the last
heat_maps   off-target ratio and chrF by direction
bars        shares of verdicts
matrix      every system against every other, with significance
curves      training curves
audits      what an audit of training pairs keeps and drops, and their lengths
"""
