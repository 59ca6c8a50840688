"""What the rules of cleaning would drop of a recipe's training pairs, without changing its run."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ontarget import artifacts
from ontarget.data.cleaning.counts import AuditSummary
from ontarget.data.cleaning.rules import Cascade
from ontarget.errors import RecipeError
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.step_settings import PrepareSettings
from ontarget.steps import s1_prepare
from ontarget.steps.s1_prepare import Work

FOLDER = "audit"  # in the run's folder


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What an audit found, and where it wrote it."""

    summary: AuditSummary
    folder: Path


def audit_recipe(recipe: Recipe, work: Work) -> AuditResult:
    """Audit the training pairs of a recipe, by its rules or by the defaults.

    Writes `audit/` into the run's folder: the page, and each pair that would be dropped. Shards are
    kept in a temporary folder only, so a killed audit starts again.

    Raises:
        RecipeError: the recipe has no corpus of files.
        CorpusError: a file cannot be used.
    """
    corpus = recipe.corpus
    if corpus.phrasebook is not None:
        raise RecipeError("corpus.phrasebook: composed text has nothing to clean; give files")
    corpus = corpus.model_copy(update={"clean": corpus.clean or Cascade()})
    settings = PrepareSettings.of(recipe.model_copy(update={"corpus": corpus}))
    folder = recipe.out / FOLDER
    artifacts.check_no_links(recipe.out, folder)
    with artifacts.lock_folder(recipe.out), TemporaryDirectory() as shards:
        tokens = s1_prepare.dropped_tokens(settings)
        splits = s1_prepare.splits_of(settings, tokens)
        rows = s1_prepare.counted(splits.train, Counter())
        audited = s1_prepare.audit(settings, rows, splits, tokens, Path(shards), work)
        with artifacts.publish_folder(folder, sign=s1_prepare.AUDIT) as partial:
            summary = s1_prepare.write_audit(audited, recipe.name, partial)
    return AuditResult(summary, folder)
