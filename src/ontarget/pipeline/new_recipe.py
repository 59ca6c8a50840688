"""A recipe for a model and a corpus, with a reason beside every choice.

What is chosen here was found on dev sentences of one pretrained model and one set of languages
(docs/results/real-models.md). Nothing is trained and no weight is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from math import prod
from pathlib import Path

import yaml

from ontarget.data import readers
from ontarget.data.conflicts import FEWEST_LANGUAGES
from ontarget.data.readers.shapes.matching import match
from ontarget.errors import CorpusError
from ontarget.languages.tags import standard
from ontarget.models import folder
from ontarget.models.templates import prompt_format_of
from ontarget.pipeline.plan import make_plan
from ontarget.recipe.recipe import Recipe

SPLITS = ("train", "dev", "test")
PIVOT = "en"  # if the corpus has it, else its first language
ADAPTED_PARAMETERS = 50_000_000  # a larger model is tuned by an adapter
CHARACTERS = 300  # of the longest training text
TEST_ROWS, DEV_ROWS = 40, 60
READ_ROWS = 10_000  # of dev, to see how long sentences are
MICRO_BATCHES = (16, 8, 4, 2, 1)
LONGEST = 512  # tokens of a translation, at most
STAGE1_STEPS, STAGE2_STEPS = 80, 60
UNTUNED_TEMPLATE = "alma"  # of a base model; why: docs/results/real-models.md


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusFiles:
    """The files of a corpus by split, and the languages that all of them have, the pivot first."""

    train: Path
    dev: Path
    test: Path
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTraits:
    """What a recipe depends on of a model."""

    model: str  # folder or hub id
    template: str
    chat: bool
    parameters: int | None  # None for a hub id
    reason: str  # for the template
    untuned: bool = False  # whether a diagnosis found that it is not tuned to translate


def traits_of(model: str, template: str | None = None) -> ModelTraits:
    """The traits of a model folder or hub id; the template is chosen unless it is given."""
    config = Path(model) / "tokenizer_config.json"
    has_chat = (Path(model) / "chat_template.jinja").is_file() or (
        config.is_file() and "chat_template" in folder.read_settings(config)
    )
    name = template or ("instruction" if has_chat else UNTUNED_TEMPLATE)
    parameters = None
    if Path(model).is_dir():
        parameters = sum(prod(shape) for shape in folder.tensor_shapes(Path(model)).values())
    return ModelTraits(
        model=model,
        template=name,
        chat=prompt_format_of(name).chat,
        parameters=parameters,
        reason="given by --template" if template else reason_for_template(has_chat),
    )


def find_corpus(data: Path, languages: Sequence[str] = ()) -> CorpusFiles:
    """The corpus in a folder: train, dev and test, each a file, a folder or aligned files.

    Without `languages`, all that every split has.

    Raises:
        CorpusError: a split is missing, or there are not two languages.
    """
    if not data.is_dir():
        raise CorpusError(
            f"{data}: is no folder; give one with train, dev and test files, such as train.tsv"
        )
    files = {split: split_file(data, split) for split in SPLITS}
    common = [standard(tag) for tag in readers.columns(files["train"])]
    for split in SPLITS:
        present = readers.columns(files[split])
        found = match(present, languages, str(files[split]))
        missing = [code for code in languages if code not in found]
        if missing:
            raise CorpusError(
                f"{files[split]}: no column {missing[0]!r} among {', '.join(present)[:60]}; "
                "add it or leave the language out"
            )
        common = [code for code in common if code in map(standard, present)]
    chosen = list(languages) or sorted(common, key=lambda code: code != PIVOT)
    if len(chosen) < 2:
        raise CorpusError(
            f"{data}: its files share the language columns {', '.join(chosen) or 'none'}; at least "
            "two are needed, named by their codes, as in en, it"
        )
    return CorpusFiles(**files, languages=tuple(chosen))


def split_file(folder: Path, split: str) -> Path:
    """The corpus of a split, in any format: `train.csv`, `train/`, or the stem of `train.en`.

    Raises:
        CorpusError: there is none, or there are several.
    """
    found = readers.named_split(folder, split)
    if len(found) != 1:
        fault = f"has {' and '.join(path.name for path in found)}" if found else f"has no {split}"
        endings = ", ".join(readers.endings())
        raise CorpusError(f"{folder}: {fault} file; give one named {split} with {endings}")
    return found[0]


def fitting_recipe(
    corpus: CorpusFiles, traits: ModelTraits, out: Path, *, stage1: bool, gib: float
) -> str:
    """The recipe with the largest micro-batch that fits into a memory of `gib` GiB.

    Of a model that is not in a folder the memory is not known; it gets micro-batches of 4.
    """
    if traits.parameters is None:
        return recipe_text(corpus, traits, out, stage1=stage1, micro_batch=4)
    for size in MICRO_BATCHES:
        text = recipe_text(corpus, traits, out, stage1=stage1, micro_batch=size)
        if make_plan(Recipe.model_validate(yaml.safe_load(text)), gib, 1).fits:
            break
    return text


def recipe_text(
    corpus: CorpusFiles, traits: ModelTraits, out: Path, *, stage1: bool, micro_batch: int
) -> str:
    """The recipe as YAML; `stage1`: the model is not yet tuned to translate."""
    lines = [
        *head_lines(corpus, traits, out),
        *(stage1_lines(traits, micro_batch) if stage1 else []),
        *stage2_lines(corpus, traits, micro_batch),
        "",
        f"translate: {{beams: 1, batch: 32, max_new_tokens: {longest_answer(corpus)}}}",
        "report_to: []",
    ]
    return "\n".join(lines) + "\n"


def head_lines(corpus: CorpusFiles, traits: ModelTraits, out: Path) -> list[str]:
    """The corpus, and the model with its prompt."""
    pivot = corpus.languages[0]
    codes = ", ".join(map(quoted, corpus.languages))  # YAML reads a bare `no` as false
    size = "of unknown size" if traits.parameters is None else f"{traits.parameters:,} parameters"
    return [
        f"# Written for {quoted(traits.model)} ({size}) and {quoted(corpus.train.parent)}.",
        f"name: {quoted(out.name)}",
        f"out: {quoted(out)}",
        f"languages: [{codes}] # supervised: {pivot} with each other one",
        "",
        "corpus:",
        *(f"  {split}: {quoted(getattr(corpus, split))}" for split in SPLITS),
        f"  dev_limit: {DEV_ROWS} # rows; validation and diagnosis read a part of them",
        f"  test_limit: {TEST_ROWS} # rows; the test takes longer than the training",
        f"  max_characters: {CHARACTERS} # longer training texts cost more than they teach",
        "  drop_overlap: true # no test sentence in training, in any language",
        "  # clean: {} # drops wrong and repeated pairs; `ontarget prepare --audit` shows which",
        "",
        "base:",
        f"  model: {quoted(traits.model)}",
        f"template: {traits.template} # {traits.reason}",
    ]


def stage1_lines(traits: ModelTraits, micro_batch: int) -> list[str]:
    """Stage 1."""
    reason = (
        "it does not yet translate"
        if traits.untuned
        else "leave it out if the model already translates under this template"
    )
    return [
        "",
        f"mle: # stage 1: {reason}",
        f"  steps: {STAGE1_STEPS} # a longer one hardens the habit that stage 2 breaks",
        *training_lines(traits, 16, micro_batch),
    ]


def stage2_lines(corpus: CorpusFiles, traits: ModelTraits, micro_batch: int) -> list[str]:
    """Stage 2."""
    own = len(corpus.languages) >= FEWEST_LANGUAGES
    return [
        "",
        "unlikelihood: # stage 2",
        f"  steps: {STAGE2_STEPS} # at most; dev sentences decide",
        f"  conflicts: {'own' if own else 'references # own answers need three languages'}",
        *training_lines(traits, 8, micro_batch),
        "  preflight: 4 # dev sentences in each direction; a diagnosis costs as much as ten steps",
        "  # segments: dev sentences in each zero-shot direction; supervised: in each other one",
        "  validation: {every: 10, segments: 8, supervised: 8, stop: true}",
    ]


def quoted(text: object) -> str:
    """A text as YAML writes it, quoted only where it must be."""
    return yaml.safe_dump(str(text), width=10**6, allow_unicode=True).splitlines()[0]


def longest_answer(corpus: CorpusFiles) -> int:
    """Tokens enough for any dev sentence: half of its bytes in UTF-8."""
    rows = islice(readers.read(corpus.dev, corpus.languages), READ_ROWS)
    sizes = (len(text.encode()) for row in rows for text in row.texts.values())
    longest = max(sizes, default=0)
    return min(LONGEST, max(16, longest // 2))


def reason_for_template(has_chat: bool) -> str:
    """Why a model is prompted as it is by default."""
    if has_chat:
        return "a turn of its chat template"
    return "the language right before the answer keeps stage 1 nearly on target"


def training_lines(traits: ModelTraits, batch: int, micro_batch: int) -> list[str]:
    """What both stages have in common."""
    adapter = traits.parameters is None or traits.parameters > ADAPTED_PARAMETERS
    rate = "3.0e-4" if adapter else "1.0e-4"
    fits = "fits into this machine's memory" if traits.parameters else "no folder, so not planned"
    lines = [
        f"  batch: {batch}",
        f"  micro_batch: {min(batch, micro_batch)} # {fits}",
        f"  learning_rate: {rate}",
        "  schedule: constant_with_warmup",
    ]
    return lines + (["  adapter: {} # LoRA: a fraction of the memory"] if adapter else [])
