"""Conflict samples: the same source and response under an instruction for another language.

A model that ignores the instruction finds the response as likely as before; stage 2 lowers that
likelihood. The response is a reference, or the model's own answer. All draws depend on the seed and
the sample's content only, not on its position, so sorting, sharding or filtering the data leaves
every draw as it was.

draws      one function a draw of references: which wrong instruction a sample gets
drawing    a draw over a training set, as a stream, with any number of conflicts a sample
own        conflicts from the model's own answers
general    conflicts in a mixture with general instructions
checks     which draws are possible between which languages
labels     signed and paired samples for other trainers
interface  `ontarget.conflicts` for `datasets.Dataset`
"""

from ontarget.data.conflicts.checks import draw_fault
from ontarget.data.conflicts.drawing import (
    ConflictCounts,
    Conflicts,
    Draw,
    Experiment,
    draw_conflicts,
    instructions_of,
)
from ontarget.data.conflicts.draws import any_other_instruction, wrong_target
from ontarget.data.conflicts.general import Prompts
from ontarget.data.conflicts.own import FEWEST_LANGUAGES, draw_own_conflicts

__all__ = [
    "FEWEST_LANGUAGES",
    "Conflicts",
    "Draw",
    "Experiment",
    "ConflictCounts",
    "Prompts",
    "any_other_instruction",
    "draw_conflicts",
    "draw_fault",
    "draw_own_conflicts",
    "instructions_of",
    "wrong_target",
]
