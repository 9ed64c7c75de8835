"""`foliot tenant`, `key`, `role`, `audit`, `quota`, `queue`, `server`, `whoami`, on a server."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import Result

from tests.cli.conftest import Foliot


async def platform(foliot: Foliot, *arguments: str) -> Result:
    """A command of whoever keeps the platform."""
    return await foliot.run(*arguments, role="platform_admin")


class TestATenant:
    async def test_is_created_renamed_suspended_and_resumed(self, foliot: Foliot) -> None:
        """Each shows how it stands then; a repeat says that it was there."""
        made = await platform(foliot, "tenant", "create", "initech", "--name", "Initech")
        again = await platform(foliot, "tenant", "create", "initech", "--name", "Initech")
        named = await platform(foliot, "tenant", "rename", "initech", "Initech Ltd.")
        held = await platform(foliot, "tenant", "suspend", "initech", "-r", "unpaid", "-y")
        found = await platform(foliot, "tenant", "list", "--suspended", "-o", "json")
        freed = await platform(foliot, "tenant", "resume", "initech")

        assert "Initech" in made.stdout
        assert (0, True) == (again.exit_code, "it was there before" in again.stderr)
        assert "Initech Ltd." in named.stdout
        assert "unpaid" in held.stdout
        assert ["initech"] == [one["tenantId"] for one in json.loads(found.stdout)]
        assert "suspended" not in freed.stdout

    async def test_is_nothing_for_a_tenants_key(self, foliot: Foliot) -> None:
        """Its administrator is nobody at the platform."""
        refused = await foliot.run("tenant", "list")

        assert 4 == refused.exit_code


class TestRoles:
    async def test_are_shown_with_what_they_grant(self, foliot: Foliot) -> None:
        """To whoever is let in: which one does a service need?"""
        shown = await foliot.run("role", "list", role="viewer")
        told = await foliot.run("role", "list", "-o", "json", role="viewer")

        assert {"auditor", "starter"} < set(shown.stdout.split())
        by_name = {one["role"]: one for one in json.loads(told.stdout)}
        assert "instance.start" in by_name["starter"]["permissions"]


class TestAKey:
    async def test_is_printed_once_and_lets_in(self, foliot: Foliot) -> None:
        """Bare, for a script; the list never has a secret."""
        made = await foliot.run("key", "create", "viewer", "-l", "board", "--expires", "P1D")
        secret = made.stdout.strip()
        asked = await foliot.run("whoami", "--key", secret, "-o", "json")
        listed = await foliot.run("key", "list")

        assert (0, 0) == (made.exit_code, asked.exit_code), made.output + asked.output
        expires = datetime.fromisoformat(json.loads(asked.stdout)["expireTime"])
        assert timedelta(hours=23) < expires - datetime.now(UTC) < timedelta(hours=25)
        assert secret.split("_")[1] in listed.stdout
        assert "board" in listed.stdout
        assert secret not in listed.stdout

    async def test_can_be_a_persons(self, foliot: Foliot) -> None:
        """Human tasks are offered to users, and to roles of the tenant's own."""
        await foliot.run(
            *("key", "create", "human_worker", "-u", "ada", "-g", "underwriter", "-g", "cook")
        )

        listed = await foliot.run("key", "list", "-o", "json")

        assert [("ada", ["underwriter", "cook"])] == [
            (one["user"], one["groups"]) for one in json.loads(listed.stdout) if "user" in one
        ]

    async def test_that_was_made_under_the_same_request_says_so(self, foliot: Foliot) -> None:
        """Its secret was told, and is kept nowhere."""
        create = ("key", "create", "viewer", "--request-id", "r-1")
        key = await foliot.serving.key()

        first = await foliot.run(*create, "--key", key)
        again = await foliot.run(*create, "--key", key)

        assert (True, "") == (bool(first.stdout.strip()), again.stdout)
        assert "revoke it and make another" in " ".join(again.stderr.split())

    async def test_is_revoked(self, foliot: Foliot) -> None:
        """The list says since when."""
        made = await foliot.run("key", "create", "viewer")
        key_id = made.stdout.split("_")[1]

        revoked = await foliot.run("key", "revoke", key_id, "-r", "lost")
        listed = await foliot.run("key", "list", "-o", "json")
        absent = await foliot.run("key", "revoke", "nonesuch")

        assert (0, True) == (revoked.exit_code, "revoked" in revoked.stdout)
        assert [key_id] == [
            one["keyId"] for one in json.loads(listed.stdout) if "revokeTime" in one
        ]
        assert 3 == absent.exit_code

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [(("king",), "role"), (("viewer", "--expires", "soon"), "--expires")],
    )
    async def test_of_what_is_wrong_is_refused(
        self, foliot: Foliot, arguments: tuple[str, ...], says: str
    ) -> None:
        """In a sentence."""
        refused = await foliot.run("key", "create", *arguments)

        assert (1, True) == (refused.exit_code, says in refused.stderr)


