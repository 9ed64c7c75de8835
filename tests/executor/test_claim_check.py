"""Outputs that are too large for a row: kept as objects, and referred to."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from executor.adapters.memory_objects import MemoryObjects
from executor.functions import Functions, TaskContext
from executor.handlers import Handlers
from executor.handlers.fitting import TOO_LARGE
from executor.handlers.system import SystemHandler
from executor.heartbeats import Heartbeats
from executor.ports.control_plane import Report
from executor.ports.object_storage import MAX_OBJECT_BYTES, ObjectRef, Objects, ObjectsUnavailable
from executor.runner import Runner
from shared.ids import TenantId
from shared.json import MAX_PAYLOAD_BYTES, Json
from shared.tasks import Failure
from tests.executor.ports import canned
from tests.executor.work import a_task

ACME = TenantId("acme")
PASSWORD = "correct horse battery staple"
functions = Functions()


@functions.register("spell")
async def spell(count: Json, _: TaskContext) -> Json:
    """So many letters."""
    assert isinstance(count, int)
    return "x" * count


@functions.register("dig")
async def dig(depth: Json, __: TaskContext) -> Json:
    """So many levels."""
    assert isinstance(depth, int)
    found: Json = []
    for _ in range(depth):
        found = [found]
    return found


@functions.register("tell")
async def tell(count: Json, context: TaskContext) -> Json:
    """A secret, and so many letters."""
    assert isinstance(count, int)
    return {"password": await context.secrets.resolve("password"), "rest": "x" * count}


@functions.register("copy")
async def copy(value: Json, context: TaskContext) -> Json:
    """Another object with the same bytes twice."""
    content = await context.objects.get(ObjectRef.read(value))
    return (await context.objects.put(content * 2, "text/plain")).as_json()


@functions.register("copy_in_a_thread")
def copy_in_a_thread(value: Json, context: TaskContext) -> Json:
    """The same from a plain function."""
    content = context.wait(context.objects.get(ObjectRef.read(value)))
    return context.wait(context.objects.put(content * 2, "text/plain")).as_json()


async def called(function: str, value: Json, objects: MemoryObjects | None) -> Report:
    """The report of one attempt."""
    with ThreadPoolExecutor(1) as threads:
        handlers = Handlers([SystemHandler(functions, threads, Heartbeats())])
        adapters = canned(objects=objects, secrets={"acme": {"password": PASSWORD}})
        runner = Runner(handlers, adapters)
        return await runner.run(a_task(function=function, input=value), runner.begin())


class Unreachable(MemoryObjects):
    """A storage that is down."""

    async def put(
        self, tenant_id: TenantId, sha256: str, content: bytes, content_type: str
    ) -> None:
        """Fail."""
        raise ObjectsUnavailable("no storage today")


def failure_of(report: Report) -> Failure:
    assert report.outcome.failure is not None
    return report.outcome.failure


class TestAnOutput:
    async def test_over_the_limit_becomes_a_reference(self) -> None:
        """The instance goes on, and whoever wants the whole can have it."""
        objects = MemoryObjects()

        report = await called("spell", MAX_PAYLOAD_BYTES, objects)

        ref = ObjectRef.read(json.loads(report.output))
        assert ("succeeded", "application/json") == (report.outcome.state, ref.content_type)
        assert "x" * MAX_PAYLOAD_BYTES == json.loads(await Objects(objects, ACME).get(ref))

    async def test_that_fits_stays_where_it_is(self) -> None:
        """A reference is worth nothing where the value itself has room."""
        objects = MemoryObjects()

        report = await called("spell", MAX_PAYLOAD_BYTES - 2, objects)

        assert (MAX_PAYLOAD_BYTES, {}) == (len(report.output), objects.kept)

    async def test_is_kept_without_secrets(self) -> None:
        """What no row may hold, no object may hold either."""
        objects = MemoryObjects()

        report = await called("tell", MAX_PAYLOAD_BYTES, objects)

        ((content, _, _),) = objects.kept.values()
        assert "succeeded" == report.outcome.state
        assert PASSWORD.encode() not in content
        assert {"password", "rest"} == json.loads(content).keys()

    async def test_over_the_limit_fails_where_there_is_no_storage(self) -> None:
        """The size is the definition's business then."""
        failure = failure_of(await called("spell", MAX_PAYLOAD_BYTES, None))

        assert (TOO_LARGE, False) == (failure.kind, failure.retryable)
        assert "FOLIOT_OBJECTS_URL" in failure.message

    async def test_that_is_too_deep_fails_as_before(self) -> None:
        """A storage makes no value fit that nobody could read."""
        objects = MemoryObjects()

        failure = failure_of(await called("dig", 40, objects))

        assert (TOO_LARGE, {}) == (failure.kind, objects.kept)

    async def test_is_tried_again_where_the_storage_is_down(self) -> None:
        """Else the work would be lost with the place for its result."""
        failure = failure_of(await called("spell", MAX_PAYLOAD_BYTES, Unreachable()))

        assert ("output.not_stored", True) == (failure.kind, failure.retryable)

    async def test_has_a_limit_there_too(self) -> None:
        """Nobody fills a disk by one task."""
        objects = MemoryObjects()

        failure = failure_of(await called("spell", MAX_OBJECT_BYTES, objects))

        assert (TOO_LARGE, False, {}) == (failure.kind, failure.retryable, objects.kept)


class TestAFunction:
    @pytest.mark.parametrize("function", ["copy", "copy_in_a_thread"])
    async def test_reads_and_writes_objects_of_its_tenant(self, function: str) -> None:
        """References come in by the input and go out by the output."""
        objects = MemoryObjects()
        ref = await Objects(objects, ACME).put(b"ab", "text/plain")

        report = await called(function, ref.as_json(), objects)

        made = ObjectRef.read(json.loads(report.output))
        assert b"abab" == await Objects(objects, ACME).get(made)

    async def test_does_not_reach_those_of_others(self) -> None:
        """Whatever its input refers to."""
        objects = MemoryObjects()
        theirs = await Objects(objects, TenantId("globex")).put(b"ab", "text/plain")

        failure = failure_of(await called("copy", theirs.as_json(), objects))

        assert "there is no such object of this tenant" in failure.message

    async def test_is_told_where_there_is_no_storage(self) -> None:
        """With the setting that is missing."""
        ref = await Objects(MemoryObjects(), ACME).put(b"ab", "text/plain")

        failure = failure_of(await called("copy", ref.as_json(), None))

        assert ("objects.missing", True) == (failure.kind, failure.retryable)
        assert "FOLIOT_OBJECTS_URL" in failure.message
