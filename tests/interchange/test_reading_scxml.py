"""SCXML's elements as a definition has them, and that they behave as they did."""

from datetime import timedelta
from typing import Any

import pytest

from control_plane.engine import Received, Started, check_spec, decide
from control_plane.interchange import read_scxml
from tests.interchange.playing import NOW, document, imported, play, read, refused


class TestAState:
    def test_keeps_its_place(self) -> None:
        """The order of states is the order of the document: regions go by it."""
        spec = read('<parallel id="p"><state id="z"/><state id="a"/><state id="m"/></parallel>')

        assert ["z", "a", "m"] == list(spec["states"]["p"]["states"])

    def test_begins_with_its_first_child(self) -> None:
        """SCXML does not ask for an `initial`."""
        assert [{"b"}] == play(read('<state id="a"><state id="b"/><state id="c"/></state>'))

    def test_begins_with_what_its_initial_element_says_and_does(self) -> None:
        """Its actions run once the state is entered."""
        spec = read(
            '<state id="a"><initial><transition target="c"><raise event="go"/></transition>'
            '</initial><state id="b"/><state id="c"><transition event="go" target="d"/></state>'
            '<state id="d"/></state>'
        )

        assert [{"d"}] == play(spec)

    def test_may_begin_deeper_where_the_states_between_agree(self) -> None:
        """Then the child's own beginning leads there."""
        spec = read('<state id="a" initial="c"><state id="b"><state id="c"/></state></state>')

        assert ("b", [{"c"}]) == (spec["states"]["a"]["initial"], play(spec))

    def test_that_begins_deeper_than_its_child_does_is_refused(self) -> None:
        """A definition's state begins with a child, which begins as it says itself."""
        inside = (
            '<state id="a" initial="d">\n'
            '<state id="b"><state id="c"/><state id="d"/></state></state>'
        )

        assert [("<state> attribute 'initial'", "line 2")] == refused(inside)

    def test_at_the_root_begins_anywhere(self) -> None:
        """In several regions at once, too."""
        inside = (
            '<parallel id="p"><state id="r"><state id="r1"/><state id="r2"/></state>'
            '<state id="s"><state id="s1"/><state id="s2"/></state></parallel>'
        )

        assert [{"r2", "s2"}] == play(read(inside, 'initial="r2 s2"'))

    def test_without_an_id_gets_a_key(self) -> None:
        """Which no other state has."""
        spec = read('<state id="state"/><state/><state/><final/>')

        assert ["state", "state2", "state3", "final"] == list(spec["states"])

    def test_with_a_dot_in_its_id_is_renamed_and_that_is_said(self) -> None:
        """Dots are syntax in a definition's targets; what refers to the id follows."""
        found = imported(
            '<state id="a.1"><transition event="e" target="2"/></state>\n<state id="2"/>'
        )

        assert (["a_1", "_2"], [{"a_1"}, {"_2"}], ["line 2", "line 3"]) == (
            list(found.spec["states"]),
            play(found.spec, "e"),
            [one.place for one in found.differs],
        )

    def test_whose_id_is_taken_is_refused(self) -> None:
        """Two states of one id cannot be told apart."""
        assert [("<state>", "line 3")] == refused('<state id="a"/>\n<state id="a"/>')


