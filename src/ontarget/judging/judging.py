"""Two models answer instructions, and a judge compares their answers in both orders."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from ontarget import artifacts
from ontarget.data.instructions import InstructionFiles, instruction_samples, why_dropped
from ontarget.decoding.base import Hypothesis
from ontarget.decoding.resume import FILE, read_batches, translate_resumably
from ontarget.errors import CorpusError, TranslationError, visible
from ontarget.judging.earlier import SUMMARY, VERDICTS, check_earlier
from ontarget.judging.outcomes import DECIDED, WinRates, compare, outcome_of
from ontarget.judging.requests import Choice, choice_of, request
from ontarget.records import Sample
from ontarget.translation.choice import Decoding, ModelChoice, choose_model, open_choice

REPLY_TOKENS = 64
UNFINISHED, REPLIES = ".unfinished", "replies"
REPLY_SHOWN = 100  # characters of a reply in an error
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingRequest:
    """What is compared, by whom, on what."""

    models: tuple[str, str]  # a run, a folder, a hub id, a server
    judge: str  # a server, or any model
    instructions: Path
    out: Path
    limit: int | None = None  # instructions, the first ones
    max_new_tokens: int = 512  # of an answer
    template: str | None = None  # of both models; by default their own


def judge(asked: JudgingRequest, tell: Tell) -> tuple[WinRates, Counter[str]]:
    """Write `verdicts.jsonl` and `summary.json`; what was answered or judged before is kept.

    Returns the outcomes, and how many instructions of the file are left out, by reason. `tell` gets
    (what is counted, done, total).

    Raises:
        OnTargetError: a model, the judge or the instructions cannot be used, `out` has another
            comparison, or no pair could be judged.
    """
    samples, dropped = read_instructions(asked)
    choices = [
        replace(choose_model(name, asked.template), max_new_tokens=asked.max_new_tokens)
        for name in asked.models
    ]
    referee = replace(choose_model(asked.judge), max_new_tokens=REPLY_TOKENS)
    chosen = choices_of(asked, samples)
    with artifacts.lock_folder(asked.out):
        for name in ("A", "B", REPLIES):
            artifacts.check_no_links(asked.out, asked.out / UNFINISHED / name)
        check_earlier(asked.out, chosen)
        answers = [
            decode(
                choice, samples, asked.out / UNFINISHED / name, partial(tell, f"answers of {name}")
            )
            for name, choice in zip("AB", choices, strict=True)
        ]
        folder = asked.out / UNFINISHED / REPLIES
        replies = decode(referee, requests_of(samples, answers), folder, partial(tell, "verdicts"))
        named = [choice_of(reply.text) for reply in replies]
        pairs = list(zip(named[::2], named[1::2], strict=True))
        found = compare(pairs)
        check_judged(asked, found, replies)
        write_summary(asked, chosen, found, dropped)  # first: it says whose the verdicts are
        write_verdicts(asked, samples, answers, pairs)
        artifacts.remove_tree(asked.out / UNFINISHED)
    return found, dropped


def read_instructions(asked: JudgingRequest) -> tuple[list[Sample], Counter[str]]:
    """The instructions, without the responses of their file; those left out are counted by reason.

    Raises:
        CorpusError: there are none, or the file cannot be read.
    """
    dropped: Counter[str] = Counter()
    files = InstructionFiles(corpora=[asked.instructions])
    samples = list(islice(instruction_samples(files, dropped), asked.limit))
    if not samples:
        raise CorpusError(
            f"{asked.instructions}: no instruction is left of {dropped.total()}"
            f"{why_dropped(dropped)}"
        )
    return [replace(sample, target="") for sample in samples], dropped


def choices_of(asked: JudgingRequest, samples: Sequence[Sample]) -> dict[str, Any]:
    """What makes a comparison another one."""
    return {
        "models": list(asked.models),
        "judge": asked.judge,
        "template": asked.template,
        "max_new_tokens": asked.max_new_tokens,
        "instructions_sha256": artifacts.fingerprint([sample.source for sample in samples]),
    }


def requests_of(samples: Sequence[Sample], answers: Sequence[Sequence[Hypothesis]]) -> list[Sample]:
    """The requests to the judge: each pair of answers in both orders."""
    return [
        replace(sample, key=f"{sample.key}/{order}", source=request(sample.source, *pair))
        for sample, one, other in zip(samples, *answers, strict=True)
        for order, pair in (("AB", (one.text, other.text)), ("BA", (other.text, one.text)))
    ]


def check_judged(asked: JudgingRequest, found: WinRates, replies: Sequence[Hypothesis]) -> None:
    """Raise TranslationError where no pair has a verdict in both orders."""
    if not found.judged:
        first = next(reply.text for reply in replies if choice_of(reply.text) is None)
        raise TranslationError(
            f"{asked.judge}: gave no usable verdict on any of {len(replies) // 2} pairs; its first "
            f'unclear reply is "{visible(first[:REPLY_SHOWN])}"; give another judge: answers and '
            f"replies are kept in {asked.out / UNFINISHED}"
        )


def decode(
    choice: ModelChoice,
    samples: Sequence[Sample],
    folder: Path,
    progress: Callable[[int, int], None],
) -> list[Hypothesis]:
    """What a model answers to each sample; kept for a later run until all are judged.

    `progress` gets (done, total), first before the model is opened: loading it can take long.

    Raises:
        OnTargetError: the model cannot answer one of them.
    """
    texts = [sample.source for sample in samples]
    artifacts.prepare_unfinished(folder, artifacts.fingerprint([choice.identity, texts]))
    kept, _ = read_batches(folder / FILE)
    progress(len(kept), len(samples))
    with open_choice(choice, Decoding()) as translator:
        found = translate_resumably(translator, samples, folder, progress)
    failures = [hypothesis.error for hypothesis in found if hypothesis.error]
    if failures:
        raise TranslationError(
            f"{choice.model}: {len(failures)} of {len(found)} requests failed; the first "
            f"says: {failures[0]}; remove the cause and run again"
        )
    return found


def write_verdicts(
    asked: JudgingRequest,
    samples: Sequence[Sample],
    answers: Sequence[Sequence[Hypothesis]],
    pairs: Sequence[tuple[Choice | None, Choice | None]],
) -> None:
    """One line an instruction: both answers, what the judge chose in each order, the outcome."""
    lines = [
        {
            "key": sample.key,
            "instruction": sample.source,
            "a": one.text,
            "b": other.text,
            "chosen": list(pair),
            "outcome": outcome_of(*pair),
        }
        for sample, one, other, pair in zip(samples, *answers, pairs, strict=True)
    ]
    with artifacts.publish_file(asked.out / VERDICTS) as file:
        file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def write_summary(
    asked: JudgingRequest, chosen: dict[str, Any], found: WinRates, dropped: Counter[str]
) -> None:
    """Counts, shares with intervals, and what was compared."""
    content: dict[str, Any] = {
        **chosen,
        "instructions": str(asked.instructions),
        "left_out": dict(dropped),
        "counts": found.counts,
        "consistent": found.consistent,
        "p": found.p,
        "shares": {
            outcome: {
                "percent": found.share(outcome).percent,
                "interval": found.share(outcome).interval,
            }
            for outcome in DECIDED
        },
    }
    with artifacts.publish_file(asked.out / SUMMARY) as file:
        json.dump(content, file, ensure_ascii=False, indent=1)
