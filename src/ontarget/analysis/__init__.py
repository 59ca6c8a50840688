"""What translations and models are worth: evaluation, comparison, diagnosis.

evaluate         the evaluator: texts to verdicts and scores; used by step 6 and by files
evaluate_files   files of hypotheses, references and sources, one segment a line
lcb              a file of responses, measured by the Language Confusion Benchmark
calibrate        a detector's errors on files of references
annotation       disputed segments for annotators, and their answers
results          scores and judged translations, as step 6 wrote them, read back and checked
segments         test segments with the outputs of all systems, and how damaged each output is
compare          two systems side by side, with tests of the differences
significance     every pair of systems over all directions of a setting
validation       dev sentences translated and judged; a training is validated so
diagnosis        does a model read the instruction, can it translate, and will stage 2 help?
"""
