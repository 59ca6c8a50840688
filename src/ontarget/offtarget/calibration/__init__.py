"""How well detectors do on texts whose language is known.

counts       a detector's errors on references, by language and length
grades       what was measured of the default detector, from `grades.json`
"""
