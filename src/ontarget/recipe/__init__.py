"""One experiment as a YAML file, checked, and its settings as the values that packages take.

sections/          every setting with its unit and default, one class a section
recipe             `Recipe`: the sections, and what must hold between them
yaml_file          reading a recipe strictly; each fault as one line with the nearest name
overrides          settings of the command line in place of the file's
corpus             the corpus that a recipe names, as train, dev and test rows
step_settings      exactly the settings that each step reads
step_context       what a running step is given: its settings, the folders it reads and writes
training_data      from the samples of a step to the examples of a training
remedies           ways to stay on target in step 5: what they learn from, settings tried on dev
stage              what the training steps share: schedules, validation, progress, saved models
"""
