"""Mail over SMTP: encrypted or not at all, and what comes of a server that does not say yes."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from executor.adapters.file_email import FileEmail
from executor.adapters.memory_email import MemoryEmail
from executor.adapters.memory_objects import MemoryObjects
from executor.adapters.smtp_email import MAX_CONNECTIONS, SmtpEmail
from executor.bootstrap.mail import email_of, open_email, senders_of
from executor.bootstrap.objects import open_objects
from executor.plugins import Opening, Plugins
from executor.ports.email import Email, EmailRefused, EmailUnreachable, Receipt
from shared.errors import InvalidRequest
from shared.ids import TenantId
from shared.settings import Settings
from tests.executor.eventually import eventually
from tests.executor.listening_socket import silent_port
from tests.executor.mail_server import MailServer, mail_server
from tests.security.authority import LOCAL, Authority, Files

SOON = timedelta(seconds=20)
USER = (b"foliot", b"correct horse")
EMAIL = Email(
    message_id="<1@example.com>",
    sender="orders@example.com",
    recipients=("bo@example.com",),
    message=b"Subject: hello\r\n\r\nhello\r\n",
)
ABROAD = replace(EMAIL, recipients=("bø@example.com",), is_international=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs for these tests."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def files(authority: Authority) -> Files:
    """The certificate of a mail server on this machine."""
    return authority.sign("mail", *LOCAL)


def context_of(files: Files) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.cert, files.key)
    return context


@asynccontextmanager
async def plain(
    *, size_limit: int = 1_000_000, knows_international: bool = True
) -> AsyncIterator[tuple[SmtpEmail, MailServer]]:
    """A server without encryption, and who sends by it."""
    async with mail_server(
        size_limit=size_limit, knows_international=knows_international
    ) as server:
        yield SmtpEmail(f"smtp+plaintext://127.0.0.1:{server.port}"), server


class TestAServer:
    @pytest.mark.parametrize("scheme", ["smtps", "smtp"])
    async def test_is_told_everything_encrypted_and_who_we_are(
        self, authority: Authority, files: Files, scheme: str
    ) -> None:
        """From the first byte on, or after STARTTLS; the password never before."""
        starttls = scheme == "smtp"
        async with mail_server(context=context_of(files), starttls=starttls, user=USER) as server:
            sending = SmtpEmail(
                f"{scheme}://foliot@localhost:{server.port}",
                password=lambda: "correct horse",
                ca_file=str(authority.file),
            )
            receipt = await sending.send(EMAIL, SOON)

            assert ("bo@example.com",) == receipt.accepted
            assert [True] == server.was_encrypted
            assert "2.0.0 taken as 42" == receipt.response
            before = server.commands[: server.commands.index(b"STARTTLS")] if starttls else []
            assert b"AUTH" not in before
            assert b"AUTH" in server.commands

    async def test_is_asked_by_the_password_of_the_moment(
        self, authority: Authority, files: Files, tmp_path: Path
    ) -> None:
        """One that was renewed is used at the next mail; a wrong one is no reason to give up."""
        secret = tmp_path / "password"
        secret.write_text("old\n")
        async with mail_server(context=context_of(files), user=USER) as server:
            sending = email_of(
                Settings(
                    mail_url=f"smtps://foliot@localhost:{server.port}",
                    mail_password_file=str(secret),
                    mail_ca_file=str(authority.file),
                )
            )
            assert sending is not None
            with pytest.raises(EmailUnreachable) as failed:
                await sending.send(EMAIL, SOON)
            assert "FOLIOT_MAIL_PASSWORD" in failed.value.message
            assert [] == server.taken
            secret.write_text("correct horse\n")
            await sending.send(EMAIL, SOON)

            assert 1 == len(server.taken)

    @pytest.mark.parametrize("scheme", ["smtps", "smtp"])
    async def test_that_nobody_vouches_for_is_told_nothing(self, files: Files, scheme: str) -> None:
        """Whoever sits in between has a certificate too."""
        async with mail_server(context=context_of(files), starttls=scheme == "smtp") as server:
            sending = SmtpEmail(f"{scheme}://localhost:{server.port}")
            with pytest.raises(EmailUnreachable) as failed:
                await sending.send(EMAIL, SOON)

            assert "FOLIOT_MAIL_CA_FILE" in failed.value.message
            assert (b"MAIL" in server.commands, server.taken) == (False, [])

    async def test_by_another_name_is_told_nothing(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        """A good certificate of somebody else's."""
        other = authority.sign("other", LOCAL[1])
        async with mail_server(context=context_of(other)) as server:
            sending = SmtpEmail(f"smtps://localhost:{server.port}", ca_file=str(authority.file))
            with pytest.raises(EmailUnreachable):
                await sending.send(EMAIL, SOON)

            assert [] == server.taken

    async def test_that_offers_no_encryption_is_told_nothing(self) -> None:
        """Whoever takes the offer out of the conversation gets no mail for it."""
        async with mail_server() as server:
            with pytest.raises(EmailUnreachable) as failed:
                await SmtpEmail(f"smtp://localhost:{server.port}").send(EMAIL, SOON)

            assert "offers no encryption" in failed.value.message
            assert (b"MAIL" in server.commands, server.taken) == (False, [])


