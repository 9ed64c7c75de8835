"""What holds of every page: links lead somewhere, blocks are closed, definitions are good."""

import json
import re
from pathlib import Path

import pytest

from control_plane.engine import check_spec, limits
from control_plane.engine.spec import acting, vocabulary
from control_plane.engine.spec.rules.giving import HTTP_INPUT
from control_plane.engine.spec.values import NAMES
from control_plane.use_cases.offers import TASK_TYPES
from control_plane.use_cases.validate_definition import NOT_AVAILABLE, diagnose
from tests.docs.pages import ROOT, Block, anchors, blocks, code, links, page, pages, rows, section

DEFINITIONS = page("docs/definitions.md")
WORDS = section(DEFINITIONS, "## Words")
KIB = 1024
LIMITS = {
    "a spec": f"{limits.MAX_SPEC_BYTES // KIB} KiB",
    "an instance's context": f"{limits.MAX_CONTEXT_BYTES // KIB} KiB",
    "expressions that differ": str(limits.MAX_EXPRESSIONS),
    "characters of expressions": str(limits.MAX_EXPRESSION_CHARACTERS),
    "states": str(limits.MAX_STATES),
    "levels of states": str(limits.MAX_STATE_DEPTH),
    "characters of a state's path": str(limits.MAX_PATH_LENGTH),
    "states that history states can remember together": str(limits.MAX_REMEMBERED),
    "transitions": str(limits.MAX_TRANSITIONS),
    "tasks of one transition": str(limits.MAX_TASKS_PER_TRANSITION),
    "open tasks of an instance": str(limits.MAX_OPEN_TASKS),
    "items of a `forEach`": str(limits.MAX_FAN_OUT),
    "tasks of an instance's `forEach`s that wait for others of them": str(limits.MAX_WAITING_TASKS),
    "what an instance holds of its `forEach`s: outcomes that have come, inputs that wait": (
        f"{limits.MAX_HELD_BYTES // KIB} KiB"
    ),
    "inputs of what could be undone": f"{limits.MAX_HELD_BYTES // KIB} KiB",
    "tasks of an instance that can be undone": str(limits.MAX_UNDOABLE),
    "armed timers of an instance": str(limits.MAX_ARMED_TIMERS),
    "microsteps of one event": str(limits.MAX_MICROSTEPS),
    "work of one event": str(limits.MAX_WORK),
    "events one decision emits": str(limits.MAX_EMITTED_EVENTS),
}


class TestAPage:
    @pytest.mark.parametrize("path", list(pages()), ids=lambda path: path.name)
    def test_links_to_what_exists(self, path: Path) -> None:
        """A link within the repository leads to a file, and to a heading if it names one."""
        text = path.read_text("utf-8")
        broken = []
        for link in links(text):
            target, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            there = (path.parent / target).resolve() if target else path
            is_there = there.exists() and there.is_relative_to(ROOT)
            if not is_there or (anchor and anchor not in anchors(there.read_text("utf-8"))):
                broken.append(link)

        assert [] == broken

    @pytest.mark.parametrize("path", list(pages()), ids=lambda path: path.name)
    def test_closes_every_block(self, path: Path) -> None:
        """An open fence turns the rest of the page into code."""
        text = path.read_text("utf-8")
        fences = [line for line in text.splitlines() if line.startswith("```")]

        assert len(fences) == 2 * len(blocks(text))


GUARD_KINDS = {"isSmall", "", *(f"@{word}" for word in vocabulary.GUARDS)}
ACTION_KINDS = {"note", *acting.REGISTERED, *(f"@{word}" for word in vocabulary.ACTIONS)}


def _kind(shown: str | dict[str, str]) -> str:
    """The name or the type of a guard or an action; "" of an expression."""
    return shown if isinstance(shown, str) else shown.get("type", "")


