"""Policies and switches: the same promises by every store."""

import pytest

from control_plane.ports.ai_policies import EVERYTHING, PLATFORM_POLICY
from control_plane.ports.audit import AuditFilter, Noted
from shared.errors import LimitExceeded
from tests.contract.worlds import ACME, OTHER, World

NOTED = Noted(principal="ada", credential_id="k", method="foliot.v1.AiService/CreateAiPolicy")


async def created(world: World, text: str = "{}", name: str = "triage") -> int:
    made = await world.ai_policies.create(
        ACME, name, text, f"hash of {text}", by="ada", max_versions=5, noted=NOTED
    )
    return made.version


class TestAPolicy:
    async def test_gets_the_next_version_of_its_name(self, world: World) -> None:
        """Names count apart; a document that the newest version has is that version."""
        assert [1, 2, 2, 1] == [
            await created(world),
            await created(world, '{"mode":"act"}'),
            await created(world, '{"mode":"act"}'),
            await created(world, name="other"),
        ]

    async def test_has_a_bound_on_how_many_versions_there_are(self, world: World) -> None:
        """A tenant that makes one every minute fills no database."""
        for number in range(5):
            await created(world, str(number))

        with pytest.raises(LimitExceeded):
            await created(world, "6")

    async def test_is_active_in_one_version_at_most(self, world: World) -> None:
        """The other goes, in the same commit."""
        await created(world)
        await created(world, "2")
        policies = world.ai_policies

        assert await policies.get(ACME, "triage", None) is None
        for version in (1, 2, 2):
            active = await policies.activate(ACME, "triage", version)
            assert active is not None
            assert active == await policies.get(ACME, "triage", None)
        first = await policies.get(ACME, "triage", 1)
        assert first is not None
        assert not first.is_active

        was = await policies.deactivate(ACME, "triage")
        assert was is not None
        assert (2, False) == (was.version, was.is_active)
        assert await policies.deactivate(ACME, "triage") is None

    async def test_is_its_tenants_own(self, world: World) -> None:
        """Another tenant neither sees nor activates it."""
        await created(world)

        assert await world.ai_policies.get(OTHER, "triage", 1) is None
        assert await world.ai_policies.activate(OTHER, "triage", 1) is None
        assert [] == list(await world.ai_policies.list(OTHER, "", after=None, limit=9))

    async def test_is_listed_by_name_the_newest_version_first(self, world: World) -> None:
        """Page after page."""
        await created(world, name="b")
        await created(world, "2", name="b")
        await created(world, name="a")

        first = await world.ai_policies.list(ACME, "", after=None, limit=2)
        rest = await world.ai_policies.list(ACME, "", after=("b", 2), limit=2)

        assert [("a", 1), ("b", 2)] == [(one.name, one.version) for one in first]
        assert [("b", 1)] == [(one.name, one.version) for one in rest]
        assert 1 == len(await world.ai_policies.list(ACME, "a", after=None, limit=9))

    async def test_is_told_of_in_the_audit_log(self, world: World) -> None:
        """Once for each thing that was changed."""
        await created(world)
        await created(world)
        await world.ai_policies.activate(ACME, "triage", 1, noted=NOTED)
        await world.ai_policies.activate(ACME, "triage", 1, noted=NOTED)

        entries = await world.audit.list(ACME, AuditFilter(), after=None, limit=9)

        assert ["triage@1", "triage@1"] == [one.target.id for one in entries]


class TestThePolicyOfThePlatform:
    async def test_has_versions_of_its_own(self, world: World) -> None:
        """One is active at most; no tenant's is among them, and it is among no tenant's."""
        policies = world.ai_policies
        await created(world, name=PLATFORM_POLICY)
        for text in ("{}", "{}", '{"mode":"act"}'):
            await policies.create(
                None, PLATFORM_POLICY, text, text, by="root", max_versions=2, noted=NOTED
            )

        with pytest.raises(LimitExceeded):
            await policies.create(None, PLATFORM_POLICY, "3", "3", by="root", max_versions=2)
        assert await policies.get(None, PLATFORM_POLICY, None) is None
        assert await policies.activate(None, PLATFORM_POLICY, 3) is None
        for version in (1, 2, 2):
            active = await policies.activate(None, PLATFORM_POLICY, version, noted=NOTED)
            assert active is not None
            assert active == await policies.get(None, PLATFORM_POLICY, None)
        listed = await policies.list(None, "", after=None, limit=9)
        assert [(2, True), (1, False)] == [(one.version, one.is_active) for one in listed]
        after = (PLATFORM_POLICY, 2)
        assert [1] == [one.version for one in await policies.list(None, "", after=after, limit=9)]
        was = await policies.deactivate(None, PLATFORM_POLICY, noted=NOTED)
        assert was is not None
        assert (2, False, PLATFORM_POLICY) == (was.version, was.is_active, was.name)
        assert await policies.deactivate(None, PLATFORM_POLICY) is None
        own = await policies.get(ACME, PLATFORM_POLICY, 1)
        assert own is not None
        assert not own.is_active

    async def test_is_in_the_audit_log_of_the_platform(self, world: World) -> None:
        """Who put what into force, with the hashes of before and after; a repeat is no change."""
        await world.ai_policies.create(
            None, PLATFORM_POLICY, "{}", "h", by="root", max_versions=2, noted=NOTED
        )
        for _ in range(2):
            await world.ai_policies.activate(None, PLATFORM_POLICY, 1, noted=NOTED)

        entries = await world.audit.list(None, AuditFilter(), after=None, limit=9)

        assert ["platform@1", "platform@1"] == [one.target.id for one in entries]


class TestASwitch:
    async def test_is_off_for_a_tenant_or_for_a_policy_of_it(self, world: World) -> None:
        """Whoever switched first is remembered."""
        policies = world.ai_policies
        await policies.switch_off(ACME, "triage", reason="odd answers", by="ada")
        await policies.switch_off(ACME, EVERYTHING, reason="all of them", by="bob")
        await policies.switch_off(ACME, EVERYTHING, reason="again", by="eve")

        off = await policies.switches(ACME)

        assert [("", "bob"), ("triage", "ada")] == [(s.policy_name, s.switched_by) for s in off]
        assert [] == list(await policies.switches(OTHER))
        assert await policies.switch_on(ACME, "triage")
        assert not await policies.switch_on(ACME, "triage")
        assert 1 == len(await policies.switches(ACME))

    async def test_of_the_platform_is_off_for_all(self, world: World) -> None:
        """And is told of in the platform's part of the audit log."""
        policies = world.ai_policies
        await policies.switch_off(None, EVERYTHING, reason="stop", by="root", noted=NOTED)

        for tenant_id in (ACME, OTHER, None):
            assert ["stop"] == [one.reason for one in await policies.switches(tenant_id)]
        assert await policies.switch_on(None, EVERYTHING, noted=NOTED)
        assert [] == list(await policies.switches(ACME))
        assert 2 == len(await world.audit.list(None, AuditFilter(), after=None, limit=9))
