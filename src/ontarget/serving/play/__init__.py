"""`play`: one page on which a person tries the systems of a run side by side.

first_tokens  how likely an answer begins in each language
systems       the models, and their answers to one request
routes        the application, with its page and limits
"""
