"""Language-aware instruction tuning (arXiv 2403.14399) and the off-target metric.

In Python:

    from ontarget import OffTarget
    metric = OffTarget(target_lang="it", source_lang="en")
    print(metric.corpus(hypotheses, references, sources))

    from ontarget import OffTargetCallback   # watches a training by transformers or TRL
    from ontarget.rewards import on_target   # a reward function for TRL's GRPOTrainer

    from ontarget import conflicts
    wrong = conflicts(dataset, draw="close_language")   # a datasets.Dataset of conflict samples

    from ontarget import Translator
    with Translator("runs/mine") as translator:
        translator.translate(["Good morning"], source="en", target="it")

The package, from the lowest layer to the highest:

    errors records artifacts processes cluster stats systems    what everything else builds on
    programs/      outside programs in environments of their own
    languages/     names, tags and scripts of languages
    data/          corpus files to samples and conflict samples
    models/        models, adapters, prompts
    training/      both losses, packed batches, the training loop
    base_model/    the demo's stand-in for an LLM
    decoding/      translation backends
    offtarget/     the off-target metric
    scoring/       BLEU, chrF and neural metrics
    rewards/       a reward and a callback for trainings by other libraries
    analysis/      evaluation, comparison, diagnosis
    report/        the page, tables for papers
    memory_plan/   the memory that a training needs
    hub/           the model card and its upload
    recipe/        an experiment as a YAML file
    steps/         the method, one numbered file per step
    pipeline/      runs the steps that are out of date
    reproduction/  the paper's tables, made again
    translation/   texts and documents, translated with any model
    serving/       a model as a server, a guard in front of another one, the page of `play`
    judging/       two models' answers to general instructions, compared by a judge
    ability/       public benchmarks on the models of a run, by lm-evaluation-harness
    cli/           the `ontarget` command
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ontarget.data.conflicts.interface import conflicts as conflicts
    from ontarget.offtarget.metric import OffTarget as OffTarget
    from ontarget.rewards.callback import OffTargetCallback as OffTargetCallback
    from ontarget.translation.interface import TextTranslator as Translator

__version__ = "0.1.0"
__all__ = ["OffTarget", "OffTargetCallback", "Translator", "__version__", "conflicts"]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: importing the package alone costs nothing."""
    if name == "OffTarget":
        from ontarget.offtarget.metric import OffTarget

        return OffTarget
    if name == "OffTargetCallback":
        from ontarget.rewards.callback import OffTargetCallback

        return OffTargetCallback
    if name == "conflicts":
        from ontarget.data.conflicts.interface import conflicts

        return conflicts
    if name == "Translator":
        from ontarget.translation.interface import TextTranslator

        return TextTranslator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """What is public."""
    return list(__all__)