class TestEvents:
    def test_are_matched_by_their_first_tokens(self) -> None:
        """As SCXML does: `a.b` answers itself and what begins with it."""
        spec = read('<state id="s"><transition event="a.b" target="t"/></state><state id="t"/>')

        assert [{"s"}, {"s"}, {"s"}, {"t"}] == play(spec, "a", "a.bc", "a.b.c")

    def test_are_matched_whole_where_that_is_wanted(self) -> None:
        """For documents that mean names, not prefixes."""
        text = document(
            '<state id="s"><transition event="a b.*" target="t"/></state><state id="t"/>'
        )
        found = read_scxml(text, whole_names=True).spec

        assert ["a", "b.*"] == list(found["states"]["s"]["on"])

    @pytest.mark.parametrize(
        ("first", "second", "event", "reached"),
        [
            ("*", "a", "a", "one"),
            ("a", "*", "a", "one"),
            ("a", "a.b", "a.b.c", "one"),
            ("a.b", "a", "a.b.c", "one"),
            ("a.b", "a", "a.c", "two"),
            ("b", "*", "a", "two"),
            ("a b", "*", "b", "one"),
            ("* b", "b", "b", "one"),
        ],
    )
    def test_are_answered_by_the_first_transition_in_the_document(
        self, first: str, second: str, event: str, reached: str
    ) -> None:
        """A definition asks longer names first; the import sees to it that this is the same."""
        spec = read(
            f'<state id="s"><transition event="{first}" target="one"/>'
            f'<transition event="{second}" target="two"/></state>'
            '<state id="one"/><state id="two"/>'
        )

        assert [{"s"}, {reached}] == play(spec, event)

    def test_go_on_to_the_next_transition_whose_guard_holds(self) -> None:
        """Through longer and shorter names, in the document's order."""
        spec = read(
            '<datamodel><data id="n" expr="0"/></datamodel><state id="s">'
            '<transition event="*" cond="n == 1" target="one"/>'
            '<transition event="a.b" cond="n == 2" target="two"/>'
            '<transition event="a" target="three"/><transition event="a.b" target="four"/></state>'
            '<state id="one"/><state id="two"/><state id="three"/><state id="four"/>'
        )

        assert [{"s"}, {"three"}] == play(spec, "a.b")

    def test_that_nobody_answers_are_ignored(self) -> None:
        """Also a definition says so, whose default is to refuse them."""
        assert "ignore" == read('<state id="a"/>')["unhandled"]

    @pytest.mark.parametrize("name", ["error", "error.*", "error.execution", "error.communication"])
    def test_of_errors_inside_are_refused(self, name: str) -> None:
        """Here they are no events: an import that dropped them would hide what handled them."""
        inside = f'<state id="a">\n<transition event="{name}" target="a"/></state>'

        assert [(f"<transition> event '{name}'", "line 3")] == refused(inside)

    def test_of_an_error_beside_others_leave_those(self) -> None:
        """The transition answers what is left."""
        found = imported(
            '<state id="a"><transition event="e error" target="b"/></state><state id="b"/>'
        )

        assert (1, [{"a"}, {"b"}]) == (len(found.refused), play(found.spec, "e"))


class TestATransition:
    LOG = '<onexit><assign location="n" expr="n + 1"/></onexit>'
    DATA = '<datamodel><data id="n" expr="0"/></datamodel>'

    @pytest.mark.parametrize(
        ("attributes", "exits"),
        [
            ('target="a"', 1),
            ('target="b"', 1),
            ('target="b" type="internal"', 0),
            ('target="a" type="internal"', 1),
            ("", 0),
        ],
    )
    def test_leaves_its_source_as_in_scxml(self, attributes: str, exits: int) -> None:
        """External ones do, internal ones into the state don't."""
        spec = read(
            f'{self.DATA}<state id="a">{self.LOG}<transition event="e" {attributes}/>'
            '<state id="b"/></state>'
        )

        assert exits == context_after(spec, "e")["n"]

    def test_between_regions_is_said_to_differ_where_the_parallel_state_notices(self) -> None:
        """SCXML leaves the parallel state too, which nobody sees if it does nothing then."""
        inside = (
            '<parallel id="p">{0}\n<state id="r"><transition event="e" target="s2"/></state>'
            '<state id="s"><state id="s1"/><state id="s2"/></state></parallel>'
        )
        quiet, loud = imported(inside.format("")), imported(inside.format("<onexit/>"))

        assert ((), ["<transition> target 's2'"]) == (
            quiet.differs,
            [one.what for one in loud.differs],
        )

    def test_above_regions_is_said_to_differ_where_a_region_answers_too(self) -> None:
        """SCXML asks each region by itself, a definition the states above only if none answers."""
        inside = (
            '<parallel id="p">\n<transition event="e"><log/></transition>'
            '<state id="r"><transition event="e.f"/></state><state id="s"/></parallel>'
        )

        assert [("<transition> event 'e'", "line 3")] == [
            (one.what, one.place) for one in imported(inside).differs
        ]

    @pytest.mark.parametrize(
        ("transition", "what"),
        [
            ('<transition event="e" target="z"/>', "<transition>"),
            ("<transition/>", "<transition>"),
            (
                '<transition event="e" cond="f()" target="a"/>',
                "<transition> attribute 'cond' 'f()'",
            ),
        ],
    )
    def test_that_cannot_be_said_is_refused_whole(self, transition: str, what: str) -> None:
        """Without its condition it would be another one."""
        found = imported(f'<state id="a">\n{transition}</state>')

        assert ([what], {}) == ([one.what for one in found.refused], found.spec["states"]["a"])


