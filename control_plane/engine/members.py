"""
What has changed in a state that two machines have: piece by piece, with both wordings.
"""

from collections.abc import Iterator, Mapping, Sequence

from control_plane.engine.actions import Action
from control_plane.engine.changes import Change, Sides, changed, how, value_words
from control_plane.engine.invocations import Invocation
from control_plane.engine.machine import Machine
from control_plane.engine.matching import Match
from control_plane.engine.rerouting import transitions_changed
from control_plane.engine.states import ROOT, State, Timed
from control_plane.engine.templates import Constant, Object, Template
from control_plane.engine.wording import action_words, task_words


def changes_of(sides: Sides, match: Match) -> Iterator[Change]:
    """Every difference of one state; what it holds is told of by those states."""
    left, right = sides
    before, after = left.machine.states[match.before], right.machine.states[match.after]
    if after.index == ROOT:
        yield from _of_root(sides)
    yield from _plain(sides, before, after)
    for part, olds, news in (
        ("entry", before.entry, after.entry),
        ("exit", before.exit, after.exit),
    ):
        if left.shapes.of(olds) != right.shapes.of(news):
            yield changed(part, before, after, _actions(olds), _actions(news))  # type: ignore[arg-type]  # both are parts
    yield from _tasks(sides, before, after)
    yield from _delays(sides, before, after)
    yield from transitions_changed(sides, before, after)
    if left.shapes.of(before.output) != right.shapes.of(after.output):
        yield changed(
            "output", before, after, value_words(before.output), value_words(after.output)
        )


def _of_root(sides: Sides) -> Iterator[Change]:
    before, after = sides[0].machine, sides[1].machine
    olds, news = context_members(before.context), context_members(after.context)
    for key in [*olds, *(one for one in news if one not in olds)]:
        if sides[0].shapes.of(olds.get(key)) != sides[1].shapes.of(news.get(key)):
            yield Change(
                part="context",
                how=how(olds.get(key), news.get(key)),
                state=".",
                name=key,
                before=value_words(olds.get(key)),
                after=value_words(news.get(key)),
                before_pointer="/context",
                after_pointer="/context",
            )
    for name, was, now in (
        ("id", before.id, after.id),
        ("unhandled", before.unhandled, after.unhandled),
        ("onCancel", _on_cancel(before), _on_cancel(after)),
    ):
        if was != now:
            pointer = f"/{name}"
            yield Change(
                part="policy",
                how="changed",
                state=".",
                name=name,
                before=was,
                after=now,
                before_pointer=pointer,
                after_pointer=pointer,
            )
    for name, was, now in (
        ("version", before.version, after.version),
        ("description", before.description, after.description),
    ):
        if was != now:
            yield Change(
                part="annotation", how="changed", state=".", name=name, before=was, after=now
            )


def _plain(sides: Sides, before: State, after: State) -> Iterator[Change]:
    left, right = sides
    if (before.kind, before.deep) != (after.kind, after.deep):
        yield changed("kind", before, after, _kind(before), _kind(after))
    if before.kind == after.kind == "compound":
        olds = (left.name_of(before.initial), left.shapes.of(before.initial_actions))
        news = (right.name_of(after.initial), right.shapes.of(after.initial_actions))
        if olds != news:
            was, now = left.paths([before.initial]), right.paths([after.initial])
            yield changed("initial", before, after, was, now)
    if left.names(before.default) != right.names(after.default):
        yield changed(
            "history", before, after, left.paths(before.default), right.paths(after.default)
        )
    both = {left.name_of(one) for one in before.children}
    both &= {right.name_of(one) for one in after.children}
    order = [
        [side.name_of(one) for one in state.children if side.name_of(one) in both]
        for side, state in zip(sides, (before, after), strict=True)
    ]
    if order[0] != order[1]:
        yield changed("order", before, after, ", ".join(order[0]), ", ".join(order[1]))
    for name, was, now in (
        ("tags", ", ".join(before.tags), ", ".join(after.tags)),
        ("description", before.description, after.description),
    ):
        if was != now and not (name == "description" and after.index == ROOT):
            yield changed("annotation", before, after, was, now, name=name)


def _tasks(sides: Sides, before: State, after: State) -> Iterator[Change]:
    olds, news = invocations_of(before), invocations_of(after)
    for name in [*olds, *(one for one in news if one not in olds)]:
        old, new = olds.get(name), news.get(name)
        if sides[0].shapes.of(old and old.plan) == sides[1].shapes.of(new and new.plan):
            continue
        yield Change(
            part="task",
            how=how(old, new),
            state=after.path,
            name=name,
            before="" if old is None else task_words(old.plan),
            after="" if new is None else task_words(new.plan),
            aspects=_task_aspects(sides, old, new),
            before_pointer="" if old is None else old.plan.json_pointer,
            after_pointer="" if new is None else new.plan.json_pointer,
        )


def _task_aspects(sides: Sides, old: Invocation | None, new: Invocation | None) -> tuple[str, ...]:
    if old is None or new is None:
        return ()
    members = type(old.plan).__dataclass_fields__
    return tuple(
        name
        for name in members
        if name not in {"index", "json_pointer"}
        and sides[0].shapes.of(getattr(old.plan, name))
        != sides[1].shapes.of(getattr(new.plan, name))
    )


def _delays(sides: Sides, before: State, after: State) -> Iterator[Change]:
    olds, news = delays_of(before), delays_of(after)
    for name in [*olds, *(one for one in news if one not in olds)]:
        old, new = olds.get(name), news.get(name)
        if sides[0].shapes.of(old and old.delay) != sides[1].shapes.of(new and new.delay):
            yield Change(
                part="delay",
                how=how(old, new),
                state=after.path,
                name=name,
                before="" if old is None else _delay(old),
                after="" if new is None else _delay(new),
                before_pointer="" if old is None else old.delay.json_pointer,
                after_pointer="" if new is None else new.delay.json_pointer,
            )


def invocations_of(state: State) -> dict[str, Invocation]:
    """By id; one without an id by its place and its name."""
    return {
        f"{one.plan.name} ({one.id.partition('.')[0]})"
        if one.id.endswith(f".{state.id}")
        else one.id: one
        for one in state.invokes
    }


def delays_of(state: State) -> dict[str, Timed]:
    """By the delay as it is written."""
    return {
        one.timer_id.removeprefix("xstate.after.").removesuffix(f".{state.id}"): one
        for one in state.after
    }


def context_members(context: Template) -> Mapping[str, Template]:
    match context:
        case Object():
            return dict(context.members)
        case Constant(value=dict() as value):
            return {key: Constant(one) for key, one in value.items()}
        case _:
            return {"": context}


def _actions(actions: Sequence[Action]) -> str:
    return ", ".join(action_words(one) for one in actions)


def _kind(state: State) -> str:
    return f"deep {state.kind}" if state.deep else state.kind


def _on_cancel(machine: Machine) -> str:
    return "compensate" if machine.compensates_on_cancel else ""


def _delay(timed: Timed) -> str:
    delay = timed.delay
    if delay.computed is not None:
        return value_words(delay.computed)
    return "" if delay.length is None else str(delay.length.exact)
