"""The JSON Schema of the format says what the parser says, as far as a schema can."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import control_plane.engine.spec
from control_plane.engine import check_spec, spec_schema
from control_plane.engine.spec import vocabulary
from control_plane.engine.spec.rulebook import RULES
from tests.docs.pages import ROOT, blocks, page
from tests.engine.machines import random_spec
from tests.engine.spec.agreement import BOTH_SAY, ONLY_THE_PARSER_SAYS, SCHEMA, disagreement
from tests.engine.spec.failing import ERRORS, WARNINGS
from tests.engine.spec.passing import GOOD, PASSING
from tests.engine.spec.rich import RICH, Change, changes, keys

FILE = Path(control_plane.engine.spec.__file__).parent / "definition.schema.json"
SHOWN = [json.loads(one.text) for one in blocks(page("docs/definitions.md")) if one.text[0] == "{"]
KEPT = [json.loads(path.read_text("utf-8")) for path in sorted((ROOT / "examples").glob("*.json"))]
HELLO = json.loads((ROOT / "control_plane/cli/hello.json").read_text("utf-8"))
WARNED = [spec for _, _, spec in WARNINGS]
COMPILING: list[dict[str, Any]] = [
    json.loads(spec) if isinstance(spec, str) else spec
    for spec in (RICH, HELLO, *SHOWN, *KEPT, *GOOD, *PASSING.values(), *WARNED)
]
TABLES = [
    table
    for name, table in vars(vocabulary).items()
    if name.isupper() and isinstance(table, dict) and name != "OLD_SPELLINGS"
]
CHANGES = list(changes(RICH))
SOME = Random(1).sample(CHANGES, 250)
"""A slice; `make fuzz-schema` tries them all, and on random machines too."""


def said(change: Change) -> str:
    return f"{change.kind} {'/'.join(map(str, change.path))[-50:]} {str(change.value)[:12]!r}"


class TestTheSchema:
    def test_is_a_schema(self) -> None:
        """Of the draft that it says it is of."""
        Draft202012Validator.check_schema(json.loads(spec_schema()))

    def test_is_the_file_that_is_shipped(self) -> None:
        """To write it again: `foliot definition schema`, into that file."""
        assert spec_schema() == FILE.read_text("utf-8")

    def test_explains_every_word(self) -> None:
        """Editors show it beside the word while somebody types."""
        for words in TABLES:
            for word in words.values():
                assert isinstance(word, dict) or len(word.about) > 5, word

    def test_describes_every_property(self) -> None:
        """Also of the objects that only the schema puts together."""
        unexplained: list[str] = []

        def look(value: Any, at: str) -> None:
            if isinstance(value, dict):
                properties = value.get("properties")
                if value.get("additionalProperties") is False and isinstance(properties, dict):
                    unexplained.extend(
                        f"{at}/{key}"
                        for key, one in properties.items()
                        if not one.get("description")
                    )
                for key, item in value.items():
                    look(item, f"{at}/{key}")
            elif isinstance(value, list):
                for place, item in enumerate(value):
                    look(item, f"{at}/{place}")

        look(json.loads(spec_schema()), "")

        assert [] == unexplained

    @pytest.mark.parametrize("spec", COMPILING, ids=lambda spec: json.dumps(spec)[:60])
    def test_lets_pass_what_compiles(self, spec: dict[str, Any]) -> None:
        """An editor that underlines what the server takes is soon switched off."""
        assert check_spec(spec)[0] is not None
        assert [] == [error.message for error in SCHEMA.iter_errors(spec)]

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.integers(0, 2**32))
    def test_lets_pass_random_machines_that_compile(self, seed: int) -> None:
        """Whatever of the format comes together in one."""
        spec = random_spec(Random(seed))

        assert check_spec(spec)[0] is None or SCHEMA.is_valid(spec)

    @pytest.mark.parametrize(
        "spec",
        [spec for _, _, spec in ERRORS if isinstance(spec, dict) and set(spec) != {"meta"}],
        ids=lambda spec: str(spec)[:60],
    )
    def test_agrees_on_what_breaks_a_rule(self, spec: dict[str, Any]) -> None:
        """What is wrong with one object is wrong for both, and at the same place."""
        assert disagreement(spec) is None

    @pytest.mark.parametrize("change", SOME, ids=said)
    def test_agrees_on_a_spec_with_one_thing_changed(self, change: Change) -> None:
        """A key too many or too few, another name, a value of another type: at any place."""
        assert disagreement(change.of(RICH)) is None

    def test_leaves_to_the_parser_what_is_listed(self) -> None:
        """Every rule that refuses is either one that both know, or has a reason why not."""
        refusing = {name for name, rule in RULES.items() if rule.severity == "error"}

        assert refusing == BOTH_SAY | set(ONLY_THE_PARSER_SAYS)
        assert BOTH_SAY.isdisjoint(ONLY_THE_PARSER_SAYS)


class TestTheRichSpec:
    def test_has_every_word(self) -> None:
        """Else what is said of a word is never tried."""
        known = {
            key
            for table in TABLES
            for one in (table, *(inner for inner in table.values() if isinstance(inner, dict)))
            for key, word in one.items()
            if not isinstance(word, dict)
        }

        assert known - set(keys(RICH)) == set()
