"""docs/definition-rules.md says what the validator does."""

import pytest

from control_plane.engine import check_spec
from control_plane.engine.spec.rulebook import RULES
from tests.docs.pages import Block, blocks, page
from tests.engine.spec.rule_page import render

PAGE = page("docs/definition-rules.md")


class TestThePageOfRules:
    def test_is_what_the_rulebook_and_the_examples_say(self) -> None:
        """To write it again: `python -m tests.engine.spec.rule_page > docs/definition-rules.md`."""
        assert render() == PAGE

    def test_has_every_rule_once(self) -> None:
        """The headings are the rules' names, so that programs can link to them."""
        assert [f"## {name}" for name in RULES] == [
            line for line in PAGE.splitlines() if line.startswith("## ")
        ]

    @pytest.mark.parametrize(
        ("rule", "block"), list(zip(RULES, blocks(PAGE), strict=True)), ids=list(RULES)
    )
    def test_shows_what_breaks_each(self, rule: str, block: Block) -> None:
        """A snippet that no longer breaks its rule teaches something wrong."""
        assert rule in {one.rule for one in check_spec(block.text)[1]}
