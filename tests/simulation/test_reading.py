"""A scenario's file: what is refused, with its line, and with the word that was meant."""

import pytest

from control_plane.simulation import read_scenario
from control_plane.simulation.limits import MAX_STEPS
from shared.documents import Document, DocumentInvalid, read_document

DEFINITION = """\
definition:
  initial: open
  states:
    open: { on: { GO: busy } }
    busy: { initial: asking, states: { asking: { invoke: { id: ask, src: human, onDone: "#over" } } } }
    over: { id: over, type: final }
"""  # noqa: E501 - a definition on six lines
LINES = DEFINITION.count("\n")


def no_file(name: str) -> Document:
    raise AssertionError(f"{name} is not asked for")


def refusal(rest: str) -> str:
    """What is said of a scenario of that definition; its own lines count from 1."""
    text = DEFINITION + rest
    with pytest.raises(DocumentInvalid) as caught:
        read_scenario(read_document(text.encode(), "s.yaml"), no_file)
    place = caught.value.place
    return f"{place.line - LINES}:{place.column}: {caught.value.problem}"


class TestAMistake:
    @pytest.mark.parametrize(
        ("rest", "said"),
        [
            ("step: []", "1:1: there is no 'step' here; did you mean 'steps'?"),
            ("steps: 5", "1:1: this must be a list, and is a number"),
            ("steps:\n- sent: GO", "2:3: there is no 'sent' here; did you mean 'send'?"),
            ("steps:\n- {}", "2:3: a step needs one of: send, task, advance, cancel"),
            ("steps:\n- { about: x }", "2:3: a step needs one of"),
            (
                "steps:\n- send: GO\n  cancel: why",
                "3:3: a step does one thing, and this one is to send already",
            ),
            ("steps:\n- send: GO\n  output: 1", "3:3: there is no 'output' here"),
            ("steps:\n- send: xstate.done", "2:3: 'xstate.done' is one of the engine's own"),
            ("steps:\n- { send: GO, payload: 5 }", "2:15: this must be an object, and is a number"),
            ("steps:\n- task: aks\n  output: 1", "2:3: the definition has no task 'aks'; did you"),
            ("steps:\n- task: ask", "2:3: the end of a task has either an `output` or a `fail`"),
            ("steps:\n- { task: ask, output: 1, fail: x }", "2:3: the end of a task has either"),
            ("steps:\n- { task: true, output: 1 }", "2:5: name the task, or give its number"),
            ("steps:\n- { task: ask, fail: Bad }", "2:16: 'Bad' is no kind of failure"),
            ("steps:\n- { task: ask, fail: {} }", "2:16: a failure has a `kind`"),
            ("steps:\n- advance: 2 days", "2:3: this must be milliseconds or an ISO 8601 duration"),
            ("steps:\n- advance: true", "2:3: this must be milliseconds or an ISO 8601 duration"),
            ("steps:\n- advance: -5", "2:3: -5 is no number of milliseconds that can pass"),
            ('steps:\n- cancel: ""', "2:3: say why it is cancelled"),
            ("mocks: { asc: { output: 1 } }", "1:10: the definition has no task 'asc'; did you"),
            ("mocks: { ask: [] }", "1:10: a mock has at least one outcome"),
            ("mocks: { ask: { takes: PT1S } }", "1:10: an outcome has either an `output` or a"),
            ("mocks: { ask: { takes: P1M, output: 1 } }", "1:17: a month has no fixed length here"),
            ("start: yesterday", "1:1: this must be an RFC 3339 time"),
            ("input: [1]", "1:1: this must be an object, and is a list"),
            ("expect: {}", "1:1: expect something, or leave `expect` out"),
            ("expect: { stat: open }", "1:11: there is no 'stat' here; did you mean 'state'?"),
            (
                "expect: { state: opn }",
                "1:11: the definition has no state opn; did you mean 'open'?",
            ),
            ("expect: { state: busy.askin }", "1:11: the definition has no state busy.askin; did"),
            ("expect: { state: { busy: aking } }", "1:20: the definition has no state busy.aking"),
            ("expect: { status: done }", "1:11: 'done' is not known here; use one of: running"),
            ("expect: { tasks: [aks] }", "1:19: the definition has no task 'aks'; did you mean"),
            ("expect: { rejected: true }", "1:11: there is no 'rejected' here"),
            ("expect: { accepts: GO }", "1:11: this must be a list, and is a text"),
            ("expect: { error: { kindd: x } }", "1:20: there is no 'kindd' here; did you mean"),
            (
                "steps:\n- expect: { rejected: NOT_ACCEPTED }",
                "2:13: 'NOT_ACCEPTED' is not known here; did you mean 'EVENT_NOT_ACCEPTED'?",
            ),
            (f"steps: [{'{advance: 1},' * (MAX_STEPS + 1)}]", "1:1: 1001 steps; the limit is 1000"),
        ],
    )
    def test_is_told_with_its_place(self, rest: str, said: str) -> None:
        """Line and column are what an editor jumps to."""
        assert refusal(rest).startswith(said)

    def test_in_an_inline_definition_is_told_with_its_place_too(self) -> None:
        """The place is one of the scenario's file, and not of a document nobody sees."""
        text = "definition:\n  initial: a\n  states:\n    a: { on: { GO: bb } }\n    b: {}\n"

        with pytest.raises(DocumentInvalid) as caught:
            read_scenario(read_document(text.encode(), "s.yaml"), no_file)

        assert 4 == caught.value.place.line

    def test_in_a_definition_of_its_own_file_is_told_with_that_file(self) -> None:
        """The scenario is all right; it is the other file that has to be mended."""
        broken = read_document(b'{\n "initial": "b",\n "states": {"a": {}}}', "d.json")

        with pytest.raises(DocumentInvalid, match=r"^d\.json:2:2: the definition has errors"):
            read_scenario(read_document(b"definition: d.json", "s.yaml"), lambda _: broken)

    def test_of_naming_no_definition_says_how(self) -> None:
        """There is nothing to play then."""
        with pytest.raises(DocumentInvalid, match="name the `definition`"):
            read_scenario(read_document(b"steps: []", "s.yaml"), no_file)
