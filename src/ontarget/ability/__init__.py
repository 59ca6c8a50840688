"""General ability: public benchmarks on the models of a run, by lm-evaluation-harness.

models      which models are meant by a name: a run has several
harness     the program: how it is called, and what it writes
scores      the scores of each model beside those of the first
measuring   all models, one after the other; a killed measurement resumes
"""
