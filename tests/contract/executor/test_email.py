"""What every way of sending mail promises, kept by the ones in memory, in files and over SMTP."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from executor.adapters.file_email import FileEmail
from executor.adapters.memory_email import MemoryEmail
from executor.adapters.smtp_email import SmtpEmail
from executor.ports.email import (
    MAX_MESSAGE_BYTES,
    MAX_RECIPIENTS,
    Email,
    EmailPort,
    EmailRefused,
    EmailUnreachable,
)
from tests.executor.mail_server import mail_server

SOON = timedelta(seconds=20)
BO, ANN, SIV = "bo@example.com", "ann@example.com", "siv@example.com"
MESSAGE = b"Subject: hello\r\n\r\n.\r\n..two dots\r\nFrom here on\r\n"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A way to send, and what has arrived by it: the bytes of each message."""

    port: EmailPort
    arrived: Callable[[], Sequence[bytes]]


def an_email(*recipients: str, all_or_none: bool = False, message: bytes = MESSAGE) -> Email:
    """A message on its way."""
    return Email(
        message_id="<1@example.com>",
        sender="orders@example.com",
        recipients=recipients or (BO,),
        message=message,
        all_or_none=all_or_none,
    )


@asynccontextmanager
async def in_memory(folder: Path, refuses: dict[str, int]) -> AsyncIterator[Subject]:
    """Kept, and read by nobody."""
    memory = MemoryEmail(refuses)
    yield Subject(port=memory, arrived=lambda: [email.message for email, _ in memory.sent])


@asynccontextmanager
async def in_files(folder: Path, refuses: dict[str, int]) -> AsyncIterator[Subject]:
    """A file each."""
    yield Subject(
        port=FileEmail(str(folder)),
        arrived=lambda: [path.read_bytes() for path in sorted(folder.iterdir())],
    )


@asynccontextmanager
async def over_smtp(folder: Path, refuses: dict[str, int]) -> AsyncIterator[Subject]:
    """Over a socket."""
    async with mail_server() as server:
        server.refuses = {address: f"{code} no" for address, code in refuses.items()}
        yield Subject(
            port=SmtpEmail(f"smtp+plaintext://127.0.0.1:{server.port}"),
            arrived=lambda: server.contents,
        )


Opening = Callable[[Path, dict[str, int]], AbstractAsyncContextManager[Subject]]


@pytest.fixture(params=[in_memory, over_smtp])
def opening(request: pytest.FixtureRequest) -> Opening:
    """Those that somebody can be refused by."""
    found: Opening = request.param
    return found


class TestAMessage:
    @pytest.mark.parametrize("opened", [in_memory, in_files, over_smtp])
    async def test_arrives_byte_by_byte(self, opened: Opening, tmp_path: Path) -> None:
        """Lines that begin with a dot are what SMTP itself ends a message by."""
        async with opened(tmp_path, {}) as subject:
            receipt = await subject.port.send(an_email(BO, ANN), SOON)

            assert ((BO, ANN), ()) == (receipt.accepted, receipt.refused)
            assert [MESSAGE] == subject.arrived()

    async def test_goes_to_those_who_are_not_refused(
        self, opening: Opening, tmp_path: Path
    ) -> None:
        """One wrong address is no reason to tell nobody; who it was is told."""
        async with opening(tmp_path, {ANN: 550, SIV: 450}) as subject:
            receipt = await subject.port.send(an_email(BO, ANN, SIV), SOON)

            told = [(one.address, one.code) for one in receipt.refused]
            assert ((BO,), [(ANN, 550), (SIV, 450)]) == (receipt.accepted, told)
            assert 1 == len(subject.arrived())

    @pytest.mark.parametrize(
        ("refuses", "error"),
        [
            ({BO: 550, ANN: 553}, EmailRefused),
            ({BO: 550, ANN: 450}, EmailUnreachable),
            ({BO: 450, ANN: 421}, EmailUnreachable),
        ],
    )
    async def test_that_goes_to_nobody_is_an_error(
        self, opening: Opening, tmp_path: Path, refuses: dict[str, int], error: type[Exception]
    ) -> None:
        """For good if nobody will ever get it."""
        async with opening(tmp_path, refuses) as subject:
            with pytest.raises(error):
                await subject.port.send(an_email(BO, ANN), SOON)

            assert [] == subject.arrived()

    @pytest.mark.parametrize(("code", "error"), [(550, EmailRefused), (450, EmailUnreachable)])
    async def test_for_all_or_none_goes_to_none_if_one_is_refused(
        self, opening: Opening, tmp_path: Path, code: int, error: type[Exception]
    ) -> None:
        """A repeat then tells nobody twice."""
        async with opening(tmp_path, {ANN: code}) as subject:
            with pytest.raises(error) as failed:
                await subject.port.send(an_email(BO, ANN, all_or_none=True), SOON)

            assert isinstance(failed.value, EmailRefused | EmailUnreachable)
            assert [(ANN, code)] == [(one.address, one.code) for one in failed.value.refused]
            assert [] == subject.arrived()


class TestWhatIsSaidToAServer:
    @pytest.mark.parametrize(
        "address",
        [
            "bo@example.com>\r\nRCPT TO:<eve@example.com",
            "bo@example.com\nDATA",
            "bo@example.com\r",
            "bo@example.com SIZE=1",
            "<bo@example.com>",
            "bo@example.com,eve@example.com",
            "@relay:bo@example.com",
            '"bo eve"@example.com',
            "bo(eve)@example.com",
            "bo@[127.0.0.1]",
            "bo@example.com\0",
            "bo@example.com\x85",
            "bo@example.com\u2028",
            "bo",
            "@example.com",
            "bo@",
            "",
            f"{'b' * 250}@example.com",
        ],
    )
    @pytest.mark.parametrize("place", ["sender", "recipient"])
    def test_is_one_address_and_nothing_more(self, address: str, place: str) -> None:
        """Whoever made the message: what could become a command never gets as far as an adapter."""
        with pytest.raises(EmailRefused):
            Email(
                message_id="<1@example.com>",
                sender=address if place == "sender" else "orders@example.com",
                recipients=(BO, address if place == "recipient" else ANN),
                message=MESSAGE,
            )

    @pytest.mark.parametrize("count", [0, MAX_RECIPIENTS + 1])
    def test_has_somebody_to_go_to_and_not_a_crowd(self, count: int) -> None:
        """A mail to thousands is not what a task is for."""
        with pytest.raises(EmailRefused):
            Email(
                message_id="<1@example.com>",
                sender="orders@example.com",
                recipients=tuple(f"b{n}@example.com" for n in range(count)),
                message=MESSAGE,
            )

    def test_is_no_more_than_a_server_takes(self) -> None:
        """Most take 10 MB to 25 MB."""
        with pytest.raises(EmailRefused):
            an_email(message=bytes(MAX_MESSAGE_BYTES + 1))
