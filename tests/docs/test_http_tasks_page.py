"""docs/http-tasks.md: its story is played, its definition is good, its words are the handler's."""

import json
from datetime import timedelta
from pathlib import Path

from control_plane.engine import check_spec
from control_plane.engine.spec.rules.giving import HTTP_INPUT
from executor.bootstrap.secrets import secrets_of
from executor.bootstrap.web import web_addresses_of
from executor.handlers.answer_parts import choice_of
from executor.handlers.http import KEPT_HEADERS, MAX_QUOTED
from executor.handlers.http_input import DEFAULT_TIMEOUT, MAX_TIMEOUT, METHODS, WORDS
from executor.ports.http import MAX_REDIRECTS, MAX_RESPONSE_BYTES
from executor.ports.object_storage import MAX_OBJECT_BYTES
from shared.callbacks import DEFAULT_WITHIN, MAX_WITHIN, MIN_KEY
from shared.settings import Settings
from shared.telemetry.redaction import MIN_HIDDEN
from tests.docs.pages import blocks, code, page, rows, section
from tests.docs.shell import folder, run, serving

PAGE = page("docs/http-tasks.md")
BLOCKS = {block.word: block for block in blocks(PAGE)}
FIELDS = rows(PAGE.partition("## The answer")[0])


class TestItsStory:
    def test_ends_with_what_the_carrier_said_and_tells_no_secret(self, tmp_path: Path) -> None:
        """The whole way: a secret, a request, a token, and an answer that comes later."""
        where = folder(tmp_path, [BLOCKS["pickup.json"], BLOCKS["carrier.py"]])
        with serving(BLOCKS["dev"].text, where):
            printed = run(BLOCKS["story"].text, where)
            token = json.loads((where / "order.json").read_text())["foliot-callback-token"]
            logs = [path.read_text("utf-8") for path in (where / ".foliot" / "logs").iterdir()]

        assert '{"signedBy": "Ada"}' in printed
        assert [] == [log for log in logs if "swordfish" in log or token in log]


class TestItsWords:
    def test_are_those_that_the_handler_reads_and_the_validator_knows(self) -> None:
        """What one of them did not know would be a warning, or a failure."""
        told = {name for row in FIELDS for name in code(row[0])}

        assert WORDS == told == set(HTTP_INPUT)

    def test_have_the_limits_that_hold(self) -> None:
        """Each number of the page is one of the program's."""
        [methods] = [set(code(row[1])) for row in FIELDS if code(row[0]) == ["method"]]

        assert METHODS == methods
        assert {*KEPT_HEADERS} <= set(code(section(PAGE, "## The answer")))
        for limit in (
            f"up to {MAX_TIMEOUT.total_seconds():g} | {DEFAULT_TIMEOUT.total_seconds():g}",
            f"up to {MAX_REDIRECTS} |",
            f"{MAX_RESPONSE_BYTES // 1024} KiB",
            f"first {MAX_QUOTED} characters",
            f"at least {MIN_HIDDEN} characters",
            f"{MIN_KEY} characters",
            f"and {MAX_WITHIN.days} at most",
            f"up to {MAX_OBJECT_BYTES >> 20} MiB",
        ):
            assert limit in PAGE.replace("\n", " "), limit
        assert timedelta(days=7) == DEFAULT_WITHIN


class TestItsSamples:
    def test_are_good(self) -> None:
        """The definition without a warning, the choices, the settings."""
        machine, diagnostics = check_spec(json.loads(BLOCKS["pickup.json"].text))
        for choice in json.loads(BLOCKS["choices"].text):
            choice_of(choice)
        settings = {
            name: json.loads(code(told)[0])
            for name, told in (
                (code(row[0])[0], row[1])
                for heading in ("## Secrets", "## Where requests may go")
                for row in rows(section(PAGE, heading))
            )
            if code(told)
        }
        web_addresses_of(Settings(http_tenants=settings["FOLIOT_HTTP_TENANTS"]))
        secrets_of(Settings(secrets=settings["FOLIOT_SECRETS"]))

        assert (machine is not None, ()) == (True, tuple(diagnostics))
        assert ["billing.internal", "10.1.0.0/16"] == settings["FOLIOT_HTTP_ALLOW"]
