"""The commands; each checks its options, calls one capability and prints the result.

demo        the whole effect on the embedded corpus
diagnose    what is wrong with a model, before anything is trained
prompts     the named templates
recipe      check, plan and run a recipe, or only some of its steps
evaluate    a recipe's step 6, or files of hypotheses
compare     two evaluated runs, or two systems of one
calibrate   detectors, measured on texts of known language
publish     push a result to the Hub; merge an adapter into its model
"""
