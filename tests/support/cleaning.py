"""Rows of parallel text, and the rules that they are audited by."""

import random
from typing import Any

from ontarget.data.cleaning.audit import AuditedCorpus
from ontarget.data.cleaning.rows import Audit, Audited, audit_rows
from ontarget.data.cleaning.rules import Cascade, Rules
from ontarget.records import Direction, Parallel, Sample

EN_IT = Direction("en", "it")
ENGLISH = "The committee will meet again on Thursday in the old town hall."
ITALIAN = "La commissione si riunirà di nuovo giovedì nel vecchio municipio."
GERMAN = "Der Ausschuss trifft sich am Donnerstag wieder im alten Rathaus."
NOTHING: dict[str, Any] = dict.fromkeys(Rules.model_fields, False)  # every rule is off


def a_row(number: int = 1, corpus: str = "train.tsv", **texts: str) -> Parallel:
    """One row of a corpus."""
    return Parallel(key=f"{corpus}:{number}", texts=texts)


def without(*names: str) -> Cascade:
    """The default rules without some."""
    return Cascade(**dict.fromkeys(names, False))


def only(**rules: Any) -> Cascade:
    """These rules, and no others that can be turned off."""
    return Cascade(**NOTHING | rules)


def kept(corpus: AuditedCorpus, *directions: Direction) -> list[Sample]:
    """The samples that an audit keeps, in these directions."""
    tables = corpus.sample_tables(directions)
    return [Sample(**row) for table in tables for row in table.to_pylist()]


def audited(row: Parallel, cascade: Cascade, **changes: Any) -> Audited:
    """The only pair of a row, English and Italian unless `pairs` says otherwise."""
    wanted = {"pairs": (EN_IT,), "pivot": "en", "cascade": cascade} | changes
    (pair,) = audit_rows([row], Audit(**wanted))
    return pair


# A corpus in two files with planted faults. In the second file rules are milder.
ROWS, SECOND = 400, 200
EN_DE = Direction("en", "de")
PLANTED: dict[int, dict[str, str]] = {  # place in each 50 rows -> {target: reason}
    10: {"it": "duplicate", "de": "duplicate"},
    20: {"it": "near_duplicate", "de": "near_duplicate"},
    30: {"it": "ratio"},
    40: {"de": "empty"},
    45: {"it": "control"},
}
MILDER = ("duplicate", "near_duplicate")  # off in the second file
PLANTED_AUDIT = Audit(
    pairs=(EN_IT, EN_DE),
    pivot="en",
    cascade=Cascade(
        language=False,
        corpora={"a.tsv": Rules(near_duplicates=0.8), "b.tsv": Rules(duplicates=False)},
    ),
)


def planted_rows() -> list[Parallel]:
    """`ROWS` rows of random words in three invented languages."""
    rng = random.Random(7)
    rows: list[Parallel] = []
    for number in range(ROWS):
        count = rng.randint(8, 20)
        texts = {language: invented(rng, count) for language in ("en", "it", "de")}
        before = rows[-1].texts if rows else texts
        match number % 50:
            case 5:
                texts["it"] += " e\u0301"
            case 10:
                texts = {language: f"«{text.upper()}»!" for language, text in before.items()}
            case 20:
                texts = before | {"en": f"{before['en']}x"}
            case 30:
                texts["it"] = " ".join([texts["it"]] * 5)
            case 40:
                texts["de"] = "?!"
            case 45:
                texts["it"] += "\ufffd"
        corpus = "a.tsv" if number < SECOND else "b.tsv"
        rows.append(Parallel(key=f"{corpus}:{number}", texts=texts))
    return rows


def invented(rng: random.Random, count: int) -> str:
    """So many random words."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return " ".join("".join(rng.choices(letters, k=rng.randint(3, 9))) for _ in range(count))


def planted_reasons() -> list[str]:
    """The reason of each pair of `planted_rows`, in order."""
    reasons = [
        PLANTED.get(number % 50, {}).get(target, "")
        for number in range(ROWS)
        for target in ("it", "de")
    ]
    return [
        "" if place >= 2 * SECOND and reason in MILDER else reason
        for place, reason in enumerate(reasons)
    ]
