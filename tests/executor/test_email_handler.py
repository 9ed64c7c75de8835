"""EMAIL tasks: what arrives at a real server, byte by byte, whatever a task was given."""

import base64
import unicodedata
from collections.abc import AsyncIterator, Mapping
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from executor.adapters.memory_email import MemoryEmail
from executor.adapters.memory_objects import MemoryObjects
from executor.adapters.smtp_email import SmtpEmail
from executor.handlers.composing import MAX_SUBJECT, letter_of
from executor.handlers.email import EmailHandler
from executor.ports.email import EmailPort, SenderRules
from executor.ports.object_storage import ObjectRef, Objects
from shared.errors import FoliotError, LimitExceeded
from shared.ids import TenantId
from shared.json import Json
from shared.tasks import Failure, Outcome, TaskType
from tests.executor.mail_server import MailServer, mail_server
from tests.executor.ports import canned
from tests.executor.work import NOON, a_task

ACME = TenantId("acme")
RULES = SenderRules(default="no-reply@example.com", by_tenant=(("acme", ("orders@acme.example",)),))
LETTER: dict[str, Json] = {"to": "bo@example.com", "subject": "hello", "text": "hello"}


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    """Takes every mail."""
    async with mail_server() as started:
        yield started


def smtp(server: MailServer) -> SmtpEmail:
    return SmtpEmail(f"smtp+plaintext://127.0.0.1:{server.port}")


async def sent(
    port: EmailPort | None,
    given: Json,
    *,
    objects: MemoryObjects | None = None,
    tenant_id: str = "acme",
    attempt: int = 1,
) -> Outcome:
    """How one attempt at a mail ends."""
    ports = canned(objects=objects, email=port, senders=RULES).of(TenantId(tenant_id))
    task = a_task(TaskType.EMAIL, input=given, tenant_id=tenant_id, attempt=attempt)
    return await EmailHandler().execute(task, ports)


async def letter(server: MailServer, **said: Json) -> EmailMessage:
    """The mail that arrives if a task says this beside the usual."""
    outcome = await sent(smtp(server), {**LETTER, **said})
    assert outcome.failure is None, outcome.failure
    return server.messages[-1]


async def refusal(given: Json, **ports: Any) -> Failure:
    """How a mail fails that nobody gets."""
    memory = MemoryEmail()
    outcome = await sent(memory, given, **ports)
    assert ([], "failed") == (memory.sent, outcome.state)
    assert outcome.failure is not None
    return outcome.failure


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


