"""Whatever breaks, and wherever: its words go to the log, and to no caller."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Final

import asyncpg
import grpc
import pytest
import structlog
from foliot.v1.instance_service_pb2 import WaitInstanceRequest
from google.protobuf.descriptor import MethodDescriptor

from control_plane.access import principal
from control_plane.adapters.memory.credentials import MemoryCredentials
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.bootstrap import Adapters
from control_plane.orchestrator import Orchestrator
from control_plane.ports.instance_store import WriteRefused
from shared.errors import FoliotError
from tests.api.serving import PEPPER, Client, serving_from, with_key
from tests.campaigns.api.calling import Answer, call
from tests.campaigns.api.messages import Maker
from tests.campaigns.api.world import METHODS, TENANT, caller_of, inhabited, keys

SECRET: Final = "s3cr3t-of-the-inside"
NOT_BROKEN: Final = {"clock", "monotonic", "doorbell", "archive"}
LAYERS: Final = tuple(
    field.name for field in dataclasses.fields(Adapters) if field.name not in NOT_BROKEN
)
INPUTS: Final = 3
"""Plausible requests of each method."""

AT_ONCE: Final = 16
"""Calls under way: many wait for what does not come, and need not do so one after another."""

WAIT_MS: Final = 50
"""How long those are asked to wait that would do it for seconds."""

MORE_INPUTS: Final = 300
"""Where none of those reached what is broken: so many until one does."""

NEED_NOTHING: Final = {
    "foliot.v1.AdminService.GetServerInfo",
    "foliot.v1.AdminService.WhoAmI",
    "foliot.v1.DefinitionService.ValidateDefinition",
    "foliot.v1.ScheduleService.PreviewSchedule",
    "foliot.v1.TenantService.ListRoles",
}
"""Methods that can be answered without asking anything of what is behind the API."""

ERRORS: Final[tuple[Callable[[], Exception], ...]] = (
    lambda: RuntimeError(f"boom {SECRET}"),
    lambda: KeyError(SECRET),
    lambda: OSError(5, f"connection to db-7.internal lost {SECRET}"),
    lambda: TimeoutError(SECRET),
    lambda: asyncpg.UniqueViolationError(f'INSERT INTO "foliot".{SECRET}'),
    lambda: asyncpg.ConnectionDoesNotExistError(f"password of {SECRET}"),
    lambda: WriteRefused(SECRET),
    lambda: FoliotError(f"what nobody gave a reason {SECRET}"),
    lambda: UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET),
)


class Breakage:
    """What is broken now, and how; and how often somebody has met it."""

    def __init__(self) -> None:
        self.layers: frozenset[str] = frozenset()
        self.error: Callable[[], Exception] = ERRORS[0]
        self.met = 0

    def check(self, layer: str) -> None:
        if layer in self.layers:
            self.met += 1
            raise self.error()


class Breakable:
    """An adapter that raises whatever it is asked, while it is broken."""

    def __init__(self, adapter: Any, layer: str, breakage: Breakage) -> None:
        self._adapter, self._layer, self._breakage = adapter, layer, breakage

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._adapter, name)
        if not callable(found):
            return found

        def asked(*given: Any, **named: Any) -> Any:
            self._breakage.check(self._layer)
            return found(*given, **named)

        return asked


@dataclasses.dataclass(frozen=True, slots=True)
class Patient:
    """A control plane whose insides can be broken, and who calls it with what."""

    channel: grpc.aio.Channel
    keys: dict[str, str]
    chance: Random
    maker: Maker
    breakage: Breakage

    async def ask(self, method: MethodDescriptor) -> Answer:
        """Call it with a plausible request: a whole one, or one that leaves much to defaults."""
        return await self.call(method, self.request(method))

    async def ask_all(self) -> Sequence[Answer]:
        """INPUTS such requests of each method, several at once."""
        room = asyncio.Semaphore(AT_ONCE)

        async def asked(method: MethodDescriptor, request: bytes) -> Answer:
            async with room:
                return await self.call(method, request)

        return await asyncio.gather(
            *(asked(method, self.request(method)) for method in METHODS for _ in range(INPUTS))
        )

    def request(self, method: MethodDescriptor) -> bytes:
        left_out = self.chance.choice((0.0, 0.1, 0.5))
        made = self.maker.message(method.input_type, 0.0, left_out=left_out)
        if isinstance(made, WaitInstanceRequest):
            made.timeout.FromMilliseconds(WAIT_MS)
        return made.SerializeToString()

    async def call(self, method: MethodDescriptor, request: bytes) -> Answer:
        return await call(self.channel, method, [request], self.keys[caller_of(method)])


@pytest.fixture
async def patient() -> AsyncIterator[Patient]:
    """Healthy so far."""
    database, breakage = MemoryDatabase(), Breakage()

    def breakable(adapters: Adapters) -> Adapters:
        broken: dict[str, Any] = {
            name: Breakable(getattr(adapters, name), name, breakage) for name in LAYERS
        }
        return dataclasses.replace(adapters, **broken)

    texts, stored = keys(PEPPER)
    for key in stored:
        await MemoryCredentials(database).add(key, "Canaries")
    async with serving_from(database, changed=breakable) as serving:
        administrator = with_key(texts["tenant_admin"])
        async with grpc.aio.insecure_channel(
            serving.address, interceptors=administrator
        ) as channel:
            known = await inhabited(Client(channel, texts["tenant_admin"]))
            known = {**known, "tenant_id": [TENANT]}
        async with grpc.aio.insecure_channel(serving.address) as channel:
            chance = Random(7)
            yield Patient(channel, dict(texts), chance, Maker(chance, known), breakage)
            breakage.layers = frozenset()


async def told_and_met(patient: Patient) -> tuple[list[Answer], set[str]]:
    """
    Every answer that says more than it should, and the methods that met the breakage: each is
    called until it did, with MORE_INPUTS requests at most.
    """
    leaks: list[Answer] = []
    met: set[str] = set()
    for method in METHODS:
        for number in range(MORE_INPUTS):
            if number >= INPUTS and method.full_name in met:
                break
            before = patient.breakage.met
            answer = await patient.ask(method)
            if patient.breakage.met > before:
                met.add(method.full_name)
            if tells_too_much(answer):
                leaks.append(answer)
    return leaks, met


def tells_too_much(answer: Answer) -> bool:
    """Whether it has words of the inside, or no name to look for in the log."""
    is_bare = answer.code is not grpc.StatusCode.OK and not answer.correlation_id
    return SECRET.encode() in answer.said or is_bare


@pytest.fixture(autouse=True)
def logged() -> Iterator[Sequence[Mapping[str, Any]]]:
    """What is logged, as it is given: to render thousands of tracebacks takes minutes."""
    with structlog.testing.capture_logs() as entries:
        yield entries


class TestWhatBreaksBehindTheApi:
    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error()).__name__)
    async def test_tells_no_caller_of_any_method_its_words(
        self, patient: Patient, error: Callable[[], Exception]
    ) -> None:
        """All adapters at once, each method: an error is the outside's, its text the inside's."""
        await patient.channel.channel_ready()
        patient.breakage.error = error
        patient.breakage.layers = frozenset(LAYERS) - {"credentials"}

        leaks, met = await told_and_met(patient)

        assert [] == leaks
        unmet = {one.full_name for one in METHODS} - met
        assert set() == unmet - NEED_NOTHING

    @pytest.mark.parametrize("layer", LAYERS)
    async def test_tells_it_of_no_layer_alone(self, patient: Patient, layer: str) -> None:
        """What goes on above a broken layer may carry its words further."""
        patient.breakage.layers = frozenset({layer})

        answers = await patient.ask_all()

        assert [] == [one for one in answers if tells_too_much(one)]


class TestABugInTheServer:
    @pytest.mark.parametrize("place", ["principal", "orchestrator"])
    async def test_is_internal_and_found_in_the_log_by_its_name(
        self,
        patient: Patient,
        place: str,
        monkeypatch: pytest.MonkeyPatch,
        logged: Sequence[Mapping[str, Any]],
    ) -> None:
        """The caller has the correlation id; whoever operates the server has the text under it."""

        def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError(SECRET)

        if place == "principal":
            monkeypatch.setattr(principal, "current", broken)
        else:
            monkeypatch.setattr(Orchestrator, "submit", broken)
            monkeypatch.setattr(Orchestrator, "submit_all", broken)

        answers = await patient.ask_all()

        bugs = [one for one in answers if one.code is grpc.StatusCode.INTERNAL]
        found = {one["correlation_id"] for one in logged if SECRET in str(one.get("exc_info", ""))}
        assert len(bugs) > 20
        assert [] == [one for one in answers if SECRET.encode() in one.said]
        assert {"INTERNAL"} == {one.reason for one in bugs}
        assert set() == {one.correlation_id for one in bugs} - found
