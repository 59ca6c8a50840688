"""What an example holds: prompts and responses as tokens, and what is done with each response.

Prompt and response are tokenized separately and joined, in training as in decoding, so a model is
trained on exactly the prompt tokens that it will see. BOS, where the tokenizer adds one,
belongs to the prompt; EOS ends the response. For an encoder-decoder these are the tokens of the
decoder; those of the encoder are kept separately.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ontarget.models.prompting import Prompt

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSequence:
    """One sequence to train on; its first `prompt_tokens` tokens have no label."""

    key: str  # of its sample
    tokens: Tokens
    prompt_tokens: int
    encoder: Tokens = ()
    unlikely: bool = False  # a conflict sample: its response takes the unlikelihood loss
    by_reach: bool = False  # each response token is weighted by its reach, see `losses.log_reach`
    weights: tuple[float, ...] = ()  # of the response tokens; (): 1
    alternatives: tuple[Tokens, ...] = ()  # to each response token, see `losses`; (): none

    @property
    def size(self) -> int:
        """Tokens, encoder and decoder together."""
        return len(self.encoder) + len(self.tokens)

    @property
    def prompt(self) -> Prompt:
        """What the response answers."""
        return Prompt(tokens=self.tokens[: self.prompt_tokens], encoder=self.encoder)

    @property
    def blank(self) -> "TokenSequence":
        """The sequence without its labels."""
        return replace(self, prompt_tokens=len(self.tokens), weights=(), alternatives=())


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnConflict:
    """A source under two instructions; what the model answers to one is unlikely under the other.

    The answer is drawn during training, see `own_answers`.
    """

    key: str  # of its sample
    source: str
    answered: Prompt
    asked: Prompt
    tokens: int  # of the answer, at most
    blank: bool = False  # it contributes nothing to the loss

    @property
    def size(self) -> int:
        """Tokens with the answer, encoder and decoder together."""
        prompts = (self.answered, self.asked)
        return max(len(p.encoder) + len(p.tokens) for p in prompts) + self.tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Sequences that share a batch: a true sample and, in stage 2, its conflict sample."""

    rows: tuple[TokenSequence, ...]
    own: OwnConflict | None = None  # becomes a row before the optimizer step

    @property
    def length(self) -> int:
        """Tokens of the longest sequence, encoder and decoder together."""
        own = self.own.size if self.own else 0
        return max(own, *(row.size for row in self.rows))

    @property
    def blank(self) -> "Example":
        """The example without its labels, which contributes nothing to the loss."""
        rows = tuple(row.blank for row in self.rows)
        return Example(rows=rows, own=self.own and replace(self.own, blank=True))


def token_sequence(  # noqa: PLR0913 - how its response is trained belongs to the sequence
    key: str,
    prompt: Prompt,
    response: Sequence[int],
    *,
    unlikely: bool = False,
    by_reach: bool = False,
    weights: Sequence[float] = (),
    alternatives: Sequence[Tokens] = (),
) -> TokenSequence:
    """Prompt and response as one sequence."""
    return TokenSequence(
        key=key,
        tokens=(*prompt.tokens, *response),
        prompt_tokens=len(prompt.tokens),
        encoder=prompt.encoder,
        unlikely=unlikely,
        by_reach=by_reach,
        weights=tuple(weights),
        alternatives=tuple(alternatives),
    )
