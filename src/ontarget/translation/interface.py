"""`Translator` of the Python interface: texts and files, with a model that is opened once."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from ontarget import artifacts
from ontarget.cluster import LOCAL, check_engine
from ontarget.decoding.base import Translator
from ontarget.errors import TranslationError
from ontarget.languages.names import is_known, unknown_code
from ontarget.languages.tags import standard
from ontarget.records import Direction
from ontarget.translation.careful import check_wishes
from ontarget.translation.choice import Decoding, ModelChoice, choose_model, open_choice
from ontarget.translation.documents.base import Reading
from ontarget.translation.files import (
    FileRun,
    Tell,
    TranslationSummary,
    detect_language,
    first_texts,
    output_of,
    text_parts,
    translate_file,
    translate_parts,
)
from ontarget.translation.repair import judge_of
from ontarget.translation.translating import Translating
from ontarget.translation.wishes import make_wishes


class TextTranslator:
    """Translates texts and files with one model; `from ontarget import Translator`.

        with Translator("runs/mine") as translator:
            translator.translate(["Good morning"], source="en", target="it")
            translator.translate_file("README.md", source="en", target="it")

    Args:
        model: a run (`RUN` or `RUN#stage1`), a model folder, a hub id, a .gguf file, or a server
            (`http://127.0.0.1:8000/v1#NAME`).
        template: a named template or its text; by default that of the run, or one that fits.
        check_language: whether translations in another language are decoded again.
        glossary: term -> its translation, mentioned where the term occurs.
        formality: `formal` or `informal`.
        instruction: any other sentence for the request.
        backend, quantization, beams, batch, max_new_tokens: how to decode; `quantization` is of
            the weights (float32, bfloat16, in CTranslate2 int8 and more), and without `batch` a
            budget of tokens fills each batch.
        engine: who decodes: this process (`local`), workers of a Ray cluster of this machine
            (`ray`), or those of a cluster at this address.

    Raises:
        OnTargetError: the model cannot be used so.
    """

    def __init__(  # noqa: PLR0913 - all that translations depend on
        self,
        model: str | Path,
        *,
        template: str | None = None,
        check_language: bool = False,
        glossary: Mapping[str, str] | None = None,
        formality: str = "",
        instruction: str = "",
        backend: str | None = None,
        quantization: str = "float32",
        beams: int = 1,
        batch: int | None = None,
        max_new_tokens: int | None = None,
        engine: str = LOCAL,
    ) -> None:
        check_engine(engine)
        self.choice: ModelChoice = choose_model(str(model), template, max_new_tokens)
        self.wishes = make_wishes(glossary or {}, formality, instruction)
        self.check_language = check_language
        self.decoding = Decoding(
            backend=backend, quantization=quantization, beams=beams, batch=batch, engine=engine
        )
        self.stack = ExitStack()
        self.opened: Translator | None = None

    def __enter__(self) -> "TextTranslator":
        """The translator itself; the model is opened when it is first needed."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the model."""
        self.close()

    def close(self) -> None:
        """Close the model, as a server that was started for it."""
        self.opened = None
        self.stack.close()

    def translate(self, texts: Sequence[str], *, target: str, source: str = "") -> list[str]:
        """One translation a text, in order; an empty text stays empty.

        Without `source` the language is detected.

        Raises:
            TypeError: `texts` is one text, or holds something else than texts.
            OnTargetError: the direction is not supported, or a text could not be translated.
        """
        if isinstance(texts, str):
            raise TypeError("texts is one text; give a list of texts, [texts]")
        for number, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"texts[{number}] is {type(text).__name__}; give a list of texts")
        written: list[str] = []
        how = self.translating(source or detect_language(texts, "texts"), target)
        summary = translate_parts(text_parts(texts), how, written.append, FileRun(name="texts"))
        lost = [fault for fault in summary.faults if fault.failed]
        if lost:
            raise TranslationError(f"{len(lost)} of {len(texts)} texts failed; {lost[0]}")
        return "".join(written).split("\n")[:-1]

    def translate_file(  # noqa: PLR0913 - a file, its format and its languages
        self,
        path: str | Path,
        out: str | Path | None = None,
        *,
        target: str,
        source: str = "",
        column: str = "",
        out_column: str = "",
        tell: Tell = lambda text, done, total: None,
        name: str = "",
    ) -> TranslationSummary:
        """Translate a file into `out`, `NAME.it.md` beside it by default; a killed call resumes.

        The summary lists what failed. `tell` gets (what is counted, done, total).

        Raises:
            OnTargetError: the file cannot be read, or not written, or the direction is unsupported.
        """
        path = Path(path)
        place = output_of(path, target, None if out is None else Path(out), several=False)
        reading = Reading(
            source_lang=source, target_lang=target, column=column, out_column=out_column
        )
        if not source:
            source = detect_language(first_texts(path, reading), name or str(path))
            reading = replace(reading, source_lang=source)
        check_direction(source, target, self.choice)
        tell("loading the model", 0, 1)
        how = self.translating(source, target)
        running = FileRun(name=name or str(path), tell=tell)
        return translate_file(path, place, how, reading, running)

    def translating(self, source: str, target: str) -> Translating:
        """How one direction is translated; opens the model.

        Raises:
            OnTargetError: the direction is not supported, or the model cannot be opened.
        """
        direction = check_direction(source, target, self.choice)
        judge = judge_of(direction) if self.check_language else None
        if self.opened is None:
            opened = self.stack.enter_context(open_choice(self.choice, self.decoding))
            check_wishes(opened, self.wishes)
            self.opened = opened
        how = self.decoding
        decoding = [how.backend, how.quantization, how.beams, self.check_language]
        settings = [self.choice.identity, repr(self.wishes), *decoding]
        return Translating(
            translator=self.opened, direction=direction, wishes=self.wishes, judge=judge,
            identity=artifacts.fingerprint(settings),
        )  # fmt: skip


def check_direction(source: str, target: str, choice: ModelChoice) -> Direction:
    """The direction in the codes that a model was tuned with.

    Raises:
        TranslationError: a language is unknown or not among the run's, or both are the same.
    """
    for code in (source, target):
        if not is_known(code):
            raise TranslationError(unknown_code(code))
    if standard(source) == standard(target):
        raise TranslationError(f"source and target are both {standard(target)!r}; give another one")
    own = {standard(code): code for code in choice.languages}
    for code in (source, target):
        if own and standard(code) not in own:
            raise TranslationError(
                f"{code!r} is not among the languages of this run: {', '.join(choice.languages)}; "
                "use one of them, or another model"
            )
    return Direction(own.get(standard(source), source), own.get(standard(target), target))
