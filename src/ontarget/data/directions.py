"""The directions of an experiment: listed in a recipe, or around a pivot language."""

from collections.abc import Sequence

from ontarget.records import Direction


def around_pivot(languages: Sequence[str]) -> tuple[Direction, ...]:
    """The first language with each other one, both ways: what is usually supervised."""
    pivot, *others = languages
    return tuple(
        direction
        for other in others
        for direction in (Direction(pivot, other), Direction(other, pivot))
    )


def undirected(directions: Sequence[Direction]) -> tuple[Direction, ...]:
    """Each pair of languages once, in the direction that comes first."""
    pairs = {frozenset(direction): direction for direction in reversed(directions)}
    chosen = set(pairs.values())
    return tuple(dict.fromkeys(direction for direction in directions if direction in chosen))


def remaining_directions(
    languages: Sequence[str], supervised: Sequence[Direction]
) -> tuple[Direction, ...]:
    """Every direction between `languages` that is not in `supervised`."""
    excluded = set(supervised)
    pairs = (Direction(a, b) for a in languages for b in languages if a != b)
    return tuple(direction for direction in pairs if direction not in excluded)


def parse_directions(texts: Sequence[str], languages: Sequence[str]) -> tuple[Direction, ...]:
    """`en-it`, or `en<->it` for both ways, as directions between `languages`.

    Raises:
        ValueError: a text is no such direction, or one is listed twice.
    """
    meanings: dict[str, tuple[Direction, ...]] = {}
    for direction in remaining_directions(languages, ()):
        source, target = direction
        meanings[f"{source}-{target}"] = (direction,)
        meanings[f"{source}<->{target}"] = (direction, Direction(target, source))
    directions: list[Direction] = []
    for text in texts:
        if text not in meanings:
            raise ValueError(
                f"{text!r} is no direction between the languages {', '.join(languages)}; write "
                f"{languages[0]}-{languages[-1]}, or {languages[0]}<->{languages[-1]} for both ways"
            )
        for direction in meanings[text]:
            if direction in directions:
                raise ValueError(f"{direction} is listed twice; list it once")
            directions.append(direction)
    return tuple(directions)
