"""How a simulation reads on a terminal: a paragraph a step, a line a thing that happened."""

import json
from collections.abc import Iterator
from datetime import datetime

from rich.console import Console
from rich.text import Text

from control_plane.engine import Considered, Microstep
from control_plane.simulation import Happening, Mismatch, PlayedStep, Simulation
from control_plane.simulation.as_json import name_of
from shared.json import Json

_GUARD = {True: ("true", "green"), False: ("false", "yellow")}
MAX_SHOWN = 200
"""Characters of one value on a line."""
MAX_MICROSTEPS = 50
"""Of one event; those that follow are counted. A circle is plain by then."""


def tell(simulation: Simulation, console: Console, *, trace: bool) -> None:
    """All steps. With `trace`, every transition that was asked, and what its guard read."""
    for number, step in enumerate(simulation.steps):
        for line in _step(number, step, trace=trace):
            console.print(line, soft_wrap=True)
    if simulation.stopped is not None:
        console.print(Text(f"stopped: {simulation.stopped}", "bold red"), soft_wrap=True)


def tell_mismatch(mismatch: Mismatch, file: str, console: Console) -> None:
    """What was expected and what is, with the line that expects it."""
    when = "at the end" if mismatch.step is None else _ordinal(mismatch.step)
    head = Text(f"{file}:{mismatch.place} ", "bold")
    head.append(f"{when}, {mismatch.about}: {mismatch.message}")
    console.print(head, soft_wrap=True)
    console.print(Text(f"    - expected  {shown(mismatch.expected)}", "green"), soft_wrap=True)
    console.print(Text(f"    + found     {shown(mismatch.found)}", "red"), soft_wrap=True)


def shown(value: Json) -> str:
    """A value on a line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _instant(at: datetime) -> str:
    """A time in UTC, as short as it can be said."""
    fraction = f".{at.microsecond:06d}".rstrip("0") if at.microsecond else ""
    return f"{at:%Y-%m-%d %H:%M:%S}{fraction}"


def _ordinal(step: int) -> str:
    return "after the start" if step == 0 else f"after step {step}"


def _step(number: int, played: PlayedStep, *, trace: bool) -> Iterator[Text]:
    seen = played.seen
    head = Text(f"{number} ", "dim")
    head.append(name_of(played.step), "bold cyan" if seen.refused is None else "bold red")
    head.append(f"  {_instant(played.at)}", "dim")
    yield head
    for happening in played.happenings:
        yield from _happening(happening, played, trace=trace)
    stands = Text("    = ")
    stands.append(shown(seen.state) if seen.status else "no instance", "bold")
    if seen.status is not None:
        stands.append(f" {seen.status}", "green" if seen.status == "completed" else "")
    if seen.tasks:
        stands.append(
            "  open: " + ", ".join(f"{one.name} ({one.type}, {one.ordinal})" for one in seen.tasks)
        )
    if played.timers:
        stands.append(f"  next timer: {_instant(played.timers[0].due)}")
    if played.deferred:
        stands.append(f"  deferred: {', '.join(played.deferred)}")
    yield stands
    if seen.error is not None:
        yield Text(f"    error: {shown(seen.error)}", "red")
    if seen.status == "completed" and seen.output is not None:
        yield Text(f"    output: {shown(seen.output)}")


def _happening(happening: Happening, played: PlayedStep, *, trace: bool) -> Iterator[Text]:
    line = Text("    ")
    line.append(_what(happening), "red" if happening.error is not None else "")
    if happening.at != played.at:
        line.append(f"  {_instant(happening.at)}", "dim")
    if happening.disposition in ("IGNORED", "DEFERRED"):
        line.append(f"  {happening.disposition.lower()}", "yellow")
    yield line
    if happening.refused is not None:
        refused = happening.refused
        yield Text(f"      refused, {refused.reason}: {refused.message}", "red")
    if happening.trace is not None:
        microsteps = happening.trace.microsteps
        for microstep in microsteps[:MAX_MICROSTEPS]:
            yield from _microstep(microstep, all_of_it=trace)
        if len(microsteps) > MAX_MICROSTEPS:
            yield Text(f"      … and {len(microsteps) - MAX_MICROSTEPS} more microsteps", "dim")
        for logged in happening.trace.logged:
            yield Text(f"      log {shown(logged)}", "dim")
    for entry in happening.history:
        if entry.type == "EVENT_EMITTED":
            yield Text(f"      emitted {shown(entry.payload['event'])}")
    for task in happening.created:
        yield Text(f"      + task {task.ordinal} {task.name} ({task.type}) {shown(task.input)}")
    for ordinal in happening.cancelled:
        yield Text(f"      - task {ordinal} cancelled", "yellow")
    for timer in happening.armed:
        yield Text(f"      + timer {timer.timer_id} due {_instant(timer.due)}")


def _what(happening: Happening) -> str:
    subject, attempt = happening.subject, happening.attempt
    match happening.kind:
        case "start":
            return f"started with {shown(happening.payload)}"
        case "event":
            return f"event {subject} {shown(happening.payload)}"
        case "deferred":
            return f"event {subject}, which had to wait, is tried again"
        case "task":
            if happening.error is not None:
                return f"task {subject} failed, attempt {attempt}: {shown(happening.error)}"
            ended = "" if attempt is None else f" succeeded, attempt {attempt}"
            return f"task {subject}{ended}: {shown(happening.payload)}"
        case "attempt":
            when = "" if happening.run_at is None else _instant(happening.run_at)
            return (
                f"task {subject}, attempt {attempt} failed: {shown(happening.error)};"
                f" the next one is at {when}"
            )
        case "waiting":
            return f"task {subject}, attempt {attempt} has begun"
        case "timer":
            return f"timer {subject} fired"
        case "cancel":
            return f"cancelled: {subject}"


def _microstep(microstep: Microstep, *, all_of_it: bool) -> Iterator[Text]:
    if all_of_it:
        for considered in microstep.considered:
            yield _considered(considered, is_chosen=considered.json_pointer in microstep.chosen)
    moves = []
    if microstep.exited:
        moves.append("left " + ", ".join(microstep.exited))
    if microstep.entered:
        moves.append("entered " + ", ".join(microstep.entered))
    if moves:
        because = "" if not microstep.eventless else " (eventless)"
        yield Text(f"      {'; '.join(moves)}{because}", "cyan")


def _considered(considered: Considered, *, is_chosen: bool) -> Text:
    line = Text(f"      {'▸' if is_chosen else ' '} {considered.json_pointer}", "dim")
    if considered.error is not None:
        line.append(f"  guard failed: {considered.error}", "red")
    elif considered.guard is not None:
        said, style = _GUARD[considered.guard]
        line.append("  guard ")
        line.append(said, style)
    for name, value in considered.operands.items():
        line.append(f"  {name} = {shown(value)}", "dim")
    return line
