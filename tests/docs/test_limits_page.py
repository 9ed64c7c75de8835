"""docs/limits.md: its commands set limits, its sample names one, its numbers are those kept."""

import json
import shlex

from control_plane.engine import check_spec
from control_plane.engine.spec.vocabulary import MAX_PRIORITY
from tests.cli.conftest import Foliot, foliot
from tests.docs.pages import blocks, page

__all__ = ["foliot"]

PAGE = page("docs/limits.md")
BLOCKS = {block.language: block.text for block in blocks(PAGE)}


class TestItsCommands:
    async def test_set_list_and_remove_limits(self, foliot: Foliot) -> None:
        """In their order."""
        done = [await foliot.run(*shlex.split(line)[1:]) for line in BLOCKS["sh"].splitlines()]

        assert [0] * 4 == [one.exit_code for one in done], [one.output for one in done]
        assert "bank" in done[2].stdout


class TestItsSample:
    def test_names_its_key_in_a_good_definition(self) -> None:
        """As a state of one that has an account and an end."""
        state = json.loads(BLOCKS["json"])
        states = {"paying": state, "paid": {"type": "final"}}
        context = {"account": {"@expr": "event.input.account"}}
        machine, found = check_spec({"initial": "paying", "context": context, "states": states})

        assert machine is not None, found
        assert "bank" == state["invoke"]["limitKey"]


class TestItsNumbers:
    def test_are_those_that_are_kept(self) -> None:
        """Of priorities; the others are held to in tests/contract."""
        assert f"from -{MAX_PRIORITY} to {MAX_PRIORITY}" in PAGE
