"""Another template than the one of the recipe.

Of the named ones, `post-instruction` has the instruction after the source (arXiv 2308.12097), where
it is nearer to the answer, and `target-language` writes it in the requested language.
"""

from dataclasses import replace

from ontarget.decoding.ways.plan import Material, Plan
from ontarget.decoding.ways.settings import AnotherTemplate
from ontarget.errors import RecipeError
from ontarget.models.templates import prompt_format_of


def apply(settings: AnotherTemplate, plan: Plan, material: Material) -> Plan:
    """The plan with this template, a turn of the chat if the plan's was one."""
    del material
    try:
        other = prompt_format_of(settings.name, plan.prompt_format.chat or None)
    except ValueError as error:
        raise RecipeError(str(error)) from error
    form = replace(
        plan.prompt_format, template=other.template, by_target=other.by_target, chat=other.chat
    )
    return replace(plan, prompt_format=form)