class TestADoneState:
    INSIDE = (
        '<state id="a"><state id="b"><transition event="e" target="f"/></state>'
        '<final id="f"><donedata><param name="n" expr="7"/></donedata></final>'
        "{}</state><state id='c'/>"
    )

    def test_is_answered_by_its_own_transition(self) -> None:
        """Which a definition calls `onDone`; its data are the final state's."""
        done = '<transition event="done.state.a" cond="_event.data.n == 7" target="c"/>'
        spec = read(self.INSIDE.format(done))

        assert ([{"b"}, {"c"}], True) == (play(spec, "e"), "onDone" in spec["states"]["a"])

    @pytest.mark.parametrize("event", ["done", "done.*", "done.state", "done.state.*", "*"])
    def test_is_answered_by_what_names_all_of_them(self, event: str) -> None:
        """The engine's name of the event is another, and begins otherwise."""
        done = f'<transition event="{event}" target="c"/>'
        inside = self.INSIDE.replace('event="e" ', "")

        assert [{"c"}] == play(read(inside.format(done)))

    def test_at_the_top_gives_the_instance_its_output(self) -> None:
        """The data of the final state are what the whole has come to."""
        spec = read('<final id="f"><donedata><content expr="[1]"/></donedata></final>')
        machine, _ = check_spec(spec)
        assert machine is not None

        assert [1] == decide(machine, None, Started(), NOW).snapshot.output


class TestHistory:
    @pytest.mark.parametrize(("kind", "leaf"), [("deep", "d"), ("shallow", "c")])
    def test_remembers(self, kind: str, leaf: str) -> None:
        """Deep the leaves, shallow the child."""
        spec = read(
            f'<state id="a"><history id="h" type="{kind}"><transition target="b"/></history>'
            '<transition event="out" target="x"/>'
            '<state id="b"><state id="c"><transition event="e" target="d"/></state>'
            '<state id="d"/></state></state>'
            '<state id="x"><transition event="back" target="h"/></state>'
        )

        assert [{"c"}, {"d"}, {"x"}, {leaf}] == play(spec, "e", "out", "back")

    def test_with_actions_in_its_default_is_refused_and_keeps_its_target(self) -> None:
        """A definition's default leads somewhere and does nothing."""
        found = imported(
            '<state id="a"><history id="h">\n<transition target="b"><log/></transition></history>'
            '<state id="b"/></state>'
        )

        assert ([("<transition>", "line 3")], "b") == (
            [(one.what, one.place) for one in found.refused],
            found.spec["states"]["a"]["states"]["h"]["target"],
        )


class TestData:
    def test_of_all_states_are_one_context(self) -> None:
        """They are one namespace in SCXML, there from the start."""
        spec = read(
            '<datamodel><data id="a" expr="1"/><data id="b">[1, {"c": null}]</data>'
            "<data id='d'>some \n text</data><data id='e'/></datamodel>"
            '<state id="s"><datamodel><data id="f" expr="[2]"/></datamodel></state>'
        )

        expected = {"a": 1, "b": [1, {"c": None}], "d": "some text", "e": None, "f": [2]}
        assert expected == spec["context"]

    def test_that_need_others_are_worked_out_first_of_all(self) -> None:
        """In the document's order, before any state's entry."""
        spec = read(
            '<datamodel><data id="a" expr="b"/><data id="b" expr="2"/>'
            '<data id="c" expr="b * 3"/></datamodel>'
            '<state id="s"><onentry><assign location="b" expr="c + 1"/></onentry></state>'
        )

        assert {"a": 2, "b": 7, "c": 6} == context_after(spec)

    @pytest.mark.parametrize(
        "data",
        [
            '<data expr="1"/>',
            '<data id="a b"/>',
            '<data id="a" expr="f()"/>',
            '<data id="a">{"b": {"@expr": "context"}}</data>',
            '<data id="a"><b xmlns=""/></data>',
            '<data id="a" src="file:///etc/passwd"/>',
        ],
    )
    def test_that_are_no_data_are_refused(self, data: str) -> None:
        """No name, no value, XML, other files, and what would become an expression."""
        assert ["line 2"] == [
            place for _, place in refused(f"<datamodel>{data}</datamodel>\n<state/>")
        ]

    def test_bound_late_are_refused(self) -> None:
        """A definition's context is whole from the start."""
        inside = '<state id="s">\n<datamodel><data id="f" expr="2"/></datamodel></state>'

        assert [("<data>", "line 3")] == refused(inside, 'binding="late"')