class TestAMail:
    async def test_says_who_when_and_by_what_id(self, server: MailServer) -> None:
        """All of it, so that no server has to add anything."""
        arrived = await letter(
            server,
            to=[{"address": "bo@example.com", "name": "Bo, the builder"}, "siv@example.com"],
            cc="ann@example.com",
            reply_to="help@example.com",
        )

        key = a_task().idempotency_key
        assert {
            "Message-ID": f"<{key}@example.com>",
            "Date": "Thu, 01 Jan 2026 12:00:00 +0000",
            "From": "no-reply@example.com",
            "To": '"Bo, the builder" <bo@example.com>, siv@example.com',
            "Cc": "ann@example.com",
            "Reply-To": "help@example.com",
            "Subject": "hello",
            "Auto-Submitted": "auto-generated",
        }.items() <= dict(arrived.items()).items()
        assert NOON.year == 2026
        assert "hello\n" == text_of(arrived)

    async def test_of_the_next_attempt_has_the_same_id(self, server: MailServer) -> None:
        """Who gets two can tell that they are one."""
        for attempt in (1, 2):
            await sent(smtp(server), LETTER, attempt=attempt)

        first, second = server.messages
        assert first["Message-ID"] == second["Message-ID"]

    async def test_goes_to_each_once_and_names_nobody_who_is_blind(
        self, server: MailServer
    ) -> None:
        """A blind copy that is told of is none."""
        outcome = await sent(
            smtp(server),
            {**LETTER, "cc": ["bo@example.com"], "bcc": ["boss@example.com", "bo@example.com"]},
        )

        assert ["bo@example.com", "boss@example.com"] == server.taken[0].rcpt_tos
        assert b"boss" not in server.contents[0]
        assert isinstance(outcome.output, dict)
        assert ["bo@example.com", "boss@example.com"] == outcome.output["accepted"]

    async def test_has_both_texts_of_which_a_program_shows_one(self, server: MailServer) -> None:
        """Plain first, as the least that can be shown."""
        arrived = await letter(server, html="<p>hello</p>")

        assert "multipart/alternative" == arrived.get_content_type()
        assert ("hello\n", "<p>hello</p>\n") == (text_of(arrived), text_of(arrived, "html"))

    @pytest.mark.parametrize(
        "text",
        [
            "Grüße, Siv ☃",
            "Привет, мир. " * 50,
            "x" * 5_000,
            ".\n..\n.\r\nQUIT\r\n.\r\n",
            "From here\n--==\n\n=20",
            "bare\rreturn and\x0bmore\0",
            "\ufeffmark \u2028 line",
        ],
    )
    async def test_says_what_it_was_given(self, server: MailServer, text: str) -> None:
        """Every line in 7 bits and short, whatever the text; the end of the mail is the end."""
        arrived = await letter(server, text=text)

        content = server.contents[0]
        lines = content.split(b"\r\n")
        assert content.isascii()
        assert b"\r" not in content.replace(b"\r\n", b"")
        assert b"\n" not in content.replace(b"\r\n", b"")
        assert max(map(len, lines)) <= 998
        assert text.split() == text_of(arrived).split()
        assert [b"EHLO", b"MAIL", b"RCPT", b"DATA", b"QUIT"] == server.commands

    async def test_to_somebody_abroad_is_addressed_in_ascii_where_that_can_be(
        self, server: MailServer
    ) -> None:
        """A domain has a form that every server knows; a name has not."""
        await letter(server, to="bo@bücher.example")
        await letter(server, to="bø@bücher.example")

        assert [["bo@xn--bcher-kva.example"], ["bø@xn--bcher-kva.example"]] == [
            one.rcpt_tos for one in server.taken
        ]
        assert "bø@xn--bcher-kva.example" == server.messages[1]["To"]

    async def test_from_elsewhere_is_for_those_who_may(self, server: MailServer) -> None:
        """One tenant's address is not another's."""
        said: dict[str, Json] = {**LETTER, "from": {"address": "orders@acme.example", "name": "A"}}
        arrived = await letter(server, **said)

        assert "A <orders@acme.example>" == arrived["From"]
        assert f"<{a_task().idempotency_key}@acme.example>" == arrived["Message-ID"]
        failure = await refusal(said, tenant_id="globex")
        assert ("email.refused", False) == (failure.kind, failure.retryable)
        assert "FOLIOT_MAIL_SENDERS" in failure.message


class TestWhoIsRefused:
    async def test_is_told(self) -> None:
        """The definition decides what that means."""
        outcome = await sent(
            MemoryEmail({"old@example.com": 550}),
            {**LETTER, "to": ["bo@example.com", "old@example.com"]},
        )

        assert isinstance(outcome.output, dict)
        assert (
            ["bo@example.com"],
            [{"address": "old@example.com", "code": 550, "message": "no"}],
        ) == (outcome.output["accepted"], outcome.output["refused"])

    @pytest.mark.parametrize(
        ("code", "kind", "retryable"),
        [(550, "email.refused", False), (450, "email.unreachable", True)],
    )
    async def test_fails_a_mail_for_all_or_none(
        self, code: int, kind: str, retryable: bool
    ) -> None:
        """With who it was, for whoever repairs it."""
        outcome = await sent(
            MemoryEmail({"old@example.com": code}),
            {**LETTER, "to": ["bo@example.com", "old@example.com"], "all_or_none": True},
        )

        failure = outcome.failure
        assert failure is not None
        assert (kind, retryable) == (failure.kind, failure.retryable)
        assert {
            "refused": [{"address": "old@example.com", "code": code, "message": "no"}]
        } == failure.details


