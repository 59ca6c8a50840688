"""A recipe's run: its steps in order, each only if it is out of date.

graph          the steps of a recipe: folders, inputs, settings
dependencies   what a step's content depends on: settings, and hashes of the files that it reads
status         which steps are up to date, why the others are not, what could be resumed
run            runs what is out of date; each step's folder appears complete or not at all
new_recipe     a recipe for a model and a corpus, with a reason beside every choice
audit          what the rules of cleaning would drop, without changing the run
checks         what can be checked before anything runs
prompts        the prompts of a recipe, from the tokenizer alone
plan           memory of a recipe's trainings, and the smallest engine that fits
push           a finished model with its card, as a folder and on the Hugging Face Hub
"""
