"""The share of responses that obey their instructions.

It can be computed for output formats and glossaries. Formality needs a classifier.
"""

from collections.abc import Sequence

from ontarget.data.constraints.base import Constraint
from ontarget.errors import CorpusError


def obeys(constraint: Constraint, value: str, response: str) -> bool:
    """Whether a response has the value that it was asked for; an empty one obeys nothing.

    Raises:
        CorpusError: no rule can tell, as of formality.
    """
    text = response.strip()
    return bool(text) and constraint.holds(value, text)


def obeyed_percent(
    constraint: Constraint, values: Sequence[str], responses: Sequence[str]
) -> float:
    """The share of responses that have the value that each was asked for, in percent.

    Raises:
        CorpusError: there are no responses, or no rule can tell.
        ValueError: there are not as many values as responses.
    """
    if not responses:
        raise CorpusError("no responses, so there is no share of those that obey; give some")
    pairs = zip(values, responses, strict=True)
    return 100 * sum(obeys(constraint, *pair) for pair in pairs) / len(responses)