BREAKS = [
    "\r\nBcc: eve@example.com",
    "\nX: y",
    "\r",
    "\0",
    "\x85",
    "\u2028",
    "\u2029",
    "\x0b",
    "\x1b",
]
ENCODED = ["=?utf-8?q?=0D=0ABcc:_eve@example.com?=", "=?utf-8?b?DQpCY2M6IGVAZS5l?="]
TURNED = ["invoice\u202efdp.exe", "a\u2066b"]
HALVES = ["\ud800"]
HOSTILE = [f"hello{end}" for end in BREAKS] + ENCODED + TURNED + HALVES
ADDRESSES = [
    *[f"bo@example.com{end}" for end in [*BREAKS, " ", ",eve@example.com", ";e@e.example"]],
    *[f"bo{end}@example.com" for end in [*BREAKS, " ", "(eve)", "<eve>", '"']],
    '"bo\r\nRCPT TO:<eve@example.com>"@example.com',
    '"bo eve"@example.com',
    "Bo <bo@example.com>",
    "<bo@example.com>",
    "bo(a comment)@example.com",
    "bo@[127.0.0.1]",
    "bo@[IPv6:::1]",
    "@relay.example,@other.example:bo@example.com",
    "bo@eve@example.com",
    "bo＠example.com",
    "bo@ｅxample.com",
    "bo@example。com",
    "bo@exa\u00admple.com",
    "bo@exam\u200bple.com",
    "b\u202eo@example.com",
    "ｂo@example.com",
    "bo\u0301@example.com",
    "=?utf-8?q?bo?=@example.com",
    "bo@-example.com",
    "bo@example..com",
    ".bo@example.com",
    "bo",
    "",
    "@",
    "bo@",
    f"{'b' * 250}@example.com",
    f"bo@{'b' * 64}.example",
]


def _with_text(place: str, text: str) -> dict[str, Json]:
    """A mail that has the text in one place of its head."""
    attached: dict[str, Json] = {"text": "x", "name": "a.txt"}
    filled: dict[str, Json] = {"to": "bo@example.com", "text": "x"}
    places: dict[str, dict[str, Json]] = {
        "subject": {**LETTER, "subject": text},
        "template": {**filled, "template": {"subject": text}},
        "data": {**filled, "template": {"subject": "{{ data }}"}, "data": text},
        "name": {**LETTER, "to": {"address": "bo@example.com", "name": text}},
        "reply_to": {**LETTER, "reply_to": {"address": "bo@example.com", "name": text}},
        "from": {**LETTER, "from": {"address": "orders@acme.example", "name": text}},
        "file": {**LETTER, "attachments": [{**attached, "name": text}]},
        "type": {**LETTER, "attachments": [{**attached, "content_type": f"text/{text}"}]},
    }
    return places[place]


class TestAHostileText:
    @pytest.mark.parametrize(
        "place", ["subject", "template", "data", "name", "reply_to", "from", "file", "type"]
    )
    async def test_in_the_head_of_a_mail_is_refused(self, place: str) -> None:
        """What ends a line, or becomes another text when it is read, writes headers of its own."""
        for text in HOSTILE:
            failure = await refusal(_with_text(place, text))

            assert failure.kind in {"email.input", "email.template"}, repr(text)
            assert not failure.retryable

    @pytest.mark.parametrize("place", ["to", "cc", "bcc", "reply_to", "from"])
    async def test_in_the_place_of_an_address_is_refused(self, place: str) -> None:
        """One address, as it is seen and as it is sent, and nothing beside it."""
        for address in ADDRESSES:
            failure = await refusal({**LETTER, place: address})

            assert failure.kind in {"email.input", "email.refused"}, repr(address)
            assert not failure.retryable

    async def test_that_looks_like_another_domain_is_sent_as_what_it_is(
        self, server: MailServer
    ) -> None:
        """With а of Cyrillic: nobody's reader or filter takes it for the other one."""
        await letter(server, to="bo@exаmple.com")

        assert ["bo@xn--exmple-4nf.com"] == server.taken[0].rcpt_tos
        assert b"To: bo@xn--exmple-4nf.com\r\n" in server.contents[0]

    @settings(
        max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        subject=st.text(max_size=MAX_SUBJECT),
        name=st.text(max_size=100),
        file=st.text(min_size=1, max_size=60),
        text=st.text(max_size=300),
    )
    async def test_of_any_kind_is_refused_or_arrives_as_it_is(
        self, server: MailServer, subject: str, name: str, file: str, text: str
    ) -> None:
        """Whatever it is: no header, no recipient, no part more than was asked for."""
        before = len(server.taken)
        outcome = await sent(
            smtp(server),
            {
                **LETTER,
                "subject": subject,
                "text": text,
                "to": {"address": "bo@example.com", "name": name},
                "attachments": [{"text": text, "name": file}],
            },
        )
        if outcome.failure is not None:
            assert "email.input" == outcome.failure.kind
            assert before == len(server.taken)
            return

        arrived = server.messages[-1]
        assert before + 1 == len(server.taken)
        assert ["bo@example.com"] == server.taken[-1].rcpt_tos
        assert [
            "Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "MIME-Version",
            "Content-Type",
        ] == arrived.keys()  # fmt: skip
        assert ["text/plain", "text/plain"] == [
            part.get_content_type() for part in arrived.iter_parts()
        ]
        assert _seen(subject) == _seen(str(arrived["Subject"]))
        (address,) = arrived["To"].addresses
        assert ("bo@example.com", _seen(name)) == (address.addr_spec, _seen(address.display_name))
        (attached,) = arrived.iter_attachments()
        assert _seen(file) == _seen(attached.get_filename() or "")