class TestThePageOfDefinitions:
    @pytest.mark.parametrize("block", blocks(DEFINITIONS), ids=lambda block: f"line{block.line}")
    def test_shows_good_definitions(self, block: Block) -> None:
        """Each of its blocks is a whole definition that the validator lets pass."""
        spec = json.loads(block.text)
        machine, diagnostics = check_spec(spec)

        assert machine is not None, diagnostics

    @pytest.mark.parametrize(
        ("begins", "words"),
        [
            ("At the root", set(vocabulary.ROOT)),
            ("In a state", set(vocabulary.STATE)),
            ("In a transition", set(vocabulary.TRANSITION)),
            ("In an `invoke`", set(vocabulary.INVOKE)),
        ],
    )
    def test_lists_the_words_of_the_format(self, begins: str, words: set[str]) -> None:
        """The page and the validator know the same words."""
        _, _, rest = WORDS.partition(begins + ":")

        assert words == set(code(rest.split("\n\n", 1)[0].split(". ", 1)[0]))

    def test_names_what_expressions_see(self) -> None:
        """An expression that names anything else is refused."""
        told = section(DEFINITIONS, "## Values that are computed").partition("Expressions see ")[2]

        assert set(code(told.split(", and", 1)[0])) == NAMES

    def test_names_the_tasks_that_are_offered(self) -> None:
        """The table has the task types that a definition can be activated with."""
        told = [cells[1].strip("`") for cells in rows(section(DEFINITIONS, "## Tasks"))]

        assert [str(one) for one in TASK_TYPES] == told

    def test_names_what_an_http_task_reads(self) -> None:
        """The validator warns of anything else."""
        told = next(
            cells[2] for cells in rows(section(DEFINITIONS, "## Tasks")) if "HTTP" in cells[1]
        )

        assert set(HTTP_INPUT) == set(code(told))

    def test_shows_guards_and_actions_as_they_are_written(self) -> None:
        """All that are built in, each in a definition that has the names they use."""
        told = rows(section(DEFINITIONS, "## Guards and actions"))
        shown = [json.loads(text) for cells in told for text in code(cells[0])]
        guards = [one for one in shown if _kind(one) in GUARD_KINDS]
        actions = [one for one in shown if one not in guards]
        machine, diagnostics = check_spec(
            {
                "id": "shown",
                "context": {"tries": 0},
                "guards": {"isSmall": {"when": {"@expr": "context.tries < 3"}}},
                "actions": {"note": []},
                "initial": "open",
                "states": {
                    "open": {"on": {"GO": [{"guard": one, "actions": actions} for one in guards]}},
                    "work": {"initial": "packing", "states": {"packing": {}}},
                    "done": {"id": "done"},
                },
            }
        )

        assert machine is not None, [one for one in diagnostics if one.severity == "error"]
        assert GUARD_KINDS <= {_kind(one) for one in guards}
        assert ACTION_KINDS <= {_kind(one) for one in actions}

    def test_tells_the_limits_that_are_kept(self) -> None:
        """Reaching a limit is an error; nobody should first hear of it then."""
        told = {cells[0]: cells[1] for cells in rows(section(DEFINITIONS, "## Limits"))}

        assert told == LIMITS

    def test_says_what_cannot_be_activated(self) -> None:
        """The last section tells of no more and no less than what activation refuses."""
        asks = {"invoke": {"src": "human", "timeout": {"heartbeat": "PT5S"}}}
        _, found = diagnose(json.dumps(asks))

        assert NOT_AVAILABLE in [one.rule for one in found]


class TestTheTestPlan:
    def test_has_every_directory_of_tests_and_no_other(self) -> None:
        """A directory without a promise has no reason to be."""
        told = [
            cells[0].strip("`")
            for cells in rows(section(page("docs/test-plan.md"), "## Directories"))
        ]
        there = [
            path.relative_to(ROOT).as_posix()
            for path in sorted((ROOT / "tests").iterdir())
            if path.is_dir() and any(path.rglob("test_*.py"))
        ]

        assert there == told