class TestAMessageThatIsNotTaken:
    @pytest.mark.parametrize(
        ("said", "error"),
        [("550 5.7.1 spam", EmailRefused), ("451 4.3.0 busy", EmailUnreachable)],
    )
    @pytest.mark.parametrize("when", ["at_sender", "after_data"])
    async def test_is_tried_again_if_the_server_says_so(
        self, when: str, said: str, error: type[Exception]
    ) -> None:
        """Codes from 500 on are for good. The server's words do not become ours."""
        async with plain() as (sending, server):
            setattr(server, when, said)
            with pytest.raises(error) as failed:
                await sending.send(EMAIL, SOON)

            assert said[:3] in str(failed.value)
            assert said[4:] not in str(failed.value)

    @pytest.mark.parametrize("how", ["is_silent", "hangs_up"])
    async def test_for_all_we_know_is_tried_again(self, how: str) -> None:
        """The server has it, and did not come to say so: a second one may arrive."""
        async with plain() as (sending, server):
            setattr(server, how, True)
            within = timedelta(seconds=0.5) if how == "is_silent" else SOON
            with pytest.raises(EmailUnreachable):
                await sending.send(EMAIL, within)

            assert 1 == len(server.taken)

    async def test_is_tried_again_where_nobody_listens(self) -> None:
        """Or nobody says a word."""
        with silent_port() as port:
            sending = SmtpEmail(f"smtp+plaintext://127.0.0.1:{port}")
            with pytest.raises(EmailUnreachable) as silent:
                await sending.send(EMAIL, timedelta(seconds=0.2))
        with pytest.raises(EmailUnreachable) as gone:
            await sending.send(EMAIL, SOON)

        assert "within 0.2 s" in silent.value.message
        assert "FOLIOT_MAIL_URL" in gone.value.message

    async def test_is_not_begun_if_the_server_has_no_room_for_it(self) -> None:
        """It says so before."""
        async with plain(size_limit=10) as (sending, server):
            with pytest.raises(EmailRefused) as failed:
                await sending.send(EMAIL, SOON)

            assert "the mail server takes 10" in failed.value.message
            assert b"MAIL" not in server.commands


class TestAnInternationalAddress:
    async def test_goes_as_it_is_to_a_server_that_knows_such(self) -> None:
        """Its letters are UTF-8 on the wire, announced as such."""
        async with plain(knows_international=True) as (sending, server):
            await sending.send(ABROAD, SOON)

            assert ["bø@example.com"] == server.taken[0].rcpt_tos
            assert {"SMTPUTF8", "BODY=8BITMIME"} <= set(server.taken[0].mail_options)

    async def test_is_refused_where_the_server_knows_none(self) -> None:
        """Nothing is guessed in its place."""
        async with plain(knows_international=False) as (sending, server):
            with pytest.raises(EmailRefused):
                await sending.send(ABROAD, SOON)

            assert [] == server.taken


class TestManyMessages:
    async def test_go_a_few_at_a_time(self) -> None:
        """A server that is called by a hundred at once says no to most."""
        async with plain() as (sending, server):
            server.is_silent = True
            sends = [
                asyncio.ensure_future(sending.send(EMAIL, SOON)) for _ in range(MAX_CONNECTIONS + 3)
            ]
            await eventually(lambda: len(server.taken) == MAX_CONNECTIONS)
            for _ in range(3):
                await asyncio.sleep(0)
            connections = server.connections
            for one in sends:
                one.cancel()
            await asyncio.gather(*sends, return_exceptions=True)

            assert MAX_CONNECTIONS == connections


class TestASendThatIsCancelled:
    async def test_leaves_no_connection_behind(self) -> None:
        """And ends at once, however long the server takes."""
        async with plain() as (sending, server):
            server.is_silent = True
            send = asyncio.ensure_future(sending.send(EMAIL, SOON))
            await eventually(lambda: server.taken)
            send.cancel()
            with pytest.raises(asyncio.CancelledError):
                await send
            server.is_silent = False
            receipt: Receipt = await sending.send(EMAIL, SOON)

            assert ("bo@example.com",) == receipt.accepted


