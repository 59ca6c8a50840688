"""Ways that change the model while it decodes: they need its weights in this process.

head_rows  rows of the output layer are scaled down for tokens of other languages
steering   hidden states are moved towards the requested language
"""
