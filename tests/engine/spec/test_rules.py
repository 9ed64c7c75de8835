"""Every rule of the validator: what it refuses or warns of, and what it lets pass."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from control_plane.engine import SpecInvalid, check_spec, compile_spec, compiling
from control_plane.engine import spec as spec_package
from control_plane.engine.diagnostics import Diagnostic
from control_plane.engine.spec.findings import MAX_DIAGNOSTICS, MAX_WITNESS
from control_plane.engine.spec.rulebook import RULES
from tests.engine.spec.failing import ERRORS, WARNINGS, flat, on
from tests.engine.spec.passing import GOOD, PASSING

COMPILING = compiling.__file__
_NAME = re.compile(r"[a-z]+(-[a-z]+)+")


def named_rules(tree: ast.Module) -> Iterator[str]:
    """The rules that calls of `Findings` and makers of `Found` name, and the kinds of state's."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        function = node.func.id if isinstance(node.func, ast.Name) else function
        place = {"error": 0, "warning": 0, "add": 0, "Found": 0, "_must_not": 2}.get(function)
        if place is not None and len(node.args) > place:
            for one in ast.walk(node.args[place]):
                if isinstance(one, ast.Constant) and _NAME.fullmatch(str(one.value)):
                    yield str(one.value)


def found(spec: Any) -> tuple[Diagnostic, ...]:
    return check_spec(spec)[1]


def named(case: tuple[str, str, Any]) -> str:
    return f"{case[0]} {case[1][-40:]}"


class TestASpecWithAMistake:
    @pytest.mark.parametrize(("rule", "pointer", "spec"), ERRORS, ids=map(named, ERRORS))
    def test_is_refused_with_the_rule_the_place_and_a_remedy(
        self, rule: str, pointer: str, spec: Any
    ) -> None:
        """An author is told where to look and what to do, not only that something is wrong."""
        machine, diagnostics = check_spec(spec)
        errors = [one for one in diagnostics if one.severity == "error"]

        assert machine is None
        assert (rule, pointer) in [(one.rule, one.json_pointer) for one in errors]
        assert all(one.message and one.remedy for one in errors)
        assert all(len(one.message) < 500 for one in errors)

    def test_cannot_be_compiled(self) -> None:
        """The exception carries everything that was found."""
        with pytest.raises(SpecInvalid, match="/states/a/on/GO: 'c' names no state") as refused:
            compile_spec(on("c"))

        assert "unknown-target" == refused.value.diagnostics[0].rule

    def test_is_told_of_all_its_mistakes_at_once(self) -> None:
        """One round trip for an author, not one a mistake."""
        spec = flat({"on": {"GO": "c", "X": {"guard": "nope"}}, "after": {"soon": "b"}})

        assert ["bad-delay", "unknown-guard", "unknown-target"] == sorted(
            one.rule for one in found(spec) if one.severity == "error"
        )

    def test_is_offered_the_word_that_was_meant(self) -> None:
        """A typing error is the commonest mistake."""
        (first, *_) = found(on({"taget": "b"}))

        assert "did you mean 'target'?" == first.remedy

    def test_is_told_of_errors_whatever_the_number_of_warnings(self) -> None:
        """Neither floods the other: two hundred of each at most."""
        states: dict[str, Any] = {f"s{n}": {} for n in range(400)}
        states["s0"] = {"always": "s1"}
        states["s1"] = {"always": "s0"}
        diagnostics = found({"initial": "s0", "states": states})

        assert "error" == diagnostics[0].severity
        assert len(diagnostics) <= 400

    def test_is_not_compared_with_every_word_when_everything_is_wrong(self) -> None:
        """Looking for the word that was meant is slow: thousands of mistakes must not be."""
        spec = {
            "actions": {f"act{n}": [] for n in range(1000)},
            "entry": [f"atc{n}" for n in range(5000)],
        }

        assert ["unknown-action"] * 200 == [
            one.rule for one in found(spec) if one.severity == "error"
        ]
        assert "correct the others first" == found(spec)[199].remedy


class TestASpecThatMayBeAMistake:
    @pytest.mark.parametrize(("rule", "pointer", "spec"), WARNINGS, ids=map(named, WARNINGS))
    def test_is_compiled_with_a_warning(self, rule: str, pointer: str, spec: Any) -> None:
        """It is legal, and seldom what was meant."""
        machine, diagnostics = check_spec(spec)

        assert machine is not None
        assert (rule, pointer, "warning") in [
            (one.rule, one.json_pointer, one.severity) for one in diagnostics
        ]

    def test_in_hundreds_of_places_is_compiled_all_the_same(self) -> None:
        """Who is told two hundred times knows; a warning, however often told, refuses nothing."""
        inside = {"initial": "b", "states": {"b": {}}}
        spec = flat({**inside, "on": {f"E{n}": "b" for n in range(300)}})
        machine, diagnostics = check_spec(spec)

        assert machine is not None
        assert MAX_DIAGNOSTICS == len(diagnostics)


