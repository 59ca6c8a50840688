"""TODO."""


def title_of(system: str) -> str:
    """A system in words."""
    return NAMES.get(system, system)


NAMES = {
    "base": "base",
    "stage1": "stage 1 (MLE)",
    "stage1-longer": "stage 1, longer (control)",
    "stage2": "stage 2 (+ unlikelihood)",
    "base-by-cue": "base, in its own format",
}
SETTINGS = {True: "supervised", False: "zero-shot"}
