"""Versions without gaps, a spec that never changes, at most one active version of a key."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest

from control_plane.ports.definition_store import RepeatableCreation, RequestIdTaken
from control_plane.ports.instance_store import (
    REQUEST_SCOPE,
    DefinitionName,
    DefinitionRef,
    IdempotencyKey,
    NewAnswer,
    Wanted,
)
from control_plane.ports.records import Definition, DefinitionStatus
from shared.errors import PreconditionFailed
from shared.ids import DefinitionId, TenantId, new_uuid7
from shared.json import digest
from tests.contract.material import instance, stored
from tests.contract.material import start as started
from tests.contract.worlds import ACME, OTHER, World

SPEC = '{ "states": {"z": {}, "a": {}},  "initial": "z" }'


async def created(
    world: World,
    key: str = "order",
    tenant_id: TenantId = ACME,
    repeatable: RepeatableCreation | None = None,
) -> Definition:
    return await world.definitions.create(
        tenant_id,
        key=key,
        spec=SPEC,
        spec_hash=digest(SPEC),
        description="Orders",
        created_by="ada",
        repeatable=repeatable,
    )


async def moved(world: World, definition: Definition, status: DefinitionStatus) -> Definition:
    changed = await world.definitions.set_status(
        definition.tenant_id, definition.definition_id, status
    )
    assert changed is not None
    return changed


class TestACreatedDefinition:
    async def test_is_the_next_version_of_its_key_and_inactive(self, world: World) -> None:
        """Numbers are for people: 1, 2, 3, per key and tenant."""
        first, second = await created(world), await created(world)
        other_key = await created(world, key="invoice")
        theirs = await created(world, tenant_id=OTHER)

        assert [1, 2, 1, 1] == [found.version for found in (first, second, other_key, theirs)]
        assert ("inactive", None) == (second.status, second.activated_at)

    async def test_is_read_back_with_its_spec_as_it_was_sent(self, world: World) -> None:
        """The order of its states is the document order, so no byte may move."""
        before = await world.now()
        definition = await created(world)

        assert definition == await world.definitions.get(ACME, definition.definition_id)
        assert (SPEC, digest(SPEC), "Orders", "ada") == (
            definition.spec,
            definition.spec_hash,
            definition.description,
            definition.created_by,
        )
        assert before <= definition.created_at <= await world.now()

    async def test_gets_a_version_of_its_own_among_many_at_once(self, world: World) -> None:
        """Two pipelines deploy at the same moment; neither fails."""
        definitions = await asyncio.gather(*(created(world) for _ in range(8)))

        assert list(range(1, 9)) == sorted(definition.version for definition in definitions)


class TestARepeatedCreation:
    async def test_gets_the_first_definition_as_it_is_now(self, world: World) -> None:
        """A caller that did not hear the answer may ask again, whatever happened since."""
        repeatable = RepeatableCreation("r1", digest("asked"))
        first = await created(world, repeatable=repeatable)
        active = await moved(world, first, "active")

        assert active == await created(world, repeatable=repeatable)
        assert 2 == (await created(world)).version

    async def test_at_the_same_moment_makes_one_definition(self, world: World) -> None:
        """A caller's retry overtakes its first attempt."""
        repeatable = RepeatableCreation("r1", digest("asked"))

        definitions = await asyncio.gather(
            *(created(world, repeatable=repeatable) for _ in range(6))
        )

        assert 1 == len({definition.definition_id for definition in definitions})
        assert {"idempotency": 1} == await world.row_counts()

    async def test_of_another_tenant_is_its_own(self, world: World) -> None:
        """Tenants share no names."""
        repeatable = RepeatableCreation("r1", digest("asked"))
        mine = await created(world, repeatable=repeatable)
        theirs = await created(world, tenant_id=OTHER, repeatable=repeatable)

        assert mine.definition_id != theirs.definition_id

    async def test_that_asks_for_something_else_is_refused(self, world: World) -> None:
        """And nothing is kept of it."""
        await created(world, repeatable=RepeatableCreation("r1", digest("asked")))

        with pytest.raises(RequestIdTaken, match="'r1'"):
            await created(
                world, key="invoice", repeatable=RepeatableCreation("r1", digest("otherwise"))
            )
        assert await world.definitions.find(ACME, "invoice", 1) is None

    async def test_under_the_request_id_of_a_start_is_refused(self, world: World) -> None:
        """Request ids are one family, and the orchestrator reads what is remembered here."""
        fresh = instance(await world.now())
        answer = NewAnswer(
            scope=REQUEST_SCOPE, key="r1", fingerprint=digest("start"), answer='{"created":true}'
        )
        await stored(world, started(fresh, answers=[answer]))
        await created(world, repeatable=RepeatableCreation("r2", digest("asked")))

        with pytest.raises(RequestIdTaken):
            await created(world, repeatable=RepeatableCreation("r1", digest("asked")))
        name = IdempotencyKey(ACME, REQUEST_SCOPE, "r2")
        read = await world.store.read(Wanted(idempotency=[name]))
        assert digest("asked") == read.answers[name].fingerprint


class TestAnUnknownDefinition:
    async def test_is_none_whoever_asks_for_whatever_reason(self, world: World) -> None:
        """A foreign id answers exactly like an unknown one."""
        theirs = await created(world, tenant_id=OTHER)
        unknown = DefinitionId(new_uuid7())

        assert [None] * 6 == [
            await world.definitions.get(ACME, unknown),
            await world.definitions.get(ACME, theirs.definition_id),
            await world.definitions.find(ACME, "order", None),
            await world.definitions.find(ACME, "order", 1),
            await world.definitions.set_status(ACME, unknown, "active"),
            await world.definitions.set_status(ACME, theirs.definition_id, "active"),
        ]


