"""
What has changed in where a state leads: its transitions, event by event.
"""

from collections.abc import Iterator, Sequence

from control_plane.engine.changes import Change, Side, Sides, changed, how
from control_plane.engine.shapes import Shape
from control_plane.engine.states import State, Transition
from control_plane.engine.wording import action_words, guard_words, trigger_words


def transitions_changed(sides: Sides, before: State, after: State) -> Iterator[Change]:
    """Those of one event are held together in their order, equal ones first."""
    olds, news = _by_trigger(sides[0], before), _by_trigger(sides[1], after)
    for trigger in [*olds, *(one for one in news if one not in olds)]:
        left, right = olds.get(trigger, []), news.get(trigger, [])
        shapes = [
            [_shape_of(side, one) for one in found]
            for side, found in zip(sides, (left, right), strict=True)
        ]
        if shapes[0] == shapes[1]:
            continue
        gone, come = _unequal(shapes[0], shapes[1]), _unequal(shapes[1], shapes[0])
        if not gone and not come:
            yield changed("order", before, after, "", "", name=trigger)
        for at in range(max(len(gone), len(come))):
            old = left[gone[at]] if at < len(gone) else None
            new = right[come[at]] if at < len(come) else None
            yield Change(
                part="transition",
                how=how(old, new),
                state=after.path,
                name=trigger,
                before="" if old is None else _transition_words(sides[0], old),
                after="" if new is None else _transition_words(sides[1], new),
                aspects=_aspects(sides, old, new),
                before_pointer="" if old is None else old.json_pointer,
                after_pointer="" if new is None else new.json_pointer,
            )


def _unequal(some: Sequence[Shape], others: Sequence[Shape]) -> list[int]:
    """Places of those that have no equal among the others, one for one."""
    left = list(others)
    found = []
    for at, shape in enumerate(some):
        if shape in left:
            left.remove(shape)
        else:
            found.append(at)
    return found


def _by_trigger(side: Side, state: State) -> dict[str, list[Transition]]:
    found: dict[str, list[Transition]] = {}
    for one in (*state.always, *(one for several in state.on.values() for one in several)):
        found.setdefault(trigger_words(side.machine, one), []).append(one)
    return found


def _shape_of(side: Side, transition: Transition) -> Shape:
    return (
        tuple(side.name_of(one) for one in transition.targets),
        transition.reenter,
        side.shapes.of(transition.guard),
        side.shapes.of(transition.actions),
    )


def _aspects(sides: Sides, old: Transition | None, new: Transition | None) -> tuple[str, ...]:
    if old is None or new is None:
        return ()
    names = ("target", "reenter", "guard", "actions")
    pairs = zip(names, _shape_of(sides[0], old), _shape_of(sides[1], new), strict=True)
    return tuple(name for name, was, now in pairs if was != now)


def _transition_words(side: Side, transition: Transition) -> str:
    words = []
    if transition.guard is not None:
        words.append(f"[{guard_words(side.machine, transition.guard)}]")
    if transition.actions:
        words.append(f"/ {', '.join(map(action_words, transition.actions))}")
    paths = [side.machine.states[one].path for one in transition.targets]
    words.append(f"→ {', '.join(paths)}" if paths else "stays")
    return " ".join(words)
