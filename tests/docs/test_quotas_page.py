"""docs/quotas.md: its numbers are those that are kept, and its commands run."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from foliot.v1 import admin_service_pb2 as pb
from foliot.v1 import quota_pb2

from control_plane.access.roles import PERMISSIONS
from control_plane.adapters.memory.database import MemoryDatabase
from control_plane.adapters.postgres.queues import MAX_HEADS
from control_plane.api import guesses
from control_plane.api.rate_limits import MAX_BUCKETS
from control_plane.loops import tallies
from control_plane.ports.quotas import QuotaKind
from control_plane.server import SERVICES, rules
from control_plane.settings import ControlPlaneSettings
from control_plane.use_cases.get_queue_stats import MAX_COUNTED
from control_plane.use_cases.pause_queue import MAX_PAUSED
from control_plane.use_cases.quotas import DEFAULTS
from tests.api.serving import Serving, client_of, info_in, serving_from
from tests.docs.pages import blocks, code, page, rows, section
from tests.docs.shell import folder, run

PAGE = page("docs/quotas.md")
BLOCKS = {f"{block.language} {block.word}": block.text for block in blocks(PAGE)}


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    """A control plane that lets a tenant call ten times a second, as the page's sample says."""
    async with serving_from(
        MemoryDatabase(), monotonic=lambda: 0.0, quota_calls_per_second=10
    ) as started:
        yield started


async def typed(serving: Serving, script: str, where: Path) -> str:
    """What an operator's shell prints, in a thread, as the server is in this one."""
    return await asyncio.to_thread(
        run,
        script,
        folder(where, []),
        within_s=90,
        FOLIOT_CONTROL_PLANE=serving.address,
        FOLIOT_KEY=await serving.key("platform_admin", None),
    )


class TestItsTable:
    def test_has_every_quota_with_its_default_and_its_setting(self) -> None:
        """Where an operator looks up what holds."""
        told = [
            (code(name)[0], int(default.replace(",", "")), code(setting)[0])
            for name, default, setting, _ in rows(section(PAGE, "## Quotas"))
        ]

        assert [
            (kind.value, DEFAULTS[kind], f"FOLIOT_QUOTA_{kind.name}") for kind in QuotaKind
        ] == told
        own = ControlPlaneSettings()
        assert DEFAULTS == {kind: getattr(own, f"quota_{kind.value}") for kind in QuotaKind}


class TestItsCommands:
    @pytest.mark.parametrize("block", ["sh quota", "sh queue"])
    async def test_run(self, serving: Serving, block: str, tmp_path: Path) -> None:
        """As they stand, with a key of the platform."""
        await serving.key()

        printed = await typed(serving, BLOCKS[block], tmp_path)

        assert ("open_instances" in printed) == (block == "sh quota")


class TestItsRefusal:
    async def test_is_what_a_caller_sees(self, serving: Serving) -> None:
        """Metadata and all, but for the ids of the call."""
        shown = json.loads(BLOCKS["json refused"])
        async with client_of(serving, await serving.key()) as caller:
            for _ in range(10):
                await caller.admin.WhoAmI(pb.WhoAmIRequest())
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await caller.admin.WhoAmI(pb.WhoAmIRequest())

        info = info_in(refused.value)
        assert (shown["reason"], shown["domain"]) == (info.reason, info.domain)
        assert shown["metadata"].items() <= dict(info.metadata).items()


class TestItsNumbers:
    def test_are_those_that_are_kept(self) -> None:
        """Nobody should first hear of a bound when it is reached."""
        words = " ".join(PAGE.split())

        assert (0.25, 0.05, 16, 60, 600) == (
            tallies.COUNT_EVERY_S,
            tallies.COUNTING_SHARE,
            tallies.REPLICAS,
            tallies.OLD_AFTER_S,
            tallies.OLD_IF_FAR_AFTER_S,
        )
        assert ((20, 0.2), (1_000, 20), (5_000, 200)) == (
            guesses.PER_KEY,
            guesses.PER_PEER,
            guesses.IN_ALL,
        )
        assert 3_600 == guesses.GOOD_FOR_S
        assert f"remembers {MAX_BUCKETS:,} buckets" in words
        assert f"of a queue and type {MAX_COUNTED:,} are counted" in words
        assert f"of each of {MAX_HEADS:,} tenants" in words
        assert f"Up to {MAX_PAUSED} queues" in words

    def test_of_weights_are_those_of_the_protos(self) -> None:
        """The kinds of calls that the page tells, by one of each."""
        weights = {path.rpartition("/")[2]: rule.weight for path, rule in rules(SERVICES).items()}

        assert [1, 2, 5, 20, 50, 50, 50] == [
            weights[name]
            for name in (
                "GetInstance",
                "StartInstance",
                "ListInstances",
                "CountTasks",
                "IngestEvents",
                "SimulateDefinition",
                "RenderDefinition",
            )
        ]

    def test_have_a_word_for_every_kind_on_the_wire(self) -> None:
        """A kind that the page leaves out is not found."""
        declared = quota_pb2.DESCRIPTOR.enum_types_by_name["QuotaKind"].values
        names = [value.name.removeprefix("QUOTA_KIND_").lower() for value in declared]

        assert [kind.value for kind in QuotaKind] == names[1:]


class TestWhoMay:
    def test_is_as_it_says(self) -> None:
        """The page names the one role that may."""
        for permission in ("quota.write", "queue.operate", "doctor.run"):
            assert {"platform_admin"} == {
                role for role, granted in PERMISSIONS.items() if permission in granted
            }
