"""Ways to stay on target without training, each a function from a plan of decoding to another.

settings  the ways by name, and their settings
plan      what is decoded: prompts, contrasts, rules over scores, changes of the model
prompts/  ways that change what the model reads
scores/   ways that change the scores of the next token
weights/  ways that change the model while it decodes
"""
