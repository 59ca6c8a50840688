"""Ways that change the scores of the next token: they need a backend that shows them.

contrastive      against a wrong instruction or a random source
anti_lm          against the continuation of the source
language_beams   beams are scored by the language that they are in
vocabulary       tokens that do not occur in text of the requested language
first_words      the first word is one that begins sentences in the requested language
"""
