"""Every setting with its unit and default, one frozen class a section of the recipe.

Defaults are set here and nowhere else. Unknown keys are rejected with the nearest name.

kinds      what the sections have in common: their base class, and the kinds of values
corpus     which text is read, cleaned and mixed
prompting  how the model is prompted
training   trainings, and the model that they start from
decoding   translation, its evaluation, and the report
"""
