"""One experiment: the sections of a YAML file, and what must hold between them.

Paths are relative to the working directory of the command.
"""

from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from pydantic import model_validator

from ontarget import systems
from ontarget.data.directions import around_pivot, parse_directions, remaining_directions
from ontarget.errors import RecipeError
from ontarget.languages.names import is_known, unknown_code
from ontarget.models.templates import PromptFormat, prompt_format_of
from ontarget.offtarget.detection import Detection
from ontarget.recipe.sections.corpus import Corpus
from ontarget.recipe.sections.decoding import Evaluate, Report, Translate
from ontarget.recipe.sections.kinds import Place, Section, Seed, Trackers
from ontarget.recipe.sections.prompting import Templates, read_chat_template
from ontarget.recipe.sections.training import Base, Mle, Training, Unlikelihood
from ontarget.records import Direction
from ontarget.systems import SYSTEMS, System


class Recipe(Section):
    """One experiment, from the base model to the report."""

    name: str
    out: Place
    seed: Seed = 1
    languages: tuple[str, ...]  # the first is the pivot of the default directions
    supervised: tuple[str, ...] | None = None  # en-it, or en<->it for both ways
    zero_shot: tuple[str, ...] | None = None
    corpus: Corpus
    base: Base
    template: Templates = "alpaca"  # a name or a text; or these by requested language and default
    wordings: tuple[str, ...] = ()  # more templates, which training samples are spread over
    chat: bool | None = None  # the request is a user's turn; None: as the named template says
    system: str = ""  # the system message of a chat
    chat_template: Place | None = None  # a Jinja file in place of the tokenizer's chat template
    names: dict[str, str] = {}  # of languages, in place of CLDR's; also {kbp: Kabiye} in languages
    codes: dict[str, str] = {}  # what {target_code} becomes, as in {it: it_IT}; default: the code
    mle: Mle | None = None
    unlikelihood: Unlikelihood | None = None
    control: bool = False  # also continue stage 1 for stage 2's compute without unlikelihood
    translate: Translate = Translate()
    evaluate: Evaluate = Evaluate()
    report: Report = Report()
    report_to: Trackers = ("tensorboard",)  # where curves can be watched; [] for nowhere

    @model_validator(mode="before")
    @classmethod
    def named_languages(cls, content: Any) -> Any:
        """`languages: {en: , kbp: Kabiye}` as a list of codes, and names of those that have one."""
        match content:
            case {"languages": dict(languages)}:
                names = {code: name for code, name in languages.items() if name is not None}
                return {**content, "languages": list(languages), "names": names}
        return content

    @model_validator(mode="before")
    @classmethod
    def two_languages(cls, content: Any) -> Any:
        """Own answers need three languages, so with two the default is references."""
        match content:
            case {"languages": [_, _], "unlikelihood": dict(section)}:
                return {**content, "unlikelihood": {"conflicts": "references", **section}}
        return content

    @model_validator(mode="after")
    def consistent(self) -> "Recipe":
        """Known and distinct languages, valid directions, sections that fit together."""
        self.check_names()
        if len(set(self.languages)) < max(2, len(self.languages)):
            raise ValueError(
                f"languages: {', '.join(self.languages)}: give at least two, each once"
            )
        if both := set(self.supervised_directions) & set(self.zero_shot_directions):
            raise ValueError(
                f"zero_shot: {min(both)} is listed as supervised too; keep it in one list"
            )
        if not self.name.isprintable():
            raise ValueError(f"name: {self.name!r} has a control character; leave it out")
        self.check_sections()
        chat = self.plain_format.chat
        for key in ("system", "chat_template"):
            if getattr(self, key) and not chat:
                raise ValueError(f"{key}: the model is not prompted as a chat; add chat: true")
        if chat and self.base.scratch is not None:
            raise ValueError("chat: a model made from scratch has no chat template; leave it out")
        self.check_prompt_codes()
        return self

    def check_names(self) -> None:
        """Raise ValueError for a language without a name, or a name that cannot be used."""
        for code in self.languages:
            if code not in self.names and not is_known(code):
                raise ValueError(
                    f"languages: {unknown_code(code)}, or give it a name, as in {{{code}: Kabiye}}"
                )
        for code, name in self.names.items():
            if code not in self.languages:
                raise ValueError(f"names: {code!r} is not among the recipe's languages; add it")
            if not name.strip() or not name.isprintable():
                raise ValueError(f"names.{code}: {name!r} is no name; give one, as in Kabiye")

    def check_prompt_codes(self) -> None:
        """Raise ValueError for codes that no prompt holds, or that cannot tell languages apart."""
        if self.codes and not self.plain_format.has_codes:
            raise ValueError(
                "codes: the template has neither {source_code} nor {target_code}; add one of them, "
                "or leave codes out"
            )
        by_target = set() if isinstance(self.template, str) else set(self.template) - {"default"}
        for key, languages in (("codes", self.codes), ("template", by_target)):
            for language in sorted(set(languages) - set(self.languages)):
                raise ValueError(
                    f"{key}: {language!r} is not among the recipe's languages; add it there or "
                    "leave it out"
                )
        used = {language: self.codes.get(language, language) for language in self.languages}
        for language, code in used.items():
            if not code.strip() or not code.isprintable():
                raise ValueError(
                    f"codes.{language}: {code!r} is empty or has a control character; give a code "
                    "such as it_IT"
                )
            if list(used.values()).count(code) > 1:
                raise ValueError(
                    f"codes: {code!r} is that of two languages; give each language its own"
                )

    def check_sections(self) -> None:
        """Raise ValueError for sections that contradict each other."""
        if not self.supervised_directions and (self.mle or self.unlikelihood):
            raise ValueError("supervised: lists no direction; list one, or leave the key out")
        if self.unlikelihood is not None:
            self.unlikelihood.check_conflicts(self.languages, self.supervised_directions, self.out)
        self.check_clean()
        self.corpus.check_instructions(stage1=bool(self.mle), stage2=bool(self.unlikelihood))
        for language in self.corpus.monolingual:
            if language not in self.languages:
                raise ValueError(
                    f"corpus.monolingual: {language!r} is not among the recipe's languages; add it "
                    "there or leave the text out"
                )
        stage2 = self.unlikelihood
        own = stage2 is not None and stage2.has_conflicts and stage2.conflicts == "own"
        if self.corpus.monolingual and not own:
            raise ValueError(
                "corpus.monolingual: only unlikelihood.conflicts: own reads it; set that or leave "
                "the text out"
            )
        if self.corpus.special_tokens == "drop" and self.base.model is None:
            raise ValueError(
                "corpus.special_tokens: drop needs the tokenizer of base.model; leave it out"
            )
        self.translate.check_systems([s.name for s in systems.present(self.has_section)])
        if self.control and self.unlikelihood is None:
            raise ValueError("control: compares with stage 2; add the section unlikelihood")

    def check_clean(self) -> None:
        """Raise ValueError for rules of cleaning that would never apply."""
        rules = self.corpus.clean
        if rules is None:
            return
        if self.corpus.phrasebook is not None:
            raise ValueError("corpus.clean: composed text has nothing to clean; leave it out")
        for language in rules.languages:
            if language not in self.languages:
                raise ValueError(
                    f"corpus.clean.languages: {language!r} is not among the recipe's languages; "
                    "leave it out"
                )
        supervised = self.supervised_directions
        pairs = {str(d) for s, t in supervised for d in (Direction(s, t), Direction(t, s))}
        for pair in rules.pairs:
            if pair not in pairs:
                raise ValueError(
                    f"corpus.clean.pairs: {pair!r} is no supervised pair; write "
                    f"{next(iter(sorted(pairs)), 'en-it')}"
                )
        names = self.corpus.training_names if rules.corpora else set()
        for name in rules.corpora:
            if names and name not in names:
                raise ValueError(
                    f"corpus.clean.corpora: no training file is named {name}; there are "
                    f"{', '.join(sorted(names)[:9])}"
                )

    def has_section(self, name: str) -> bool:
        """Whether a section, given by its dotted name, is present."""
        return bool(attrgetter(name)(self))

    @property
    def systems(self) -> list[System]:
        """The systems that the run compares, in the order of the table, then those with ways."""
        return [*systems.present(self.has_section), *self.remedies]

    @property
    def translated(self) -> list[System]:
        """The systems that step 5 translates with and that are compared."""
        chosen = self.translate.systems
        return [s for s in self.systems if not chosen or s.ways or s.name in chosen]

    @property
    def remedies(self) -> list[System]:
        """The systems with ways to stay on target."""
        return [systems.system_of(name) for name in self.translate.remedies]

    @property
    def trainings(self) -> dict[str, Training]:
        """The sections that train, by dotted name."""
        names = ["base.scratch", *(system.section for system in SYSTEMS if system.section)]
        sections = {name: attrgetter(name)(self) for name in names}
        return {name: part for name, part in sections.items() if isinstance(part, Training)}

    @property
    def plain_format(self) -> PromptFormat:
        """The templates as a format, without settings of the chat and of languages."""
        return prompt_format_of(self.template, self.chat, self.wordings)

    @property
    def prompt_format(self) -> PromptFormat:
        """How the model is prompted, with the content of `chat_template`.

        Raises:
            RecipeError: the file of the chat template cannot be read.
        """
        path = self.chat_template
        return replace(
            self.plain_format,
            system=self.system,
            chat_template=None if path is None else read_chat_template(path),
            codes=tuple(self.codes.items()),
            names=tuple(self.names.items()),
        )

    @property
    def detection(self) -> Detection:
        """How translations are judged."""
        return Detection(
            pivot=self.languages[0],
            detector=self.evaluate.detector,
            candidates=self.languages if self.evaluate.candidates == "recipe" else None,
            votes=self.evaluate.votes,
        )

    @property
    def supervised_directions(self) -> tuple[Direction, ...]:
        """As listed, or the pivot with every other language, both ways."""
        if self.supervised is not None:
            return parse_listed("supervised", self.supervised, self.languages)
        return around_pivot(self.languages)

    @property
    def zero_shot_directions(self) -> tuple[Direction, ...]:
        """As listed, or every direction that is not supervised."""
        if self.zero_shot is not None:
            return parse_listed("zero_shot", self.zero_shot, self.languages)
        return remaining_directions(self.languages, self.supervised_directions)

    @property
    def model(self) -> str:
        """What is tuned, in a few words."""
        return self.base.model or "a small model made from scratch"


def parse_listed(
    key: str, texts: tuple[str, ...], languages: tuple[str, ...]
) -> tuple[Direction, ...]:
    """Directions as a recipe lists them; a fault begins with the recipe's `key`."""
    try:
        return parse_directions(texts, languages)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error


def strictly_zero_shot(recipe: Recipe, out: Path | None) -> Recipe:
    """The recipe with a base model that never read pairs of languages without the pivot.

    It trains for twice as long, since it has to infer what a language's name means after sentences
    in languages it was never read with. Without `out`, the run has its own folder beside the other.
    """
    scratch = recipe.base.scratch
    if scratch is None:
        raise RecipeError("base.scratch: is missing; strict changes what step 0 reads")
    lengths = {key: getattr(scratch, key) for key in ("steps", "epochs")}
    changes = {key: 2 * value for key, value in lengths.items() if value is not None}
    changes["mix"] = scratch.mix.model_copy(update={"pairs": "pivot"})
    base = recipe.base.model_copy(update={"scratch": scratch.model_copy(update=changes)})
    out = out or recipe.out.with_name(f"{recipe.out.name}-strict")
    return recipe.model_copy(update={"base": base, "name": f"{recipe.name} (strict)", "out": out})