class TestARule:
    @pytest.mark.parametrize("rule", RULES)
    def test_has_a_spec_that_breaks_it_and_one_that_keeps_it(self, rule: str) -> None:
        """A rule that nothing can break says nothing; one that nothing can keep says too much."""
        machine, diagnostics = check_spec(PASSING[rule])

        assert rule in {one for one, _, _ in (*ERRORS, *WARNINGS)}
        assert machine is not None, diagnostics
        assert rule not in {one.rule for one in diagnostics}

    @pytest.mark.parametrize("rule", RULES)
    def test_is_as_severe_as_the_table_it_is_in(self, rule: str) -> None:
        """Errors refuse, warnings do not; a rule is one or the other."""
        is_error = rule in {one for one, _, _ in ERRORS}

        assert is_error == (RULES[rule].severity == "error")
        assert is_error != (rule in {one for one, _, _ in WARNINGS})

    def test_is_in_the_rulebook_if_the_validator_names_it(self) -> None:
        """What the source says it may tell, and what is told of it to authors, is the same."""
        sources = Path(spec_package.__file__).parent.rglob("*.py")
        trees = [ast.parse(path.read_text("utf-8")) for path in (*sources, Path(COMPILING))]

        assert set(RULES) == {rule for tree in trees for rule in named_rules(tree)}

    @pytest.mark.parametrize(("rule", "spec"), [(one, spec) for one, _, spec in WARNINGS])
    def test_about_reachability_shows_the_way(self, rule: str, spec: Any) -> None:
        """Whoever reads the finding can walk there without searching."""
        first = next(one for one in found(spec) if one.rule == rule)
        if rule in {"dead-end", "final-out-of-reach", "wait-without-exit"}:
            assert "start" == first.witness[0]
        else:
            assert first.witness or rule.startswith("initial-is")


class TestAWitness:
    def test_is_the_transitions_that_lead_to_a_dead_end(self) -> None:
        """By the shortest way, each with its event."""
        spec = {
            "initial": "a",
            "states": {
                "a": {"on": {"GO": "b", "ON": "c"}},
                "b": {"on": {"GO": "c"}},
                "c": {"after": {"PT5S": "p"}},
                "p": {"type": "parallel", "states": {"l": {}, "r": {"on": {"X": "#d"}}}},
                "d": {"id": "d"},
            },
        }
        (dead,) = [one for one in found(spec) if one.rule == "dead-end"]

        assert "/states/d" == dead.json_pointer
        assert (
            "start",
            "a: ON → c",
            "c: xstate.after.PT5S.(machine).c → p",
            "p.r: X → d",
        ) == dead.witness

    def test_of_what_cannot_be_reached_is_what_would_lead_there(self) -> None:
        """Usually the transition that leads there starts where nobody comes either."""
        spec = {
            "initial": "a",
            "states": {"a": {"type": "final"}, "b": {"on": {"X": "c"}}, "c": {"on": {"X": "b"}}},
        }

        assert [("c: X → b",), ("b: X → c",)] == [
            one.witness for one in found(spec) if one.rule == "unreachable-state"
        ]

    def test_is_the_states_of_a_circle(self) -> None:
        """In the order in which they follow each other."""
        spec = {
            "initial": "a",
            "states": {"a": {"always": "b"}, "b": {"always": "c"}, "c": {"always": "b"}},
        }

        assert [("b", "c")] == [one.witness for one in found(spec) if one.severity == "error"]

    def test_of_a_long_way_is_its_beginning_and_its_end(self) -> None:
        """Forty lines are read; five hundred are not."""
        states: dict[str, Any] = {f"s{n}": {"on": {"GO": f"s{n + 1}"}} for n in range(100)}
        (dead,) = found({"initial": "s0", "states": {**states, "s100": {}}})

        assert ("start", "s0: GO → s1") == dead.witness[:2]
        assert "… 62 more …" == dead.witness[20]
        assert "s99: GO → s100" == dead.witness[-1]
        assert MAX_WITNESS == len(dead.witness)


class TestASpecWithoutMistakes:
    @pytest.mark.parametrize("spec", GOOD, ids=lambda spec: json.dumps(spec)[:60])
    def test_is_compiled_without_a_word(self, spec: Any) -> None:
        """A rule that cries wolf is switched off in people's minds."""
        assert () == found(spec)

    def test_is_known_by_the_hash_of_its_text(self) -> None:
        """The text as it was stored: another white space is another spec."""
        one, other = compile_spec('{"id": "m"}'), compile_spec('{"id":"m"}')

        assert one.spec_hash != other.spec_hash
        assert other.spec_hash == compile_spec({"id": "m"}).spec_hash
        assert 64 == len(one.spec_hash)

    def test_says_what_its_tasks_need(self) -> None:
        """So that a definition nobody can execute is seen when it is activated."""
        machine = compile_spec(
            {
                "initial": "a",
                "states": {
                    "a": {"invoke": [{"src": "system.f"}, {"src": "human"}]},
                    "b": {
                        "entry": {"type": "createTask", "params": {"name": "x", "src": "system.g"}}
                    },
                },
            }
        )

        assert frozenset({"SYSTEM", "HUMAN"}) == machine.task_types
        assert frozenset({"f", "g"}) == machine.functions
        assert frozenset() == machine.needs