class TestExecutableContent:
    def test_runs_in_its_order(self) -> None:
        """Each sees what the one before it left; raised events come before sent ones."""
        spec = read(
            '<datamodel><data id="n" expr="1"/></datamodel>'
            '<state id="a"><onentry><send event="late"/><raise event="soon"/>'
            '<assign location="n" expr="n + 1"/></onentry><onentry>'
            '<if cond="n == 1"><raise event="wrong"/><elseif cond="n == 2"/>'
            '<assign location="n" expr="n * 10"/><else/><raise event="wrong"/></if>'
            '<log label="n" expr="n"/></onentry>'
            '<transition event="soon" target="b"/><transition event="*" target="x"/></state>'
            '<state id="b"><transition event="late" cond="n === 20" target="c"/></state>'
            '<state id="c"/><state id="x"/>'
        )

        assert [{"c"}] == play(spec)

    def test_sends_to_the_inside_at_once(self) -> None:
        """`#_internal` is the queue of raised events."""
        spec = read(
            '<state id="a"><onentry><send event="e" target="#_internal"/></onentry>'
            '<transition event="e" target="b"/></state><state id="b"/>'
        )
        machine, _ = check_spec(spec)
        assert machine is not None

        assert ("b",) == decide(machine, None, Started(), NOW).snapshot.configuration

    def test_sends_in_the_order_of_the_sends(self) -> None:
        """Also many of them, and those that are sent while others are under way."""
        names = [f"e{n}" for n in range(12)]
        sends = "".join(f'<send event="{name}"/>' for name in names)
        states = "".join(
            f'<state id="{name}"><transition event="{name}" target="after_{name}"/>'
            f'<transition event="*" target="wrong"/></state>'
            f'<state id="after_{name}"><transition target="{following}"/></state>'
            for name, following in zip(names, [*names[1:], "end"], strict=True)
        )
        inside = (
            f'<state id="begin"><onentry>{sends}</onentry><transition target="e0"/></state>'
            f'{states}<state id="wrong"/><state id="end"/>'
        )

        assert [{"end"}] == play(read(inside))

    def test_sends_after_a_delay_unless_it_is_cancelled(self) -> None:
        """Delays are a number and its unit, or a number with a unit after it."""
        spec = read(
            '<datamodel><data id="n" expr="2"/></datamodel>'
            '<state id="a"><onentry><send event="one" id="i" delay="1s"/>'
            "<send event='two' delayexpr=\"n + 's'\"/></onentry>"
            '<transition event="stop"><cancel sendid="i"/></transition>'
            '<transition event="one" target="b"/><transition event="two" target="c"/></state>'
            '<state id="b"/><state id="c"/>'
        )
        second = timedelta(seconds=1)

        assert ([{"a"}, {"b"}], [{"a"}, {"a"}, {"a"}, {"c"}]) == (
            play(spec, second),
            play(spec, "stop", second, second),
        )

    def test_sends_data_by_key(self) -> None:
        """Names, params, and the members of an object that is the content."""
        spec = read(
            '<datamodel><data id="n" expr="2"/></datamodel><state id="a">'
            '<onentry><send event="one" namelist="n"><param name="m" expr="n + 1"/></send>'
            '<send event="two"><content>{"k": {"l": 4}}</content></send>'
            '<send event="three"><content>five</content></send></onentry>'
            '<transition event="one" cond="_event.data.n + _event.data.m === 5" target="b"/>'
            "</state>"
            '<state id="b"><transition event="two" cond="_event.data.k.l === 4" target="c"/>'
            "</state>"
            "<state id='c'><transition event='three' cond=\"_event.data === 'five'\" target='d'/>"
            '</state><state id="d"/>'
        )

        assert [{"d"}] == play(spec)

    def test_is_given_the_data_of_senders(self) -> None:
        """The payload's members are the event's data, as they are for any definition."""
        spec = read(
            '<state id="a"><transition event="e" cond="_event.data.n &gt; 1" target="b"/></state>'
            '<state id="b"/>'
        )

        assert [{"a"}, {"a"}, {"b"}] == play(spec, ("e", {"n": 1}), ("e", {"n": 2}))

    @pytest.mark.parametrize(
        ("action", "what"),
        [
            ("<script>x()</script>", "<script>"),
            ('<foreach array="n" item="i"/>', "<foreach>"),
            ('<raise event="done.state.a"/>', "<raise>"),
            ('<raise event="task.a.done"/>', "<raise>"),
            ("<raise/>", "<raise>"),
            ('<send event="e" target="#_parent"/>', "<send> attribute 'target'"),
            ('<send event="e" type="http"/>', "<send> attribute 'type'"),
            ('<send event="e" delay="soon"/>', "<send>"),
            ('<send event="e" delayexpr="n"/>', "<send> attribute 'delayexpr' 'n'"),
            ('<send event="e"><param name="type" expr="1"/></send>', "<send>"),
            ('<send event="e"><content expr="{a: n}"/></send>', "<send>"),
            ("<send/>", "<send>"),
            ('<cancel sendidexpr="f()"/>', "<cancel> attribute 'sendidexpr' 'f()'"),
            ('<assign location="n.a" expr="1"/>', "<assign> attribute 'location'"),
            ('<assign location="z" expr="1"/>', "<assign> attribute 'location'"),
            ('<log expr="z"/>', "<log> attribute 'expr' 'z'"),
            ("<if cond=\"In('a')\"/>", "<if> attribute 'cond' with In()"),
            ('<if cond="f()"/>', "<if> attribute 'cond' 'f()'"),
            ("<else/>", "<else> in <onentry>"),
            ("text", "<onentry> text"),
        ],
    )
    def test_that_cannot_be_said_is_refused_by_its_name(self, action: str, what: str) -> None:
        """And the rest of its block is not."""
        found = imported(
            '<datamodel><data id="n" expr="1"/></datamodel>\n'
            f'<state id="a"><onentry>\n{action}<log/></onentry></state>'
        )

        assert (what, 1) == (found.refused[0].what, len(found.spec["states"]["a"]["entry"]))

    def test_with_a_word_that_cannot_be_said_is_kept_without_it(self) -> None:
        """The send is the same; nobody reads its id."""
        found = imported(
            '<state id="a"><onentry>\n<send event="e" idlocation="n"/></onentry></state>'
        )

        assert (["<send> attribute 'idlocation'"], 1) == (
            [one.what for one in found.refused],
            len(found.spec["states"]["a"]["entry"]),
        )


