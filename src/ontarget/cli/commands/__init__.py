"""The commands; each checks its options, calls one capability and prints the result.

demo        the whole effect on the embedded corpus
diagnose    what is wrong with a model, before anything is trained
repair      a recipe for a model and a corpus; the whole repair in one command
prompts     the named templates
recipe      check, plan and run a recipe or some of its steps; the status of its run
evaluate    a recipe's step 6, or files of hypotheses
compare     two evaluated runs, or two systems of one
calibrate   detectors, measured on texts of known language
lcb         the Language Confusion Benchmark on a file of responses
data/       a corpus prepared, audited or converted; public corpora by name
annotate    disputed segments to annotators, and their answers back
serve/      a model as a server; a guard in front of another server
play/       the systems of a run side by side, on one page
export/     a model in another format, verified
translate/  any text or document, or a recipe's step 5
judge/      two models' answers to general instructions, compared by a judge
ability/    public benchmarks on the models of a run
reproduce/  the tables of the paper, made again
publish     push a result to the Hub; merge an adapter into its model
"""
