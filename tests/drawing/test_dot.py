"""Machines as Graphviz digraphs."""

import json
import re

import pytest

from control_plane.drawing import to_dot
from control_plane.drawing.labels import MAX_LINE, MAX_LINES, MAX_ROWS, few, lines_of
from control_plane.engine import Snapshot
from tests.drawing.machines import ORDER
from tests.engine.telling import compiled

HOSTILE = [
    '"]; } digraph steal { a [label="',
    "<script>alert(1)</script>",
    "</td></tr></table>>]; x -> y [label=<<table>",
    '<img src="/etc/passwd"/>',
    "\\N \\G \\E \\T \\H \\L",
    "&#60;b&#62; &amp; &lt;",
    "]]> --> // #",
]
UNSEEN = "a\u2028b\u202ec\u200bd\x7f"
"""Line ends, a change of direction, nothing at all, a control."""


def as_key(name: str) -> str:
    """The name as a state's key may have it: without what means something in a target."""
    return "".join("-" if one in "#." or not one.isprintable() else one for one in name)


def without_labels(dot: str) -> str:
    """The text that means something to Graphviz, without what it only writes down."""
    return re.sub(r"label=<(?:[^<>]|<[^<>]*>)*>", "label", dot)


def number_of(path: str) -> int:
    return compiled(ORDER).index_of[path]


class TestADrawing:
    def test_holds_each_state_inside_of_its_own(self) -> None:
        """Compound states are clusters, and regions of a parallel one are dashed."""
        dot = to_dot(compiled(ORDER))
        work, pack = number_of("work"), number_of("work.pack")
        inside = dot[dot.index(f"subgraph cluster_{work} ") :]

        assert f"subgraph cluster_{pack} " in inside
        assert 'style="rounded,filled,dashed"' in inside[inside.index(f"cluster_{pack} ") :]
        assert dot.count("{") == dot.count("}")

    def test_marks_where_it_begins_where_it_ends_and_what_it_remembers(self) -> None:
        """A dot, a double border, a circle with an H."""
        dot = to_dot(compiled(ORDER))

        assert f"i0 -> s{number_of('draft')} [" in dot
        assert re.search(rf"s{number_of('done')} \[.*peripheries=2", dot)
        assert f's{number_of("work.back")} [label="H*"' in dot
        assert f"s{number_of('work.back')} -> i{number_of('work.pack')} [style=dotted]" in dot

    @pytest.mark.parametrize(
        ("source", "target", "label"),
        [
            ("s{draft}", "s{review}", 'SUBMIT&#160;<br align="left"/>&#160;[big]'),
            ("s{draft}", "i{work}", "SUBMIT"),
            ("s{review}", "s{draft}", "approve failed"),
            ("s{review}", "s{draft}", "after P2D"),
            ("o{work}", "s{done}", "END"),
            ("d0", "s{dropped}", "CANCEL"),
            ("d{work.pack}", "s{work.pack.picking}", "RESTART"),
            ("s{paused}", "s{work.back}", "RESUME"),
        ],
    )
    def test_has_an_arrow_for_what_leads_somewhere(
        self, source: str, target: str, label: str
    ) -> None:
        """From the state it belongs to, or from a door inside, to the way into another."""
        numbers = {path: compiled(ORDER).index_of[path] for path in compiled(ORDER).index_of}

        def named(template: str) -> str:
            return re.sub(r"\{(.+)\}", lambda found: str(numbers[found[1]]), template)

        arrows = [
            line
            for line in to_dot(compiled(ORDER)).splitlines()
            if line.strip().startswith(f"{named(source)} -> {named(target)} [") and label in line
        ]

        assert 1 == len(arrows)

    @pytest.mark.parametrize(
        "words",
        [
            "NOTE / set note",
            "PEEK: nothing",
            "entry / emit said",
            "again: AGAIN",
            "after PT15M / raise LATE",
            "approve (HUMAN)",
        ],
    )
    def test_says_inside_of_a_state_what_does_not_leave_it(self, words: str) -> None:
        """Actions, tasks and transitions without a way out are lines of the box."""
        assert words in to_dot(compiled(ORDER))

    def test_lets_the_active_states_stand_out(self) -> None:
        """The leaf is filled, and what it is in has a thicker border."""
        machine = compiled(ORDER)
        paths = ("work.pack.picking", "work.bill")
        snapshot = Snapshot(spec_hash=machine.spec_hash, configuration=paths)
        plain, marked = to_dot(machine).splitlines(), to_dot(machine, snapshot).splitlines()
        changed = [now for before, now in zip(plain, marked, strict=True) if before != now]

        assert [f"s{number_of('work.pack.picking')} ", f"s{number_of('work.bill')} "] == [
            line.strip().partition("[")[0] for line in changed if "[label" in line
        ]
        assert 2 == sum("penwidth=2;" in line for line in changed)

    def test_of_a_machine_without_states_is_one_box(self) -> None:
        """The root itself."""
        assert "s0 [label=<" in to_dot(compiled({"id": "m"}))

    def test_of_many_arrows_has_straight_ones(self) -> None:
        """Curves around everything take minutes to lay out."""
        names = [f"s{number}" for number in range(60)]
        states = {one: {"on": {f"E{n}": n for n in names[:3]}} for one in names}

        assert "splines=line" in to_dot(compiled({"initial": "s0", "states": states}))
        assert "splines=line" not in to_dot(compiled(ORDER))


class TestWhatAnAuthorWrote:
    @pytest.mark.parametrize("evil", HOSTILE)
    def test_never_means_anything_to_graphviz(self, evil: str) -> None:
        """A name is text: it closes no label, opens no tag and names no file."""

        def drawn(name: str) -> str:
            key = as_key(name)
            guard = {"guard": {"@expr": f"event.x == {json.dumps(name)}"}, "target": key}
            invoke = {"id": key, "src": f"system.{name}", "onDone": key, "onError": key}
            state = {"on": {"E": guard, f"{name}x": key}, "invoke": invoke}
            return to_dot(compiled({"id": key, "initial": key, "states": {key: state}}))

        assert without_labels(drawn("plain")) == without_labels(drawn(evil))

    @pytest.mark.parametrize("evil", [*HOSTILE, UNSEEN])
    def test_is_escaped(self, evil: str) -> None:
        """Graphviz replaces what begins with a backslash even in labels that are markup."""
        written = "".join(lines_of(evil))

        assert not set("<>\"'\\\u2028\u202e\u200b\x7f") & set(written)

    def test_is_cut_to_a_few_short_lines(self) -> None:
        """One long name must not make a picture of it alone."""
        lines = lines_of("word " * 200)

        assert MAX_LINES == len(lines)
        assert max(map(len, lines)) <= MAX_LINE
        assert lines[-1].endswith("…")

    def test_is_counted_where_there_is_too_much_of_it(self) -> None:
        """A state with a hundred tasks is still a box."""
        rows = few([str(number) for number in range(100)])

        assert (MAX_ROWS, "… 89 more") == (len(rows), rows[-1])
