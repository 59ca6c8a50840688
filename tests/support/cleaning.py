"""Rows of parallel text, and the rules that they are audited by."""

from typing import Any

from ontarget.data.cleaning.rows import Audit, Audited, audit_rows
from ontarget.data.cleaning.rules import Cascade, Rules
from ontarget.records import Direction, Parallel

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


def audited(row: Parallel, cascade: Cascade, **changes: Any) -> Audited:
    """The only pair of a row, English and Italian unless `pairs` says otherwise."""
    wanted = {"pairs": (EN_IT,), "pivot": "en", "cascade": cascade} | changes
    (pair,) = audit_rows([row], Audit(**wanted))
    return pair