class TestTheAuditLog:
    async def test_tells_who_did_what_to_what(self, foliot: Foliot) -> None:
        """And is looked through by each of these."""
        made = await foliot.run("key", "create", "viewer", "-l", "board")
        key_id = made.stdout.split("_")[1]
        method = "foliot.v1.TenantService/CreateApiKey"

        async def listed(*options: str) -> list[str]:
            found = await foliot.run("audit", "list", *options, "-o", "json")
            assert 0 == found.exit_code, found.output
            return [one["targetId"] for one in json.loads(found.stdout)]

        table = await foliot.run("audit", "list")

        assert "CreateApiKey" in table.stdout
        assert [key_id] == await listed("--method", method, "--of", key_id)
        assert [] == await listed("--principal", "nobody")
        assert [key_id] == await listed("--since", "2026-01-01")
        assert [] == await listed("--since", "2999-01-01")


class TestAQuota:
    async def test_is_set_listed_and_removed(self, foliot: Foliot) -> None:
        """By the platform; the tenant sees what holds."""
        before = await foliot.run("quota", "list")
        made = await platform(foliot, "quota", "set", "acme", "definitions", "7", "-o", "json")
        seen = await foliot.run("quota", "list", "-o", "json")
        removed = await platform(foliot, "quota", "remove", "acme", "definitions")
        again = await platform(foliot, "quota", "remove", "acme", "definitions")

        assert "definitions" in before.stdout
        assert [("QUOTA_KIND_DEFINITIONS", "7", True)] == [
            (one["kind"], one["limit"], one["isOwn"]) for one in json.loads(made.stdout)
        ]
        assert json.loads(made.stdout)[0] in json.loads(seen.stdout)
        assert (0, True) == (removed.exit_code, "all" in removed.stdout)
        assert "no limit of its own" in again.stderr

    async def test_of_what_there_is_none_of_is_refused(self, foliot: Foliot) -> None:
        """With those that there are."""
        refused = await platform(foliot, "quota", "set", "acme", "wishes", "3")

        assert (2, True) == (refused.exit_code, "open_instances" in refused.stderr)


class TestAQueue:
    async def test_is_paused_and_resumed(self, foliot: Foliot) -> None:
        """Who looks at the queues is told."""
        held = await platform(foliot, "queue", "pause", "mails", "-r", "the relay is down", "-y")
        seen = await platform(foliot, "queue", "list")
        freed = await platform(foliot, "queue", "resume", "mails")
        again = await platform(foliot, "queue", "resume", "mails")

        assert "the relay is down" in held.stdout
        assert "mails is paused since" in seen.stderr
        assert (0, "") == (freed.exit_code, freed.output)
        assert "it was not paused" in again.stderr

    async def test_tells_what_waits_in_it(self, approvals: Foliot) -> None:
        """For a tenant its own."""
        started = await approvals.run("instance", "start", "approval", "-i", "{amount: 1}")
        await approvals.run("instance", "send", started.stdout.strip(), "SUBMIT")

        seen = await approvals.run("queue", "list", "-o", "json")

        assert 0 == seen.exit_code, seen.output
        assert isinstance(json.loads(seen.stdout), dict)


class TestTheServer:
    async def test_tells_of_itself_and_of_the_caller(self, foliot: Foliot) -> None:
        """What a person asks first when something is wrong."""
        info = await foliot.run("server", "info")
        as_data = await foliot.run("server", "info", "-o", "json")
        who = await foliot.run("whoami", role="viewer")

        assert foliot.serving.address in info.stdout
        assert {"address", "version", "taskTypes", "serverTime"} <= set(json.loads(as_data.stdout))
        assert "acme" in who.stdout
        assert "instance.read" in who.stdout

    async def test_does_not_take_a_key_that_is_none(self, foliot: Foliot) -> None:
        """With the exit code of who is not let in."""
        refused = await foliot.run("whoami", "--key", "fol_x_y")

        assert (4, True) == (refused.exit_code, "CREDENTIAL_INVALID" in refused.stderr)
