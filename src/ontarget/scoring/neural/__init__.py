"""Neural metrics as outside programs, each in an environment of its own; one module a program."""

from ontarget.scoring.neural import bleurt, comet, metricx

PROGRAMS = {each.PROGRAM.name: each.PROGRAM for each in (comet, metricx, bleurt)}
