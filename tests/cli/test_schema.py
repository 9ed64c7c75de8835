"""`foliot definition schema`: the JSON Schema on standard output."""

import json

from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from control_plane.cli.app import app
from control_plane.engine import spec_schema


class TestPrintingTheSchema:
    def test_prints_it_and_nothing_else(self) -> None:
        """So that `> definition.schema.json` is all it takes."""
        result = CliRunner().invoke(app, ["definition", "schema"])

        assert 0 == result.exit_code
        assert spec_schema() == result.stdout
        Draft202012Validator.check_schema(json.loads(result.stdout))
