"""Calibrations counted from literal texts."""

from ontarget.offtarget.calibration.counts import Calibration
from ontarget.offtarget.verdicts import Judgement, Verdict

JUDGEMENTS = {
    "on": Judgement(Verdict.ON_TARGET, "it"),
    "off": Judgement(Verdict.OTHER, "ro"),
    "mixed": Judgement(Verdict.MIXED, ""),
    "empty": Judgement(Verdict.EMPTY, ""),
    "undecided": Judgement(Verdict.UNDECIDED, ""),
}
Text = tuple[str, str, int, str]  # its language, the requested one, its letters, a judgement


def count_texts(texts: list[Text]) -> Calibration:
    """The calibration of these texts."""
    calibration = Calibration()
    for language, target, length, kind in texts:
        calibration.add((language, target), length, JUDGEMENTS[kind])
    return calibration


def many(language: str, target: str, length: int, *, on: int, off: int = 0) -> list[Text]:
    """Texts of one length, `on` of them on target and `off` of them off-target."""
    return [(language, target, length, "on")] * on + [(language, target, length, "off")] * off
