"""BLEURT of the translations of all runs: one call of the program, and its scores kept in a file.

Loading a checkpoint is slow, so the distinct translations of all rows and directions are scored
together. A translation that was scored before by the same program and model is not scored again.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ontarget import artifacts
from ontarget.data.readers.lines import as_lines
from ontarget.errors import ArtifactError
from ontarget.records import JudgedTranslation
from ontarget.scoring.neural import PROGRAMS
from ontarget.scoring.neural.program import SegmentTexts
from ontarget.scoring.neural.running import (
    NeuralScorer,
    OnMessage,
    find_scorer,
    score_segments,
)

PROGRAM = PROGRAMS["bleurt"]
KEPT = "bleurt.json"  # in the folder of a reproduction


@dataclass(frozen=True, slots=True)
class BleurtScores:
    """The score of each translation, and what it was measured with."""

    signature: str
    scores: Mapping[str, float]  # by `digest_of`, on BLEURT's own scale, about 0 to 1

    def percents(self, translations: Iterable[JudgedTranslation]) -> list[float]:
        """The scores times 100, as the paper gives them."""
        return [100 * self.scores[digest_of(one)] for one in translations]


def find_bleurt(checkpoint: str) -> NeuralScorer:
    """The program with this checkpoint.

    Raises:
        ProgramError: the program or the checkpoint is not installed.
    """
    return find_scorer(PROGRAM, checkpoint, frozenset({"references"}))


def score_translations(
    scorer: NeuralScorer, translations: Iterable[JudgedTranslation], path: Path, tell: OnMessage
) -> BleurtScores:
    """The scores of all translations; those that the file `path` lacks are measured and kept.

    Line breaks inside segments become spaces, since the program reads a line a segment.

    Raises:
        ArtifactError: the file was changed, or cannot be written.
        ProgramError: the program failed; no scores were kept.
    """
    scores = read_kept(path, scorer.signature)
    missing = {
        digest: (one.hypothesis, one.reference)
        for one in translations
        if (digest := digest_of(one)) not in scores
    }
    if missing:
        message = f"{scorer.program.title} is scoring {len(missing):,} segments"
        tell(message)
        hypotheses, references = map(as_lines, zip(*missing.values(), strict=True))
        texts = SegmentTexts(hypotheses, None, references)
        measured = score_segments(scorer, texts, lambda line: tell(f"{message}: {line}"))
        scores |= dict(zip(missing, measured, strict=True))
        keep(scores, path, scorer.signature)
    return BleurtScores(scorer.signature, scores)


def digest_of(translation: JudgedTranslation) -> str:
    """What a score is kept by: SHA-256 of the translation and its reference."""
    return artifacts.fingerprint([translation.hypothesis, translation.reference])


def keep(scores: Mapping[str, float], path: Path, signature: str) -> None:
    """Write the scores, with a hash that shows whether the file was changed.

    Raises:
        ArtifactError: the file cannot be written.
    """
    content = {"signature": signature, "scores": scores}
    with artifacts.publish_file(path) as file:
        json.dump({**content, "sha256": artifacts.fingerprint(content)}, file, indent=0)


def read_kept(path: Path, signature: str) -> dict[str, float]:
    """The scores of an earlier call; none if another program or model measured them.

    Raises:
        ArtifactError: the file was changed since, or cannot be read.
    """
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        is_whole = content.pop("sha256") == artifacts.fingerprint(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_whole = False
    if not is_whole:
        raise ArtifactError(
            f"{path}: not the scores that BLEURT gave; remove it, and BLEURT scores all "
            "translations again"
        )
    scores: dict[str, float] = content["scores"] if content["signature"] == signature else {}
    return scores
