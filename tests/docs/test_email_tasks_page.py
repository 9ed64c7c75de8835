"""docs/email-tasks.md: its definition sends, its tables leave nothing out, its settings work."""

import json
import re
import shlex
from typing import Any

from control_plane.engine.spec.rules.giving import EMAIL_INPUT
from control_plane.use_cases.validate_definition import diagnose
from executor.adapters.memory_email import MemoryEmail
from executor.adapters.smtp_email import MAX_CONNECTIONS
from executor.bootstrap.mail import senders_of
from executor.handlers import templates
from executor.handlers.composing import (
    DEFAULT_TIMEOUT,
    FIELDS,
    MAX_ATTACHMENTS,
    MAX_SUBJECT,
    MAX_TIMEOUT,
)
from executor.handlers.email import EmailHandler
from executor.ports.email import MAX_MESSAGE_BYTES, MAX_RECIPIENTS, SenderRules
from shared.ids import TenantId
from shared.settings import Settings
from shared.tasks import TaskType
from tests.docs.pages import ROOT, blocks, code, page, rows, section
from tests.executor.ports import canned
from tests.executor.work import a_task

PAGE = page("docs/email-tasks.md")
BLOCKS = {block.word: block.text for block in blocks(PAGE)}
SENDERS = SenderRules(default="no-reply@example.com")


def asked() -> Any:
    """What the page's task is given, for one order."""
    lines = [{"count": 2, "title": "nuts"}, {"count": 1, "title": "bolts"}]
    given = json.loads(BLOCKS["letter"])["states"]["telling"]["invoke"]["input"]
    return {**given, "to": "bo@example.com", "data": {"name": "Bo", "lines": lines}}


class TestItsDefinition:
    def test_is_one(self) -> None:
        """Without a warning."""
        _, found = diagnose(BLOCKS["letter"])

        assert () == tuple(found)

    async def test_sends_what_it_says_and_gives_what_the_page_shows(self) -> None:
        """Filled in with an order; the output has the fields of the sample."""
        memory = MemoryEmail({"books@example.com": 550})
        ports = canned(email=memory, senders=SENDERS).of(TenantId("acme"))
        outcome = await EmailHandler().execute(a_task(TaskType.EMAIL, input=asked()), ports)

        assert outcome.failure is None, outcome.failure
        ((sent, _),) = memory.sent
        assert b"Subject: Your order of 2 things\r\n" in sent.message
        assert "Dear Bo,\r\n\r\n2 × nuts\r\n1 × bolts\r\n".encode() in _decoded(sent.message)
        shown = json.loads(BLOCKS["output"])
        assert isinstance(outcome.output, dict)
        assert shown.keys() == outcome.output.keys()
        assert isinstance(outcome.output["refused"], list)
        assert isinstance(outcome.output["refused"][0], dict)
        assert shown["refused"][0].keys() == outcome.output["refused"][0].keys()


def _decoded(message: bytes) -> bytes:
    return message.replace(b"=C3=97", "×".encode())


class TestItsTables:
    def test_have_every_field(self) -> None:
        """Another one is refused, and warned of before."""
        told = {name for row in rows(section(PAGE, "## What it says"))[:9] for name in code(row[0])}

        assert told == FIELDS == set(EMAIL_INPUT)

    def test_tell_the_limits_that_are_kept(self) -> None:
        """Nobody should first hear of one when it is reached."""
        told = [row[1] for row in rows(section(PAGE, "## What it says"))[9:]]

        assert [
            str(MAX_RECIPIENTS),
            f"{MAX_MESSAGE_BYTES // 1024**2} MiB",
            str(MAX_ATTACHMENTS),
            str(MAX_SUBJECT),
            str(templates.MAX_TEMPLATE),
            str(templates.MAX_RENDERED),
            str(templates.MAX_WORK),
        ] == told
        words = " ".join(PAGE.split())
        assert f"{DEFAULT_TIMEOUT.seconds} if not set, {MAX_TIMEOUT.seconds} at most" in words
        assert f"at most {MAX_CONNECTIONS} mails at the same moment" in words

    def test_have_every_kind_of_failure(self) -> None:
        """A definition may ask for them by name."""
        told = {code(row[0])[0] for row in rows(section(PAGE, "## What comes of it"))}
        source = (ROOT / "executor" / "handlers" / "email.py").read_text("utf-8")

        assert set(re.findall(r'"(email\.[a-z]+)"', source)) == told

    def test_have_every_filter(self) -> None:
        """Another one is refused."""
        told = set(
            code(section(PAGE, "## Templates").split("these filters:")[1].split(". What")[0])
        )

        assert set(templates._FILTERS) == told


class TestItsSettings:
    def test_are_ones(self) -> None:
        """As a shell would set them."""
        lines = [shlex.split(line)[1] for line in BLOCKS["settings"].splitlines()]
        given = {
            name.removeprefix("FOLIOT_").lower(): value
            for name, _, value in (line.partition("=") for line in lines)
        }
        senders = json.loads(given.pop("mail_senders"))
        settings = Settings.model_validate({**given, "mail_senders": senders})
        rules = senders_of(settings)

        assert settings.mail_url.startswith("smtps://")
        assert rules.allows(TenantId("acme"), "any@mail.acme.example")
        assert not rules.allows(TenantId("globex"), "orders@acme.example")