def _seen(text: str) -> str:
    """What a person sees of it."""
    return " ".join(unicodedata.normalize("NFC", text).split())


class TestAnAttachment:
    async def test_is_the_object_that_it_refers_to(self, server: MailServer) -> None:
        """With its name, and the type of the object or the one that was said."""
        objects = MemoryObjects()
        content = bytes(range(256)) * 40
        ref = await Objects(objects, ACME).put(content, "application/pdf")
        files: Json = [
            {"object": ref.as_json(), "name": "Rechnung März.pdf"},
            {"object": ref.as_json(), "name": "b.bin", "content_type": "application/x-b"},
            {"text": "BEGIN:VCALENDAR", "name": "c.ics", "content_type": "text/calendar"},
        ]
        outcome = await sent(smtp(server), {**LETTER, "attachments": files}, objects=objects)

        assert outcome.failure is None
        assert [
            ("Rechnung März.pdf", "application/pdf", content),
            ("b.bin", "application/x-b", content),
            ("c.ics", "text/calendar", b"BEGIN:VCALENDAR"),
        ] == [
            (one.get_filename(), one.get_content_type(), one.get_payload(decode=True))
            for one in server.messages[0].iter_attachments()
        ]
        assert base64.encodebytes(content)[:60] in server.contents[0]

    async def test_that_was_changed_is_not_sent(self) -> None:
        """A bill that somebody has rewritten is worse than none."""
        objects = MemoryObjects()
        ref = await Objects(objects, ACME).put(b"10 EUR", "text/plain")
        ((key, (_, kind, at)),) = objects.kept.items()
        objects.kept[key] = (b"99 EUR", kind, at)

        assert ("email.attachment", False) == await _failing(objects, ref)

    async def test_of_another_tenant_is_not_sent(self) -> None:
        """References travel in data, and open nothing."""
        objects = MemoryObjects()
        ref = await Objects(objects, TenantId("globex")).put(b"theirs", "text/plain")

        assert ("email.attachment", False) == await _failing(objects, ref)

    async def test_needs_a_storage(self) -> None:
        """The executor's operator is told which setting."""
        ref = await Objects(MemoryObjects(), ACME).put(b"x", "text/plain")

        assert ("email.input", False) == await _failing(None, ref)

    @pytest.mark.parametrize(
        "file",
        [
            {"name": "a"},
            {"text": "x"},
            {"text": "x", "name": ""},
            {"text": "x", "name": "../a"},
            {"text": "x", "name": "a\\b"},
            {"text": 5, "name": "a"},
            {"text": "x", "name": "a", "content_type": "message/rfc822"},
            {"text": "x", "name": "a", "content_type": "multipart/mixed; boundary=x"},
            {"text": "x", "name": "a", "kind": "b"},
            {"object": "object://acme/1", "name": "a"},
            "a",
        ],
        ids=str,
    )
    async def test_that_is_no_file_is_refused(self, file: Json) -> None:
        """A folder, a mail in the mail, a reference to nothing."""
        assert "email.input" == (await refusal({**LETTER, "attachments": [file]})).kind


