"""The campaign against SCXML's suites can fail: cases of our own, and a list that is wrong."""

import json
from typing import Any

import pytest

from tests.campaigns.conformance.cases import Case
from tests.campaigns.conformance.deviations import Deviation, disagreements, read
from tests.campaigns.conformance.running import Result, run
from tests.interchange.playing import document

MOVING = document('<state id="a"><transition event="e" target="b"/></state><state id="b"/>')
ENDING = document(
    '<state id="a"><onentry><send event="e" delay="2s"/></onentry>'
    '<transition event="e" target="pass"/></state><final id="pass"/>'
)
DEVIATION = Deviation("not converted", "<foreach>: .*", "no loops", frozenset({"x/1"}))


def script(initial: list[str], **events: list[str]) -> dict[str, Any]:
    steps = [{"event": {"name": name}, "nextConfiguration": at} for name, at in events.items()]
    return {"initialConfiguration": initial, "events": steps}


class TestACase:
    def test_passes_when_each_event_leads_where_the_script_says(self) -> None:
        """SCION's scripts name the states after each event."""
        assert Result("passed") == run(Case("basic/1", MOVING, script(["a"], e=["b"])))

    @pytest.mark.parametrize("wrong", [script(["b"]), script(["a"], e=["a"])])
    def test_fails_when_the_engine_is_elsewhere(self, wrong: dict[str, Any]) -> None:
        """And says where it is instead."""
        result = run(Case("basic/1", MOVING, wrong))

        assert ("failed", True) == (result.kind, "is active instead of" in result.why)

    def test_of_the_w3c_passes_when_it_ends_well(self) -> None:
        """However long its delays are; what its script says of the time before is not asked."""
        assert Result("passed") == run(Case("w3c-ecma/test1", ENDING, script(["z"])))

    def test_is_not_converted_when_the_importer_refuses_something(self) -> None:
        """A part of a case would be another case."""
        text = document('<state id="a"><onentry><foreach/></onentry></state>')

        assert "not converted" == run(Case("basic/1", text, script(["a"]))).kind


class TestTheList:
    @pytest.mark.parametrize(
        ("results", "said"),
        [
            ({"x/1": Result("not converted", "<foreach>: no")}, []),
            ({"x/1": Result("passed")}, ["x/1 passes, and is listed: take it off the list"]),
            ({"x/1": Result("failed", "b")}, ["x/1 is failed for another reason than listed: b"]),
            (
                {"x/1": Result("not converted", "<script>: no")},
                ["x/1 is not converted for another reason than listed: <script>: no"],
            ),
            ({}, ["x/1 is listed, and there is no such case"]),
            (
                {"x/1": Result("not converted", "<foreach>: no"), "x/2": Result("failed", "b")},
                ["x/2 is failed, and not listed: b"],
            ),
        ],
    )
    def test_disagrees_with_whatever_else_happens(
        self, results: dict[str, Result], said: list[str]
    ) -> None:
        """A case that is mended has to leave it, so that it stays true."""
        assert said == list(disagreements(results, [DEVIATION]))

    def test_gives_a_reason_for_each_of_its_cases(self) -> None:
        """The committed list: no case twice, no group without a sentence."""
        listed = [name for deviation in read() for name in deviation.cases]

        assert (len(set(listed)), True) == (
            len(listed),
            all(deviation.because.endswith(".") and deviation.cases for deviation in read()),
        )

    def test_is_json_as_the_run_reads_it(self) -> None:
        """A group's pattern is a regular expression of what the importer says."""
        assert DEVIATION.foresees(Result("not converted", "<foreach>: a definition has no loops"))
        assert not DEVIATION.foresees(Result("failed", json.dumps("<foreach>: x")))
