"""The tables of arXiv 2403.14399, made again: what runs they take, and their figures beside ours.

settings    languages, corpora and settings of each table and scale, from YAML
runs        what a run of a table is: a recipe, and which of its systems fill which rows
planning    the runs of a table, from a scale and what the user chooses
estimates   what they will take
making      makes what is missing, run after run
bleurt      BLEURT's scores of the translations of all runs
figures     rows and sweeps from finished runs, with intervals
published   the paper's figures, from JSON
render/     figures beside the published ones, as Markdown and JSON
"""
