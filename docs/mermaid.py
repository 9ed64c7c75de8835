"""
Mermaid's state and sequence diagrams as SVG, when the site is built: what draws them in a browser
would have to be fetched from elsewhere.

It knows what the pages use. A line that it does not know is an error, not a gap in the picture.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from control_plane.drawing.graphviz import render

# ruff: noqa: INP001 -- beside the hooks of MkDocs; there is no package around it

FONT = "Helvetica,Arial,sans-serif"
INK, MUTED, LINE, PILL, NOTE = "#2d3748", "#718096", "#a0aec0", "#edf2f7", "#fefcbf"

_STATE = re.compile(r'state "(?P<label>[^"]*)" as (?P<name>\w+)$')
_OPENED = re.compile(r"state (?P<name>\w+) \{$")
_ARROW = re.compile(r"(?P<source>\[\*\]|\w+) --> (?P<target>\[\*\]|\w+)(?: : (?P<label>.*))?$")
_INNER = re.compile(r"(?P<name>\w+) : (?P<text>.*)$")

_UNSEEN = re.compile(r"<!--.*?-->|<title>.*?</title>", re.DOTALL)

_PARTICIPANT = re.compile(r"participant (?P<name>\w+) as (?P<label>.*)$")
_MESSAGE = re.compile(r"(?P<source>\w+)(?P<line>--?)(?P<head>>>|x)(?P<target>\w+): (?P<text>.*)$")
_NOTE = re.compile(r"Note over (?P<over>[\w,]+): (?P<text>.*)$")
_FRAME = re.compile(r"(?P<kind>par|loop|and|end)(?: (?P<text>.*))?$")


def drawn(text: str) -> str:
    """A picture of it, as HTML that stands in a page."""
    kind, *lines = [line.strip() for line in text.strip().splitlines()]
    svg = {"stateDiagram-v2": _states, "sequenceDiagram": _sequence}[kind](lines)
    return f'<figure class="diagram">{svg}</figure>'


# -- states: laid out by Graphviz ------------------------------------------------------------


@dataclass(slots=True)
class _State:
    """What is known of a state: its words, what is inside, and whether it ends what it is in."""

    label: str
    inner: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    is_final: bool = False


def _states(lines: Sequence[str]) -> str:
    states: dict[str, _State] = {"": _State("")}
    arrows: list[tuple[str, str, str]] = []
    around = [""]

    def known(name: str) -> str:
        if name not in states:
            states[name] = _State(name)
            states[around[-1]].children.append(name)
        return name

    for line in lines:
        if line == "}":
            around.pop()
        elif line == "--":
            continue
        elif found := _OPENED.match(line):
            around.append(known(found["name"]))
        elif found := _STATE.match(line):
            states[known(found["name"])].label = found["label"]
        elif found := _ARROW.match(line):
            source, target = found["source"], found["target"]
            if target == "[*]":
                states[known(source)].is_final = True
                continue
            if source == "[*]":
                source = known(f"begin_{around[-1]}")
            arrows.append((known(source), known(target), found["label"] or ""))
        elif found := _INNER.match(line):
            states[known(found["name"])].inner.append(found["text"])
        else:
            raise ValueError(f"a state diagram has a line that is not known here: {line}")
    return _svg(render("\n".join(_dot(states, arrows)), "svg").decode())


def _dot(states: dict[str, _State], arrows: list[tuple[str, str, str]]) -> Iterator[str]:
    yield f"""digraph d {{
      graph [compound=true, bgcolor="transparent", fontname="{FONT}", fontsize=11, nodesep=0.35,
             ranksep=0.4]
      node [fontname="{FONT}", fontsize=11, shape=box, style="rounded,filled", fillcolor="white",
            color="{LINE}", fontcolor="{INK}", margin="0.12,0.05", height=0.3]
      edge [fontname="{FONT}", fontsize=9, color="{MUTED}", fontcolor="{INK}", arrowsize=0.6]"""
    yield from _inside(states, states[""])
    for source, target, label in arrows:
        looks = f'label="{_escaped(label)}"'
        tail, head = _anchor(states, source), _anchor(states, target)
        looks += f', ltail="cluster_{source}"' * (tail != source)
        looks += f', lhead="cluster_{target}"' * (head != target)
        yield f"{tail} -> {head} [{looks}]"
    yield "}"


def _inside(states: dict[str, _State], around: _State) -> Iterator[str]:
    for name in around.children:
        state = states[name]
        words = "\\n".join(_escaped(one) for one in (state.label, *state.inner))
        if name.startswith("begin_"):
            yield f'{name} [label="", shape=circle, width=0.12, fillcolor="{INK}", color="{INK}"]'
        elif state.children:
            yield f'subgraph cluster_{name} {{ label="{words}"; style=rounded; color="{LINE}"'
            yield from _inside(states, state)
            yield "}"
        else:
            yield f'{name} [label="{words}"{", peripheries=2" * state.is_final}]'


def _anchor(states: dict[str, _State], name: str) -> str:
    """The node at which an arrow of a state ends: its own, or one inside of it."""
    while states[name].children:
        name = states[name].children[0]
    return name


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _svg(text: str) -> str:
    """The element alone, without what only a file needs, and no line of it empty."""
    element = _UNSEEN.sub("", text[text.index("<svg") :])
    return "".join(line for line in element.splitlines() if line)


# -- sequences: one lane a participant, one row a line -----------------------------------------

WIDE, NARROW, ROW, MARGIN = 420, 170, 34, 100
"""Pixels between two lanes, between more of them, between rows, and beside the outer lanes."""


def _sequence(lines: Sequence[str]) -> str:
    lanes: dict[str, int] = {}
    lane = NARROW if sum(line.startswith("participant") for line in lines) > 2 else WIDE
    parts: list[str] = []
    frames: list[tuple[int, str]] = []
    y = 30
    for line in lines:
        if found := _PARTICIPANT.match(line):
            lanes[found["name"]] = MARGIN + lane * len(lanes)
            parts.append(_box(lanes[found["name"]], 16, found["label"], PILL))
        elif found := _MESSAGE.match(line):
            y += ROW
            parts += _message(found, lanes, y)
        elif found := _NOTE.match(line):
            y += ROW
            over = [lanes[name] for name in found["over"].split(",")]
            most = MARGIN + lane * (len(lanes) - 1) + 90 - 4 * len(found["text"])
            parts.append(_box(min(sum(over) // len(over), most), y - 6, found["text"], NOTE))
        elif (found := _FRAME.match(line)) and found["kind"] != "end":
            if found["kind"] != "and":
                y += ROW
                frames.append((y - 16, f"{found['kind']}: {found['text']}"))
        elif found:
            top, words = frames.pop()
            y += 14
            inset = 8 * len(frames)
            parts.append(
                f'<rect x="{10 + inset}" y="{top}" width="{MARGIN * 2 + lane - 20 - 2 * inset}"'
                f' height="{y - top}" rx="5" fill="none" stroke="{LINE}" stroke-dasharray="4 3"/>'
                + _text(18 + inset, top + 14, words, "start", MUTED)
            )
        else:
            raise ValueError(f"a sequence diagram has a line that is not known here: {line}")
    stems = "".join(
        f'<line x1="{x}" y1="30" x2="{x}" y2="{y + 20}" stroke="{LINE}"/>' for x in lanes.values()
    )
    width, height = 2 * MARGIN + lane * (len(lanes) - 1), y + 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' font-family="{FONT}" font-size="12">{stems}{"".join(parts)}</svg>'
    )


def _message(found: re.Match[str], lanes: dict[str, int], y: int) -> Iterator[str]:
    start, end = lanes[found["source"]], lanes[found["target"]]
    dashes = ' stroke-dasharray="5 4"' if found["line"] == "--" else ""
    if start == end:
        out = 1 if start == MARGIN else -1
        loop = f"M{start} {y - 8} h{26 * out} v14 h{-22 * out}"
        yield f'<path d="{loop}" fill="none" stroke="{MUTED}"{dashes}/>'
        yield _head(start + 3 * out, y + 6, -out)
        yield _text(start + 34 * out, y + 3, found["text"], "start" if out > 0 else "end")
        return
    way = 1 if end > start else -1
    is_lost = found["head"] == "x"
    stop = end - way * (60 if is_lost else 2)
    yield f'<line x1="{start}" y1="{y}" x2="{stop}" y2="{y}" stroke="{MUTED}"{dashes}/>'
    if is_lost:
        cross = f"M{stop - 5} {y - 5} l10 10 m0 -10 l-10 10"
        yield f'<path d="{cross}" stroke="#c53030" stroke-width="2"/>'
    else:
        yield _head(stop, y, way)
    yield _text((start + end) // 2, y - 6, found["text"], "middle")


def _head(x: int, y: int, way: int) -> str:
    return f'<path d="M{x} {y} l{-8 * way} -4 v8 z" fill="{MUTED}"/>'


def _box(x: int, y: int, words: str, back: str) -> str:
    width = 7 * len(words) + 20
    return (
        f'<rect x="{x - width // 2}" y="{y - 13}" width="{width}" height="24" rx="5" fill="{back}"'
        f' stroke="{LINE}"/>{_text(x, y + 3, words, "middle")}'
    )


def _text(x: int, y: int, words: str, anchor: str, ink: str = INK) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{ink}">{html.escape(words)}</text>'