class TestTheSettings:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"mail_url": "mail.example.com"}, "begins with smtps://"),
            ({"mail_url": "https://example.com"}, "begins with smtps://"),
            ({"mail_url": "smtps://"}, "is not as smtps://"),
            ({"mail_url": "smtps://host:port"}, "is not as smtps://"),
            ({"mail_url": "smtps://host/path"}, "is not as smtps://"),
            ({"mail_url": "smtps://u:secret@host"}, "FOLIOT_MAIL_PASSWORD"),
            ({"mail_url": "smtps://u@host"}, "FOLIOT_MAIL_PASSWORD"),
            ({"mail_url": "smtps://host", "mail_password": "x"}, "FOLIOT_MAIL_PASSWORD"),
            ({"mail_url": "smtp+plaintext://10.0.0.1"}, "FOLIOT_ALLOW_PLAINTEXT"),
            ({"mail_url": "smtps://host", "mail_ca_file": "/dev/null"}, "FOLIOT_MAIL_CA_FILE"),
            (
                {"mail_url": "smtps://u@host", "mail_password_file": "/nowhere"},
                "FOLIOT_MAIL_PASSWORD_FILE",
            ),
            (
                {"mail_url": "smtps://u@host", "mail_password_file": "/x", "mail_password": "x"},
                "set one of them",
            ),
        ],
    )
    def test_that_cannot_work_are_an_error_at_the_start(
        self, given: dict[str, str], told: str
    ) -> None:
        """With what to write instead, and without the password."""
        with pytest.raises(InvalidRequest) as refused:
            email_of(Settings.model_validate(given))
        assert told in refused.value.message
        assert "secret" not in refused.value.message

    def test_say_what_sends(self, tmp_path: Path) -> None:
        """Not set is nobody."""
        assert email_of(Settings()) is None
        assert isinstance(email_of(Settings(mail_url=tmp_path.as_uri())), FileEmail)
        beyond = Settings(mail_url="smtp+plaintext://10.0.0.1", allow_plaintext=True)
        assert isinstance(email_of(beyond), SmtpEmail)

    @pytest.mark.parametrize(
        ("tenant", "address", "may"),
        [
            ("acme", "no-reply@example.com", True),
            ("acme", "orders@acme.example", True),
            ("acme", "Orders@acme.example", False),
            ("acme", "any@MAIL.acme.example", True),
            ("acme", "any@evil.mail.acme.example", False),
            ("acme", "any@xn--bcher-kva.example", True),
            ("acme", "news@all.example", True),
            ("globex", "orders@acme.example", False),
            ("globex", "news@all.example", True),
            ("globex", "no-reply@example.com", True),
        ],
    )
    def test_say_from_whom_a_tenant_sends(self, tenant: str, address: str, may: bool) -> None:
        """A tenant that sends as another would be believed."""
        rules = senders_of(
            Settings(
                mail_from="no-reply@example.com",
                mail_senders={
                    "acme": ["orders@acme.example", "@mail.acme.example", "@bücher.example"],
                    "*": ["@all.example"],
                },
            )
        )

        assert may == rules.allows(TenantId(tenant), address)

    @pytest.mark.parametrize(
        "given",
        [
            {"mail_from": "nobody"},
            {"mail_senders": {"acme": ["@"]}},
            {"mail_senders": {"acme": ["acme.example"]}},
        ],
    )
    def test_that_name_no_address_are_an_error_at_the_start(self, given: dict[str, str]) -> None:
        """Else nobody would be allowed, and nobody would know why."""
        with pytest.raises(InvalidRequest):
            senders_of(Settings.model_validate(given))


class TestAPackageThatBringsAnAdapter:
    async def test_takes_the_place_of_the_settings(self) -> None:
        """What it opens is what sends and what keeps; both at once is nobody's wish."""
        plugins = Plugins(
            adapters={"email": _opening(MemoryEmail), "objects": _opening(MemoryObjects)}
        )
        async with AsyncExitStack() as exits:
            found = (
                await open_email(Settings(), plugins, exits),
                await open_objects(Settings(), plugins, exits),
            )
            with pytest.raises(InvalidRequest) as mail:
                await open_email(Settings(mail_url="smtps://mail.example.com"), plugins, exits)
            with pytest.raises(InvalidRequest) as objects:
                await open_objects(Settings(objects_url="s3://bucket"), plugins, exits)

        assert [MemoryEmail, MemoryObjects] == [type(one) for one in found]
        assert "FOLIOT_MAIL_URL" in mail.value.message
        assert "FOLIOT_OBJECTS_URL" in objects.value.message


def _opening(adapter: type[object]) -> Opening:
    @asynccontextmanager
    async def opening() -> AsyncIterator[object]:
        yield adapter()

    return opening
