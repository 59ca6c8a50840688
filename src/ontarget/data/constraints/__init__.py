"""Constraints besides the language: instructions that a translation obeys, and others it does not.

    from ontarget.data.constraints import OutputFormat, constrain, read_pairs

    pairs = read_pairs("train.tsv", ["en-it"])
    records = constrain(pairs, OutputFormat())   # instruction, input, output, conflicts

The records are general instructions with conflicts (`data.instructions`). A constraint of your own
is an object with the methods of `Constraint`.

base       what a constraint and a pair are
formats    `OutputFormat`: ordinary text, upper case, a JSON object, quotes
glossary   `Glossary`: which of several translations of a term is used
formality  `Formality`: formal or informal, as the corpus says
words      whole words: is a term in a text?
corpus     pairs of a corpus, with columns that say something about them
making     `constrain`: from pairs to records
obedience  whether a response obeys, and the share of those that do
"""

from ontarget.data.constraints.base import Constraint, Pair
from ontarget.data.constraints.corpus import read_pairs
from ontarget.data.constraints.formality import Formality
from ontarget.data.constraints.formats import OutputFormat
from ontarget.data.constraints.glossary import Glossary, Term, read_glossary
from ontarget.data.constraints.making import constrain
from ontarget.data.constraints.obedience import obeyed_percent, obeys

__all__ = [
    "Constraint",
    "Formality",
    "Glossary",
    "OutputFormat",
    "Pair",
    "Term",
    "constrain",
    "obeyed_percent",
    "obeys",
    "read_glossary",
    "read_pairs",
]
