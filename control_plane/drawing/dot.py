"""
A machine as a Graphviz digraph.

States are nodes and, where they hold others, clusters; both are named by their number, so
that no author chooses a name that means something to Graphviz. What authors wrote is in
HTML-like labels, escaped; no other attribute holds a word of theirs.
"""

from collections.abc import Iterator

from control_plane.drawing.arrows import Arrow, arrows_of, inner_of
from control_plane.drawing.labels import few, lines_of
from control_plane.engine import Machine, Snapshot
from control_plane.engine.states import ROOT, State
from control_plane.engine.wording import action_words, task_words

FONT = "Helvetica,Arial,sans-serif"

MAX_CURVES = 100
"""
Arrows up to which they are curves, laid out with patience. Of 200 arrows between 100 states
at random that takes 9 s; straight and with less patience, 1 s.
"""

_INK = "#2d3748"
_MUTED = "#718096"
_LINE = "#a0aec0"
_ACTIVE = "#2b6cb0"
_ACTIVE_BACK = "#ebf4ff"
_PILL = "#edf2f7"
_PILL_ACTIVE = "#4a90d9"
_BACKS = ("#ffffff", "#f7fafc")
"""Backgrounds of clusters, by turns: each is told from the one around it."""

_HIDDEN = 'style=invis, shape=point, width=0.01, label=""'
_MAX_HIDDEN = 40
"""Hidden arrows that keep a state's way out below everything in it."""

_HEAD = f"""digraph machine {{
  graph [compound=true, rankdir=TB, fontname="{FONT}", fontsize=12, nodesep=0.4, ranksep=0.55,
         bgcolor="white", pad=0.2, fontcolor="{_INK}"]
  node [fontname="{FONT}", fontsize=12, shape=box, style="rounded,filled", fillcolor="#ffffff",
        color="{_LINE}", fontcolor="{_INK}", penwidth=1.2, margin="0.12,0.06"]
  edge [fontname="{FONT}", fontsize=10, color="{_MUTED}", fontcolor="{_INK}", arrowsize=0.7]
"""

_ARROW_LOOKS = {
    "event": "",
    "done": ', color="#2f855a", fontcolor="#276749"',
    "failed": ', color="#c53030", fontcolor="#9b2c2c"',
    "time": ', color="#6b46c1", fontcolor="#553c9a"',
    "always": ", style=dashed",
}


def to_dot(machine: Machine, snapshot: Snapshot | None = None) -> str:
    """The machine as DOT text; the active states of a snapshot stand out."""
    active: frozenset[int] = frozenset()
    if snapshot is not None and snapshot.configuration:
        active = machine.configuration(snapshot.configuration).active
    return _HEAD + "".join(f"{line}\n" for line in _Writer(machine, active).lines()) + "}\n"


