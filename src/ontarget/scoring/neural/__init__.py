"""Neural metrics, run as external programs in environments of their own.

COMET, MetricX and BLEURT need library versions that conflict with ours and with each other.

program   what a metric module defines: inputs, command line, output format
comet     COMET, from comet-score
metricx   MetricX, from google-research/metricx
bleurt    BLEURT, from google-research/bleurt
running   one call: texts in files, scores out
"""

from ontarget.scoring.neural import bleurt, comet, metricx

PROGRAMS = {module.PROGRAM.name: module.PROGRAM for module in (comet, metricx, bleurt)}
