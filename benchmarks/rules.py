"""What the rule's margin and shortest text cost and save, on texts whose language is known.

    python benchmarks/rules.py it=ref.it en,it,nl=dev.tsv.gz ...

Arguments are those of `ontarget calibrate --references`. Each text is judged by lid.176 at several
margins, however short it is. A rule of `shortest` letters leaves out the bands below it, so what it
costs and saves can be read from the bands. Floor: references called off-target. Missed: texts in
another language called on-target, for each target from the language that passes most. Both are
means over the languages, percent of those judged.
"""

import sys
from dataclasses import replace

from ontarget.analysis.calibrate import (
    detectors_to_measure,
    languages_of,
    measure,
    parse_references,
)
from ontarget.offtarget.calibration.counts import BANDS, EDGES, Calibration
from ontarget.report.render.calibration import format_band

MARGINS = (1.0, 2.0, 5.0, 10.0)


def mean(values: list[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)


def errors(found: Calibration, languages: list[str], bands: list[int]) -> tuple[float, float]:
    """Floor and missed in some bands, means over the languages."""
    floors, missed = [], []
    for target in languages:
        floors.append(found.references(target, bands).floor.percent or 0.0)
        others = (
            found.counts(other, target, bands).missed for other in languages if other != target
        )
        missed.append(max(each.percent or 0.0 for each in others))
    return mean(floors), mean(missed)


def main() -> None:
    """A line a margin and band: alone, and together with all longer ones."""
    given = [parse_references(each) for each in sys.argv[1:]]
    languages = languages_of(given)
    found = [detectors_to_measure(["fasttext"], [1], languages, None)[0] for _ in MARGINS]
    detectors = [metric.detectors for metric in found[0].metrics.values()]
    for margin, system in zip(MARGINS, found, strict=True):
        for metric, shared in zip(system.metrics.values(), detectors, strict=True):
            rule = replace(metric.request.rule, margin=margin, shortest=0)
            metric.request, metric.detectors = replace(metric.request, rule=rule), shared
    measure(given, found, lambda done: None)
    print(f"{'margin':>6}  {'letters':8}{'texts':>8}{'floor':>8}{'missed':>8}   from there on")
    for margin, system in zip(MARGINS, found, strict=True):
        its = system.calibration
        for band in BANDS:
            texts = sum(its.references(code, [band]).texts for code in languages)
            alone = errors(its, languages, [band])
            longer = errors(its, languages, list(range(band, len(EDGES))))
            print(
                f"{margin:6g}  {format_band(band):8}{texts:8}{alone[0]:8.2f}{alone[1]:8.2f}"
                f"{longer[0]:8.2f}{longer[1]:8.2f}"
            )


if __name__ == "__main__":
    main()
