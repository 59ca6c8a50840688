"""Which draws are possible between which languages, before anything is drawn."""

from collections.abc import Sequence

from ontarget.languages.families import close_languages, script_variants


def draw_fault(
    draw: str, languages: Sequence[str], instructions: int, per_sample: int
) -> str | None:
    """Why a draw is impossible, with the setting to change; None if it is possible.

    `instructions` is the number of different ones in training.
    """
    listed, codes = ", ".join(languages), tuple(languages)
    if draw == "any_other_instruction":
        return instruction_fault(instructions, per_sample)
    if draw == "close_language" and not any(close_languages(code, codes) for code in codes):
        return (
            f"draw: close_language finds no two close languages among {listed}; add one, or use "
            "wrong_target"
        )
    if draw == "script_variant" and not any(script_variants(code, codes) for code in codes):
        return (
            f"draw: script_variant finds no language in two scripts among {listed}; add one such "
            "as zh-Hant beside zh-Hans, or use wrong_target"
        )
    others = len(set(languages)) - 1
    if per_sample > others:
        return (
            f"per_sample: {per_sample} conflicts of a sample request as many other languages, and "
            f"{listed} leave {others}; lower it"
        )
    if draw == "hardest" and per_sample == others:
        return (
            f"draw: hardest has nothing to choose, since {listed} leave as many other languages as "
            "conflicts; lower per_sample, or use wrong_target"
        )
    return None


def instruction_fault(instructions: int, per_sample: int) -> str | None:
    """Whether a training set has too few instructions to draw another one for each conflict."""
    if instructions <= 1:
        return (
            "draw: any_other_instruction has no other with one supervised direction; use "
            "wrong_target"
        )
    if per_sample >= instructions:
        return (
            f"per_sample: {per_sample} conflicts of a sample have as many other instructions, and "
            f"training has {instructions - 1}; lower it"
        )
    return None