class _Writer:
    def __init__(self, machine: Machine, active: frozenset[int]) -> None:
        self._machine = machine
        self._active = active
        self._arrows = arrows_of(machine)
        doors = [(one.source_door, one.target_door) for one in self._arrows]
        self._doors = {door for pair in doors for door in pair if door is not None}
        states = machine.states
        self._left = {
            one.source
            for one in self._arrows
            if one.source_door is None and states[one.source].children
        }
        self._entered = {
            one.index for one in states if one.kind == "parallel" and one.index != ROOT
        }

    def lines(self) -> Iterator[str]:
        if len(self._arrows) > MAX_CURVES:
            yield "  graph [splines=line, nslimit=0.3, mclimit=0.3]"
        root = self._machine.states[ROOT]
        if root.children:
            yield from self._cluster(root, "  ")
        else:
            yield f"  {self._node(root)}"
        for arrow in self._arrows:
            yield f"  {self._arrow(arrow)}"
        for state in self._machine.states:
            for target in state.default:
                yield f"  s{state.index} -> {self._name_of_way_in(target)} [style=dotted]"

    def _state(self, state: State, indent: str) -> Iterator[str]:
        if state.kind == "history":
            mark = "H*" if state.deep else "H"
            yield (
                f'{indent}s{state.index} [label="{mark}", shape=circle, style=filled,'
                f' fillcolor="{_PILL}", fontsize=10, margin=0, width=0.3, fixedsize=true]'
            )
        elif state.children:
            yield from self._cluster(state, indent)
        else:
            yield f"{indent}{self._node(state)}"

    def _cluster(self, state: State, indent: str) -> Iterator[str]:
        inside = indent + "  "
        is_active = state.index in self._active and state.index != ROOT
        back = _ACTIVE_BACK if is_active else _BACKS[self._machine.depth(state.index) % 2]
        line = _ACTIVE if is_active else _LINE
        style = "rounded,filled,dashed" if self._is_region(state) else "rounded,filled"
        yield f"{indent}subgraph cluster_{state.index} {{"
        yield (
            f'{inside}style="{style}"; color="{line}"; fillcolor="{back}";'
            f" penwidth={2 if is_active else 1.2}; margin=14; labeljust=l"
        )
        yield f"{inside}label={self._label(state, on_dark=False)}"
        yield from self._way_in(state, inside)
        yield from self._way_out(state, inside)
        if state.index in self._doors:
            yield (
                f'{inside}d{state.index} [label="", shape=circle, style=filled,'
                f' fillcolor="#ffffff", color="{_MUTED}", width=0.12, fixedsize=true]'
            )
        for index in (*state.children, *state.histories):
            yield from self._state(self._machine.states[index], inside)
        yield f"{indent}}}"

    def _way_in(self, state: State, indent: str) -> Iterator[str]:
        """
        Where arrows to the state end: at its top, so that what is cut off of them at its
        border is short. Of a compound state that is the dot which shows where it begins.
        """
        name = f"i{state.index}"
        if state.kind == "compound":
            yield (
                f'{indent}{name} [label="", shape=circle, style=filled, fillcolor="{_INK}",'
                f' color="{_INK}", width=0.12, fixedsize=true]'
            )
            yield f"{indent}{name} -> {self._into(self._machine.states[state.initial])}"
        elif state.index in self._entered:
            yield f"{indent}{name} [{_HIDDEN}]"
            for child in state.children:
                yield f"{indent}{name} -> {self._name_of_way_in(child)} [style=invis]"

    def _way_out(self, state: State, indent: str) -> Iterator[str]:
        """Where arrows from the state begin: at its bottom, below everything in it."""
        if state.index not in self._left:
            return
        yield f"{indent}o{state.index} [{_HIDDEN}]"
        leaves = [
            one.index
            for one in self._machine.states[state.index + 1 : state.last + 1]
            if one.is_leaf
        ]
        for leaf in leaves[:_MAX_HIDDEN]:
            yield f"{indent}s{leaf} -> o{state.index} [style=invis]"

    def _node(self, state: State) -> str:
        is_active = state.index in self._active
        looks = [f"label={self._label(state, on_dark=is_active)}"]
        if is_active:
            looks.append(f'fillcolor="{_ACTIVE}", color="{_ACTIVE}", fontcolor="#ffffff"')
        if state.kind == "final":
            looks.append("peripheries=2")
        if self._is_region(state):
            looks.append('style="rounded,filled,dashed"')
        return f"s{state.index} [{', '.join(looks)}]"

    def _is_region(self, state: State) -> bool:
        return state.parent >= ROOT and self._machine.states[state.parent].kind == "parallel"

    def _label(self, state: State, *, on_dark: bool) -> str:
        title = "<br/>".join(lines_of(state.key if state.index != ROOT else self._machine.id))
        side = "left" if state.children else "center"
        rows = [f'<tr><td align="{side}"><b>{title}</b>{_kind_words(state)}</td></tr>']
        tasks = [task_words(one.plan) for one in state.invokes]
        back, ink = (_PILL_ACTIVE, "#ffffff") if on_dark else (_PILL, _INK)
        for words in few(tasks):
            text = "<br/>".join(lines_of(words))
            rows.append(
                f'<tr><td bgcolor="{back}" style="rounded" cellpadding="3">'
                f'<font point-size="10" color="{ink}">{text}</font></td></tr>'
            )
        muted = "#e2e8f0" if on_dark else _MUTED
        for words in few(self._inner_words(state)):
            text = "".join(f'{line}<br align="left"/>' for line in lines_of(words))
            rows.append(
                f'<tr><td align="left"><font point-size="9" color="{muted}">{text}</font></td></tr>'
            )
        return (
            '<<table border="0" cellborder="0" cellspacing="2" cellpadding="1">'
            f"{''.join(rows)}</table>>"
        )

    def _inner_words(self, state: State) -> list[str]:
        """What happens in the state without leaving it, each in a phrase."""
        words = []
        for name, actions in (("entry", state.entry), ("exit", state.exit)):
            if actions:
                words.append(f"{name} / {', '.join(action_words(one) for one in actions)}")
        return words + inner_of(self._machine, state)

    def _arrow(self, arrow: Arrow) -> str:
        looks = [f"label={_arrow_label(arrow)}" if arrow.phrases else "label=<>"]
        start, end = f"s{arrow.source}", self._name_of_way_in(arrow.target)
        if arrow.source_door is not None:
            start = f"d{arrow.source}"
        elif arrow.source in self._left:
            start = f"o{arrow.source}"
            looks.append(f"ltail=cluster_{arrow.source}")
        if arrow.target_door is not None:
            end = f"d{arrow.target}"
        elif self._machine.states[arrow.target].children:
            looks.append(f"lhead=cluster_{arrow.target}")
        return f"{start} -> {end} [{', '.join(looks)}{_ARROW_LOOKS[arrow.kind]}]"

    def _into(self, state: State) -> str:
        name = self._name_of_way_in(state.index)
        clipped = f", lhead=cluster_{state.index}" if state.children else ""
        return f"{name} [weight=8{clipped}]"

    def _name_of_way_in(self, index: int) -> str:
        """The node at which an arrow to the state ends."""
        return f"{'i' if self._machine.states[index].children else 's'}{index}"


def _kind_words(state: State) -> str:
    if state.kind != "parallel":
        return ""
    return f'<font point-size="9" color="{_MUTED}">  in parallel</font>'


def _arrow_label(arrow: Arrow) -> str:
    """Its phrases, a space away from the line they stand at."""
    phrases = few(list(arrow.phrases))
    lines = [line for phrase in phrases for line in lines_of(phrase)]
    return "<" + "".join(f'&#160;{line}&#160;<br align="left"/>' for line in lines) + ">"
