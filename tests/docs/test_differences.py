"""The page of differences is true: its machines do what it says, and it leaves nothing out."""

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import yaml

from control_plane.engine import check_spec
from control_plane.engine.durations import parse_duration
from control_plane.engine.spec.vocabulary import OLD_SPELLINGS
from tests.docs.pages import Block, blocks, code, page, rows, section
from tests.engine.telling import Instance

PAGE = page("docs/differences.md")
REFUSED = "## What is refused, and what to write instead"


@dataclass(frozen=True, slots=True)
class Shown:
    """A definition of the page, and the story that stands below it."""

    spec: Block
    story: Block


def _shown() -> list[Shown]:
    found = blocks(PAGE)
    return [Shown(one, other) for one, other in pairwise(found) if other.language == "yaml"]


def _refused() -> list[Block]:
    return [block for block in blocks(PAGE) if block.language == "json" and block.word]


class TestAMachineOfThePage:
    @pytest.mark.parametrize("shown", _shown(), ids=lambda shown: f"line{shown.spec.line}")
    def test_does_what_is_said_of_it(self, shown: Shown) -> None:
        """A difference that is not there any more would mislead."""
        story = [next(iter(line.items())) for line in yaml.safe_load(shown.story.text)]
        it = Instance(json.loads(shown.spec.text))

        assert story == [(told, _after(it, told)) for told, _ in story]

    @pytest.mark.parametrize("block", _refused(), ids=lambda block: block.word)
    def test_is_refused_where_it_says_so(self, block: Block) -> None:
        """The word after `json` is the rule that refuses it."""
        machine, diagnostics = check_spec(block.text)

        assert machine is None
        assert block.word in {found.rule for found in diagnostics}

    def test_is_followed_by_its_story(self) -> None:
        """A definition without one would not be run."""
        unheard = [b for b in blocks(PAGE) if b.language == "json" and not b.word]

        assert [shown.spec for shown in _shown()] == unheard


class TestThePageOfDifferences:
    def test_has_every_word_of_xstate_that_is_refused(self) -> None:
        """With what to write instead."""
        words = section(PAGE, REFUSED).partition("| word | instead |")[2]
        told = [cells[0].strip("`") for cells in rows(f"| word | instead |{words}")]

        assert list(OLD_SPELLINGS) == told

    def test_names_rules_that_exist(self) -> None:
        """The last column of its first table is what ValidateDefinition answers with."""
        table = section(PAGE, REFUSED).partition("\nFor example")[0]
        told = {rule for cells in rows(table) for rule in cells[2].split(", ")}
        rules = {line.partition("](")[0].removeprefix("| [") for line in _rule_lines()}

        assert told <= rules

    def test_names_actions_and_guards_that_exist(self) -> None:
        """What replaces XState's functions is what the validator knows."""
        table = section(PAGE, REFUSED).partition("Where XState has functions")[2]
        told = {word for text in code(table) for word in text.split('"') if word.startswith("@")}

        assert told == {
            "@expr", "@assign", "@raise", "@cancel", "@emit", "@log", "@if", "@and", "@or",
            "@not", "@stateIn",
        }  # fmt: skip


def _after(it: Instance, told: str) -> Any:
    """What came of a line of a story: the state value, the context, or that it was refused."""
    if told == "context":
        return it.context
    if told.startswith("after "):
        delay = parse_duration(told.removeprefix("after "))
        assert delay is not None
        it.wait(delay.exact)
        for timer_id in list(it.snapshot.timers):
            it.fire(timer_id)
    elif told != "start":
        it.send(told)
        if it.decision.disposition == "REJECTED":
            return "refused"
    return it.value


def _rule_lines() -> list[str]:
    lines = page("docs/definition-rules.md").splitlines()
    return [line for line in lines if line.startswith("| [")]
