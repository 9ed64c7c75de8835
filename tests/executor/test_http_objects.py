"""HTTP tasks with objects: what is too large for a row, there and back."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from executor.adapters.allowed_addresses import THIS_MACHINE, AllowedAddresses
from executor.adapters.httpx_http import HttpxHttp
from executor.adapters.memory_objects import MemoryObjects
from executor.handlers.http import HttpHandler
from executor.ports import Ports
from executor.ports.http import MAX_RESPONSE_BYTES, Http, HttpResponse
from executor.ports.object_storage import ObjectRef, Objects
from shared.ids import TenantId
from shared.json import Json
from shared.tasks import Outcome, TaskType
from tests.executor.ports import CannedWeb, canned
from tests.executor.work import a_task

ACME = TenantId("acme")
URL = "https://example.com/report"
LARGE = bytes(range(256)) * 2_000
PASSWORD = "correct horse battery"


async def carried_out(ports: Ports, **said: Json) -> Outcome:
    """How a request ends."""
    task = a_task(TaskType.HTTP, input={"url": URL, **said})
    return await HttpHandler().execute(task, ports)


def ports_of(
    objects: MemoryObjects | None, answer: HttpResponse | None = None
) -> tuple[Ports, CannedWeb]:
    web = CannedWeb(answer or HttpResponse(status=200, headers={}, body=b""))
    secrets = {"acme": {"password": PASSWORD}}
    return canned(web=web, objects=objects, secrets=secrets).of(ACME), web


def body_in(outcome: Outcome) -> ObjectRef:
    """The object that an output has in the place of a body."""
    assert outcome.failure is None, outcome.failure
    assert isinstance(outcome.output, dict)
    return ObjectRef.read(outcome.output["body"])


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """A server on this machine with one large page."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: {len(LARGE)}\r\n\r\n"
        writer.write(head.encode() + LARGE)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()


class TestAnAnswerThatIsStored:
    async def test_may_be_larger_than_a_row(self, site: str) -> None:
        """Over a real connection: byte by byte, with its type, and by its hash."""
        objects = MemoryObjects()
        web = HttpxHttp(AllowedAddresses(THIS_MACHINE), max_connections=1)
        adapters = canned(objects=objects)
        ports = Ports(
            clock=adapters.clock,
            http=Http(web, ACME),
            secrets=adapters.of(ACME).secrets,
            callbacks=adapters.of(ACME).callbacks,
            objects=Objects(objects, ACME),
        )
        try:
            stored = await carried_out(ports, url=site, store=True)
            refused = await carried_out(ports, url=site)
        finally:
            await web.close()

        ref = body_in(stored)
        assert len(LARGE) > MAX_RESPONSE_BYTES
        assert ("image/png", LARGE) == (ref.content_type, await Objects(objects, ACME).get(ref))
        assert refused.failure is not None
        assert "http.too_large" == refused.failure.kind

    @pytest.mark.parametrize(
        ("said", "kept"),
        [
            ("application/json", "application/json"),
            ("", "application/octet-stream"),
            ("no type\r\nat all", "application/octet-stream"),
        ],
    )
    async def test_is_an_object_of_whatever_size_and_kind(self, said: str, kept: str) -> None:
        """A definition knows before what it gets."""
        answer = HttpResponse(status=200, headers={"content-type": said}, body=b'{"a":1}')
        ports, _ = ports_of(MemoryObjects(), answer)

        assert (kept, 7) == (
            (ref := body_in(await carried_out(ports, store=True))).content_type,
            ref.size,
        )

    async def test_holds_no_secret_that_the_server_was_told(self) -> None:
        """Many tell what they were asked; what no output may hold no object may."""
        objects = MemoryObjects()
        answer = HttpResponse(status=200, headers={}, body=f"you said {PASSWORD}".encode())
        ports, _ = ports_of(objects, answer)
        await carried_out(ports, store=True, headers={"x-key": {"$secret": "password"}})

        ((content, _, _),) = objects.kept.values()
        assert content.startswith(b"you said ")
        assert PASSWORD.encode() not in content

    async def test_of_a_refusal_is_not(self) -> None:
        """What went wrong stands in the failure."""
        objects = MemoryObjects()
        ports, _ = ports_of(objects, HttpResponse(status=500, headers={}, body=b"sorry"))
        outcome = await carried_out(ports, store=True)

        assert outcome.failure is not None
        assert ("http.status", {}) == (outcome.failure.kind, objects.kept)

    async def test_needs_a_storage_before_anything_is_sent(self) -> None:
        """Else the request would have had its effect, and nothing to show for it."""
        ports, web = ports_of(None)
        outcome = await carried_out(ports, store=True)

        assert outcome.failure is not None
        assert ("http.input", []) == (outcome.failure.kind, web.sent)
        assert "FOLIOT_OBJECTS_URL" in outcome.failure.message


class TestABody:
    async def test_may_be_an_object(self) -> None:
        """With its type, unless the input says another one."""
        objects = MemoryObjects()
        ref = await Objects(objects, ACME).put(LARGE, "image/png")
        ports, web = ports_of(objects)
        await carried_out(ports, method="PUT", body=ref.as_json())
        await carried_out(
            ports, method="PUT", body=ref.as_json(), headers={"Content-Type": "image/x-mine"}
        )

        assert [(LARGE, "image/png"), (LARGE, "image/x-mine")] == [
            (one.body, one.headers["content-type"]) for one in web.sent
        ]

    async def test_is_not_sent_if_it_was_changed_or_is_anothers(self) -> None:
        """Nor if there is nowhere to get it from."""
        objects = MemoryObjects()
        theirs = await Objects(objects, TenantId("globex")).put(b"theirs", "text/plain")
        changed = await Objects(objects, ACME).put(b"ours", "text/plain")
        objects.kept[ACME, changed.sha256] = (b"mine", *objects.kept[ACME, changed.sha256][1:])
        ports, web = ports_of(objects)
        without, _ = ports_of(None)
        outcomes = [
            await carried_out(ports, method="PUT", body=theirs.as_json()),
            await carried_out(ports, method="PUT", body=changed.as_json()),
            await carried_out(without, method="PUT", body=changed.as_json()),
            await carried_out(ports, method="PUT", body={"$object": "x"}),
        ]

        assert ["http.object", "http.object", "http.input", "http.input"] == [
            one.failure.kind for one in outcomes if one.failure is not None
        ]
        assert [] == web.sent
