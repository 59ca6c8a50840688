"""Do models translate in the output format that the instruction asks for?

    python benchmarks/obedience.py RUN TEST.tsv --directions en-it,it-en [--count 25]

RUN is a finished run with `template: instruction` whose corpus has records of `ontarget constrain
--constraint format`. Each of its models translates the first sentences of TEST under each format's
instruction. Printed for each model and direction: the share that is in the format asked for, format
by format, and the chrF of those in ordinary text.
"""

import argparse
import os
from itertools import islice
from pathlib import Path
from statistics import mean

import sacrebleu

from ontarget import Translator
from ontarget.data import readers
from ontarget.data.constraints import OutputFormat, obeyed_percent
from ontarget.data.constraints.formats import FORMS
from ontarget.decoding.base import translate_all
from ontarget.records import Direction
from ontarget.translation.careful import CarefulTranslator
from ontarget.translation.translating import sample_of

os.environ["HF_HUB_OFFLINE"] = "1"
MODELS = {"stage1": "3_mle", "stage1-longer": "4_control", "stage2": "4_unlikelihood"}


def main() -> None:
    """Print a line for each model and direction."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--directions", default="en-it,it-en")
    parser.add_argument("--count", type=int, default=25)
    given = parser.parse_args()
    print("| model | direction |", " | ".join(FORMS), "| all | chrF of ordinary text |")
    print("|---|---|" + "---:|" * (len(FORMS) + 2))
    for model, folder in MODELS.items():
        if not (given.run / folder).is_dir():
            continue
        for direction in given.directions.split(","):
            source, _, target = direction.partition("-")
            rows = list(islice(readers.read(given.test, [source, target]), given.count))
            samples = [sample_of(row.texts[source], Direction(source, target), "") for row in rows]
            shares, chrf = [], 0.0
            for name, form in FORMS.items():
                with Translator(f"{given.run}#{model}", instruction=form.wording) as translator:
                    how = translator.translating(source, target)
                    careful = CarefulTranslator(how.translator, how.wishes)
                    answers = translate_all(careful, samples)
                shares.append(obeyed_percent(OutputFormat(), [name] * len(answers), answers))
                if name == "plain":
                    references = [row.texts[target] for row in rows]
                    chrf = sacrebleu.corpus_chrf(answers, [references]).score
            cells = [*(f"{share:.0f}" for share in (*shares, mean(shares))), f"{chrf:.1f}"]
            print("|", " | ".join([model, direction, *cells]), "|", flush=True)


if __name__ == "__main__":
    main()
