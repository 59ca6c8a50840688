"""Which directions an experiment has: listed in a recipe, or around a pivot language."""

from collections.abc import Sequence

from ontarget.records import Direction


def around_pivot(languages: Sequence[str]) -> tuple[Direction, ...]:
    """The first language with each other, both ways: what is usually supervised."""
    pivot, *others = languages
    return tuple(each for x in others for each in (Direction(pivot, x), Direction(x, pivot)))


def remaining_directions(
    languages: Sequence[str], supervised: Sequence[Direction]
) -> tuple[Direction, ...]:
    """Every direction between `languages` that is not in `supervised`."""
    every = (Direction(x, y) for x in languages for y in languages if x != y)
    return tuple(each for each in every if each not in set(supervised))


def parse_directions(texts: Sequence[str], languages: Sequence[str]) -> tuple[Direction, ...]:
    """`en-it` and `en<->it` (both ways) as directions between `languages`.

    Raises:
        ValueError: a text is no such direction, or one is listed twice.
    """
    ways: dict[str, tuple[Direction, ...]] = {}
    for each in remaining_directions(languages, ()):
        source, target = each
        ways[f"{source}-{target}"] = (each,)
        ways[f"{source}<->{target}"] = (each, Direction(target, source))
    found: list[Direction] = []
    for text in texts:
        if text not in ways:
            raise ValueError(
                f"{text!r} is no direction between the languages {', '.join(languages)}; write "
                f"{languages[0]}-{languages[-1]}, or {languages[0]}<->{languages[-1]} for both ways"
            )
        for each in ways[text]:
            if each in found:
                raise ValueError(f"{each} is listed twice; list it once")
            found.append(each)
    return tuple(found)