class TestAnInvocation:
    def test_of_a_kind_of_task_is_one(self) -> None:
        """Its outcome is what the engine says about tasks."""
        spec = read(
            '<state id="a"><invoke type="http" id="ask"><param name="url" expr="\'http://a\'"/>'
            '</invoke><transition event="done.invoke.ask" cond="_event.data.status == 200" '
            'target="b"/><transition event="error.platform.ask" target="c"/></state>'
            '<state id="b"/><state id="c"/>'
        )

        assert {
            "id": "ask",
            "src": "http",
            "input": {"url": "http://a"},
            "onDone": {"target": "b", "guard": {"@expr": "event.output.status == 200"}},
            "onError": "c",
        } == spec["states"]["a"]["invoke"]

    @pytest.mark.parametrize("kind", ["", "scxml", "http://www.w3.org/TR/scxml/"])
    def test_of_anything_else_is_refused(self, kind: str) -> None:
        """Another document has no place in a definition."""
        inside = f'<state id="a">\n<invoke type="{kind}"/></state>'

        assert [(f"<invoke> type '{kind}'", "line 3")] == refused(inside)


class TestADocument:
    def test_is_refused_in_another_language(self) -> None:
        """Expressions of XPath are not read as something else."""
        assert [("<scxml> datamodel 'xpath'", "line 1")] == refused(
            '<state id="a"/>', 'datamodel="xpath"'
        )

    def test_gives_its_name_to_the_definition(self) -> None:
        """Where that can be one."""
        assert "door" == read('<state id="a"/>', 'name="door"')["id"]

    def test_with_a_parallel_state_and_a_question_about_another_is_taken_over(self) -> None:
        """In() asks for a state by its id, wherever it is."""
        spec = read(
            '<parallel id="p"><state id="r"><state id="r1"><transition event="e" target="r2"/>'
            '</state><state id="r2"/></state><state id="s"><state id="s1">'
            "<transition cond=\"In('r2') &amp;&amp; !In('s2')\" target=\"s2\"/></state>"
            '<state id="s2"/></state></parallel>'
        )

        assert [{"r1", "s1"}, {"r2", "s2"}] == play(spec, "e")


def context_after(spec: dict[str, Any], *events: str) -> dict[str, Any]:
    """The context at first, or after some events."""
    machine, diagnostics = check_spec(spec)
    assert machine is not None, diagnostics
    snapshot = decide(machine, None, Started(), NOW).snapshot
    for event in events:
        snapshot = decide(machine, snapshot, Received(type=event), NOW).snapshot
    return snapshot.context
