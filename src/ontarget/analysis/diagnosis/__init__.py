"""What is wrong with a model, before anything is trained.

losses     losses of references under a model and a prompt
diagnose   the measurements on dev sentences
measures   what they are, and the fault that they show
"""
