"""
The campaign that calls every method without a network: it sees what callers see, and it finds
nothing.
"""

from random import Random

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from tests.campaigns.api.calling import Answer, call, is_field
from tests.campaigns.api.inputs import MAX_RESIDENT_MIB, tried
from tests.campaigns.api.inside import Inside
from tests.campaigns.api.memory_world import MemoryWorld
from tests.campaigns.api.messages import Maker
from tests.campaigns.api.world import METHODS, caller_of

INPUTS = 4
"""Of each method through both: what is alike in all methods is alike in the rest."""

MANY = 25
SEED = 2


@pytest.fixture
async def world() -> MemoryWorld:
    """Definitions, instances and tasks of a tenant, at rest."""
    return await MemoryWorld.made()


def sent_to(world: MemoryWorld, method: MethodDescriptor) -> list[bytes]:
    inputs = Maker(Random(f"{SEED} {method.full_name}"), world.known).inputs(method.input_type, 1)
    return [next(inputs) for _ in range(INPUTS)]


def told_by(answer: Answer) -> tuple[grpc.StatusCode, str, str]:
    return answer.code, answer.reason, answer.complaint


class TestACallWithoutANetwork:
    async def test_is_answered_as_over_the_wire(self, world: MemoryWorld) -> None:
        """The same bytes, to the same world: else the campaign would be about something else."""
        over_the_wire, inside = [], []
        async with world.served() as serving, grpc.aio.insecure_channel(serving.address) as channel:
            for method in METHODS:
                key = world.keys[caller_of(method)]
                for sent in sent_to(world, method):
                    answer = await call(channel, method, [sent], key)
                    over_the_wire.append((method.full_name, sent, told_by(answer)))
        async with world.served() as serving:
            within = Inside.of(serving.control_plane.server)
            for method in METHODS:
                key = world.keys[caller_of(method)]
                for sent in sent_to(world, method):
                    answer = await within.call(method, [sent], key)
                    inside.append((method.full_name, sent, told_by(answer)))

        assert over_the_wire == inside

    async def test_finds_nothing_wrong_within_bounds(self, world: MemoryWorld) -> None:
        """No bug, no call that is dear, no growth; `make fuzz` does the same for longer."""
        tally = await tried(world, METHODS, seed=SEED, count=MANY)

        assert [] == tally.told
        assert len(METHODS) * MANY == tally.inputs
        assert 0 < tally.most_mib < MAX_RESIDENT_MIB


class TestAFieldThatIsBlamed:
    @pytest.mark.parametrize(
        ("path", "is_there"),
        [
            ("mocks['n]w'].attempts", True),
            ('mocks["it\'s"].attempts', True),
            ("instance_id", False),
            ("mocks['n]w'].nothing", False),
        ],
    )
    def test_is_one_of_the_request(self, path: str, is_there: bool) -> None:
        """A key may hold what ends a key elsewhere."""
        (simulate,) = (one for one in METHODS if one.name == "SimulateDefinition")

        assert is_there == is_field(simulate, path)


class TestWhatTheCampaignFinds:
    async def test_is_a_bug_that_was_planted(
        self, world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A campaign that finds nothing could be one that cannot."""

        def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("control_plane.api.definition_servicer.definition_to", broken)
        (method,) = (one for one in METHODS if one.name == "GetDefinition")

        tally = await tried(world, [method], seed=SEED, count=MANY)

        assert 0 < tally.wrong
        assert tally.told[0].startswith(f"{method.full_name}: INTERNAL")