async def _failing(objects: MemoryObjects | None, ref: ObjectRef) -> tuple[str, bool]:
    said: Json = {**LETTER, "attachments": [{"object": ref.as_json(), "name": "a"}]}
    failure = await refusal(said, objects=objects)
    return failure.kind, failure.retryable


class TestWhatATaskSays:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"to": None}, "to is missing"),
            ({"to": []}, "to is missing"),
            ({"to": [f"b{n}@example.com" for n in range(101)]}, "recipients: 101"),
            ({"reply_to": ["bo@example.com"] * 101}, "reply_to: 101"),
            ({"subject": None}, "a mail has a subject"),
            ({"text": None}, "a mail has a subject"),
            ({"subject": "x" * 501}, "500 characters"),
            ({"text": 5}, "text is text"),
            ({"subjet": "x"}, "did you mean 'subject'?"),
            ({"template": {"text": "x"}}, "both set"),
            ({"template": {"body": "x"}}, "template has no 'body'"),
            ({"template": "x"}, "template is an object"),
            ({"all_or_none": 1}, "all_or_none is true or false"),
            ({"timeout_s": 0}, "timeout_s"),
            ({"timeout_s": 601}, "timeout_s"),
            ({"attachments": {}}, "attachments is a list"),
            ({"attachments": [{"text": "x", "name": "a"}] * 21}, "attachments: 21"),
            ({"to": {"address": "bo@example.com", "mail": "x"}}, "to is as"),
            ({"to": 5}, "to is an address"),
        ],
        ids=str,
    )
    async def test_is_refused_with_what_to_say_instead(
        self, change: Mapping[str, Json], told: str
    ) -> None:
        """Another attempt would fail alike."""
        failure = await refusal({**LETTER, **change})

        assert ("email.input", False) == (failure.kind, failure.retryable)
        assert told in failure.message

    async def test_is_an_object(self) -> None:
        """Not a list, not nothing."""
        nothing: list[Json] = [None, [], "mail"]

        assert ["email.input"] * 3 == [(await refusal(said)).kind for said in nothing]

    async def test_may_be_templates(self, server: MailServer) -> None:
        """Filled with data; of HTML with every value escaped."""
        given: dict[str, Json] = {
            "to": "bo@example.com",
            "template": {
                "subject": "Order {{ data.id }}",
                "text": "Dear {{ data.name }}",
                "html": "<p>Dear {{ data.name }}</p>",
            },
            "data": {"id": 7, "name": "<b>Bo</b>"},
        }
        outcome = await sent(smtp(server), given)

        assert outcome.failure is None
        (arrived,) = server.messages
        assert ("Order 7", "Dear <b>Bo</b>\n", "<p>Dear &lt;b&gt;Bo&lt;/b&gt;</p>\n") == (
            arrived["Subject"],
            text_of(arrived),
            text_of(arrived, "html"),
        )

    async def test_may_be_a_template_that_does_not_fit(self) -> None:
        """Better no mail than one to `Dear ,`."""
        failure = await refusal({**LETTER, "text": None, "template": {"text": "{{ data.name }}"}})

        assert ("email.template", False) == (failure.kind, failure.retryable)
        assert "there is no 'name'" in failure.message

    def test_has_as_much_attached_as_a_mail_has_room_for(self) -> None:
        """Known before anything is fetched."""
        large = ObjectRef(
            tenant_id=ACME, sha256="a" * 64, size=6 * 1024 * 1024, content_type="text/plain"
        )
        files: list[Json] = [{"object": large.as_json(), "name": "a"}] * 2

        with pytest.raises(LimitExceeded):
            letter_of({**LETTER, "attachments": files})
        with pytest.raises(FoliotError):
            letter_of({**LETTER, "attachments": [*files, {"object": 1, "name": "b"}]})


class TestAnExecutorThatSendsNoMail:
    async def test_leaves_the_task_to_others(self) -> None:
        """One that can may be there; who runs this one is told the setting."""
        outcome = await sent(None, LETTER)

        failure = outcome.failure
        assert failure is not None
        assert ("handler.missing", True) == (failure.kind, failure.retryable)
        assert "FOLIOT_MAIL_URL" in failure.message