class TestFinding:
    async def test_gives_the_active_version_unless_told_which(self, world: World) -> None:
        """A start without a version means the one in force."""
        first, second = await created(world), await created(world)
        active = await moved(world, first, "active")

        assert active == await world.definitions.find(ACME, "order", None)
        assert second == await world.definitions.find(ACME, "order", 2)

    async def test_by_the_orchestrator_agrees(self, world: World) -> None:
        """Its read of a start's definition sees the same row, by id or by key."""
        first, second = await created(world), await created(world)
        await moved(world, first, "active")
        by_key = DefinitionName(ACME, None, "order")
        by_id = DefinitionName(ACME, second.definition_id, "")
        foreign = DefinitionName(OTHER, first.definition_id, "")

        read = await world.store.read(Wanted(definitions=[by_key, by_id, foreign]))

        expected = {
            by_key: _reference(first, "active"),
            by_id: _reference(second, "inactive"),
        }
        assert expected == read.definitions


class TestActivating:
    async def test_deactivates_the_keys_other_version(self, world: World) -> None:
        """In one commit, so that there is always one answer."""
        first, second = await created(world), await created(world)
        elsewhere = await moved(world, await created(world, key="invoice"), "active")
        await moved(world, first, "active")

        await moved(world, second, "active")

        found = await world.definitions.list(ACME, key=None, status=None, after=None, limit=9)
        assert [
            (elsewhere.key, 1, "active"),
            ("order", 2, "active"),
            ("order", 1, "inactive"),
        ] == [(one.key, one.version, one.status) for one in found]

    async def test_says_when_and_a_repeat_does_not_move_it(self, world: World) -> None:
        """Repeating is harmless, to the record too."""
        definition = await created(world)
        once = await moved(world, definition, "active")
        await world.move_clock(timedelta(hours=1))

        twice = await moved(world, definition, "active")

        assert once.activated_at is not None
        assert once == twice

    async def test_of_two_versions_at_once_leaves_one_active(self, world: World) -> None:
        """Whoever is last wins; nobody gets an error, and there are never two."""
        definitions = [await created(world) for _ in range(4)]

        await asyncio.gather(*(moved(world, definition, "active") for definition in definitions))

        active = await world.definitions.list(
            ACME, key="order", status="active", after=None, limit=9
        )
        assert 1 == len(active)


class TestAnArchivedDefinition:
    async def test_stays_archived(self, world: World) -> None:
        """For good: what refers to it can rely on that."""
        definition = await moved(world, await created(world), "archived")

        with pytest.raises(PreconditionFailed) as refusal:
            await moved(world, definition, "active")

        assert "DEFINITION_ARCHIVED" == refusal.value.reason
        assert definition == await world.definitions.get(ACME, definition.definition_id)
        assert definition == await moved(world, definition, "archived")

    async def test_that_cannot_be_activated_leaves_the_active_one_active(
        self, world: World
    ) -> None:
        """A refused activation deactivates nothing."""
        archived = await moved(world, await created(world), "archived")
        active = await moved(world, await created(world), "active")

        with pytest.raises(PreconditionFailed):
            await moved(world, archived, "active")

        assert active == await world.definitions.find(ACME, "order", None)


class TestAListing:
    async def test_goes_by_key_then_newest_version_page_by_page(self, world: World) -> None:
        """Every definition once, in one order, whatever the size of a page."""
        for key in ("b", "a", "b", "c", "b", "a"):
            await created(world, key=key)
        await created(world, key="b", tenant_id=OTHER)

        pages = [page async for page in _pages(world, size=2)]

        expected = [("a", 2), ("a", 1), ("b", 3), ("b", 2), ("b", 1), ("c", 1)]
        assert expected == [(one.key, one.version) for page in pages for one in page]
        assert [2, 2, 2] == [len(page) for page in pages]

    async def test_has_what_is_wanted_only(self, world: World) -> None:
        """Filters add up."""
        await moved(world, await created(world, key="a"), "active")
        await created(world, key="a")
        await moved(world, await created(world, key="b"), "active")

        by_status = await world.definitions.list(
            ACME, key=None, status="active", after=None, limit=9
        )
        by_both = await world.definitions.list(ACME, key="a", status="active", after=None, limit=9)

        assert [("a", 1), ("b", 1)] == [(one.key, one.version) for one in by_status]
        assert [("a", 1)] == [(one.key, one.version) for one in by_both]

    async def test_of_a_key_goes_on_after_a_version(self, world: World) -> None:
        """The versions of one key are paged too."""
        for _ in range(3):
            await created(world)

        rest = await world.definitions.list(
            ACME, key="order", status=None, after=("order", 3), limit=9
        )

        assert [2, 1] == [definition.version for definition in rest]


async def _pages(world: World, size: int) -> AsyncIterator[Sequence[Definition]]:
    """All definitions of the tenant, a page at a time."""
    after = None
    while page := await world.definitions.list(
        ACME, key=None, status=None, after=after, limit=size
    ):
        yield page
        after = (page[-1].key, page[-1].version)


def _reference(definition: Definition, status: DefinitionStatus) -> DefinitionRef:
    return DefinitionRef(
        definition_id=definition.definition_id,
        key=definition.key,
        version=definition.version,
        status=status,
        spec_hash=definition.spec_hash,
    )
