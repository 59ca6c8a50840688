"""What the rules of cleaning would drop of a recipe's training pairs, without changing its run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from ontarget import artifacts
from ontarget.data import readers
from ontarget.data.cleaning.counts import AuditSummary
from ontarget.data.cleaning.rows import audit_rows
from ontarget.data.cleaning.rules import Cascade
from ontarget.errors import RecipeError
from ontarget.recipe.corpus import audit_of
from ontarget.recipe.recipe import Recipe
from ontarget.recipe.step_settings import PrepareSettings
from ontarget.records import Direction, Parallel
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


def check_first_pairs(
    recipe: Recipe, held_out: Iterable[Parallel], tokens: Sequence[str], limit: int
) -> list[str]:
    """Audit the first `limit` rows of each training corpus, by every rule that one row decides.

    The other rules keep the first pair of each direction. Returns a warning for each corpus of
    which every pair is dropped.

    Raises:
        CorpusError: these rows are all there are, and step 1 would end with this error.
    """
    wanted = audit_of(
        recipe.corpus, recipe.languages, recipe.supervised_directions, held_out, tokens
    )
    kept: Counter[Direction] = Counter()
    complete, warnings = True, []
    for corpus in recipe.corpus.train:
        rows = list(islice(readers.read(corpus, recipe.languages), limit + 1))
        complete = complete and len(rows) <= limit
        pairs = audit_rows([row for row in rows[:limit] if len(row.texts) > 1], wanted)
        for sample in (pair.sample for pair in pairs if not pair.reason):
            kept[Direction(sample.source_lang, sample.target_lang)] += 1
            kept[Direction(sample.target_lang, sample.source_lang)] += 1
        reasons = Counter(pair.reason for pair in pairs)
        if pairs and not reasons[""]:
            reason, count = reasons.most_common(1)[0]
            warnings.append(
                f"{readers.as_entry(corpus).path}: corpus.clean drops all {len(pairs):,} pairs of "
                f"its first {len(rows[:limit]):,} rows, {count:,} by the rule {reason}; see "
                "`ontarget prepare RECIPE --audit`"
            )
    if complete:
        s1_prepare.check_complete(PrepareSettings.of(recipe), kept, kept.total())
    return warnings
