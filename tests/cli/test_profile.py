"""`foliot profile`, and what a command takes from one."""

import json
import os
import stat
from pathlib import Path

import pytest

from control_plane.cli.profiles import Profile
from control_plane.embedded.data_directory import DataDirectory
from control_plane.embedded.running import Running, announce
from tests.cli.conftest import Foliot

ELSEWHERE = "127.0.0.1:1"
KEY = "fol_x7k2_a-very-secret-secret"
NOTHING_SAID = {"FOLIOT_CONTROL_PLANE": None, "FOLIOT_KEY": None}


def file_of(foliot: Foliot) -> Path:
    return foliot.config / "foliot" / "profiles.json"


async def keep(foliot: Foliot, name: str, **given: str) -> None:
    options = [part for option, value in given.items() for part in (f"--{option}", value)]
    made = await foliot.run("profile", "set", name, *options)
    assert 0 == made.exit_code, made.output


class TestAProfile:
    async def test_is_kept_for_its_owner_only(self, foliot: Foliot) -> None:
        """There is a key in it. What is not given stays as it was."""
        await keep(foliot, "prod", address="prod.example:443", key=KEY)
        await keep(foliot, "prod", address="prod.example:444")

        kept = json.loads(file_of(foliot).read_text())

        assert {"prod": {"address": "prod.example:444", "key": KEY}} == kept["profiles"]
        assert 0o600 == stat.S_IMODE(file_of(foliot).stat().st_mode)

    @pytest.mark.parametrize("output", ["table", "json"])
    async def test_is_shown_without_its_secret(self, foliot: Foliot, output: str) -> None:
        """Somebody may look over the shoulder; which key it is, is told."""
        await keep(foliot, "prod", address="prod.example:443", key=KEY)

        told = [
            await foliot.run("profile", *words, "-o", output) for words in (("list",), ("show",))
        ]

        for one in told:
            assert "secret" not in one.output
            assert "fol_x7k2_…" in one.stdout
            assert "prod.example:443" in one.stdout
        assert "secret" not in repr(Profile(key=KEY))

    @pytest.mark.parametrize("token", ["eyJhbG_ciOi_J9.eyJzdWI.c2ln", "fol_half"])
    async def test_tells_nothing_of_a_token(self, foliot: Foliot, token: str) -> None:
        """There is no part of it that is no secret."""
        await keep(foliot, "prod", key=token)

        told = await foliot.run("profile", "show", "-o", "json")

        assert "…" == json.loads(told.stdout)["key"]

    async def test_takes_its_key_from_standard_input(self, foliot: Foliot) -> None:
        """Where neither the shell's history nor the list of processes has it."""
        made = await foliot.run("profile", "set", "prod", "--key", "-", given=f"{KEY}\n")

        assert 0 == made.exit_code
        assert KEY == json.loads(file_of(foliot).read_text())["profiles"]["prod"]["key"]

    async def test_keeps_where_files_are(
        self, foliot: Foliot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """From wherever the next command is run."""
        monkeypatch.chdir(tmp_path)

        await keep(foliot, "prod", **{"ca-file": "ca.pem"})

        kept = json.loads(file_of(foliot).read_text())["profiles"]["prod"]
        assert str(tmp_path / "ca.pem") == kept["ca_file"]

    async def test_can_be_changed_for_another_and_removed(self, foliot: Foliot) -> None:
        """The first is in use; one that is removed is so no longer."""
        await keep(foliot, "one", address=ELSEWHERE)
        await keep(foliot, "two", address=ELSEWHERE)

        async def current() -> list[str]:
            listed = await foliot.run("profile", "list", "-o", "json")
            return [one["name"] for one in json.loads(listed.stdout) if one["current"]]

        first = await current()
        await foliot.run("profile", "use", "two")
        second = await current()
        await foliot.run("profile", "remove", "two")
        none = await foliot.run("profile", "show")

        assert (["one"], ["two"], []) == (first, second, await current())
        assert (1, True) == (none.exit_code, "foliot profile use" in none.stderr)

    @pytest.mark.parametrize("verb", ["use", "show", "remove"])
    async def test_that_there_is_not_is_told(self, foliot: Foliot, verb: str) -> None:
        """With those that there are."""
        await keep(foliot, "prod", address=ELSEWHERE)

        refused = await foliot.run("profile", verb, "prd")

        assert 1 == refused.exit_code
        assert "there are: prod" in refused.stderr


class TestTheFile:
    async def test_that_others_may_read_is_not_used(self, foliot: Foliot) -> None:
        """With what to do about it."""
        await keep(foliot, "prod", address=ELSEWHERE)
        file_of(foliot).chmod(0o644)

        refused = await foliot.run("profile", "list")

        assert 1 == refused.exit_code
        assert f"chmod 600 {file_of(foliot)}" in refused.stderr

    @pytest.mark.parametrize("text", ["", "[]", '{"current": "", "profiles": {"a": {"b": 1}}}'])
    async def test_that_was_broken_is_not_guessed_at(self, foliot: Foliot, text: str) -> None:
        """It is not overwritten either."""
        await keep(foliot, "prod", address=ELSEWHERE)
        file_of(foliot).write_text(text)

        refused = await foliot.run("profile", "set", "prod", "--address", "x:1")

        assert (1, text) == (refused.exit_code, file_of(foliot).read_text())
        assert "mend it" in refused.stderr


class TestWhatACommandTakes:
    async def test_is_the_profile_in_use_where_nothing_is_said(self, foliot: Foliot) -> None:
        """Both where to and as whom."""
        await keep(foliot, "here", address=foliot.serving.address, key=await foliot.serving.key())

        asked = await foliot.run("whoami", "-o", "json", environment=NOTHING_SAID)

        assert (0, "acme") == (asked.exit_code, json.loads(asked.stdout)["tenantId"])

    async def test_is_first_an_option_then_a_variable_then_a_profile(self, foliot: Foliot) -> None:
        """Each goes before the next; a profile that is named goes before the one in use."""
        address, key = foliot.serving.address, await foliot.serving.key()
        await keep(foliot, "elsewhere", address=ELSEWHERE, key=KEY)
        await keep(foliot, "here", address=address, key=key)

        async def code(*options: str, **variables: str) -> int:
            return (
                await foliot.run("whoami", *options, environment={**NOTHING_SAID, **variables})
            ).exit_code

        assert 5 == await code()
        assert 4 == await code(FOLIOT_CONTROL_PLANE=address)
        assert 0 == await code(FOLIOT_CONTROL_PLANE=address, FOLIOT_KEY=key)
        assert 0 == await code("--address", address, "--key", key, FOLIOT_CONTROL_PLANE=ELSEWHERE)
        assert 0 == await code("--profile", "here")
        assert 0 == await code(FOLIOT_PROFILE="here")
        assert 5 == await code("--profile", "elsewhere", FOLIOT_PROFILE="here")

    async def test_is_a_profiles_before_a_running_server_but_after_a_directory(
        self, foliot: Foliot, tmp_path: Path
    ) -> None:
        """A directory that was named is meant."""
        await keep(foliot, "here", address=foliot.serving.address, key=await foliot.serving.key())

        refused = await foliot.run("whoami", "--data-dir", str(tmp_path), environment=NOTHING_SAID)

        assert (1, True) == (refused.exit_code, "no `foliot dev` runs in" in refused.stderr)


class TestTheServerThatRunsHere:
    async def test_is_asked_with_its_own_key_in_its_own_way(
        self, foliot: Foliot, tmp_path: Path
    ) -> None:
        """Settings for other servers are for other servers; and nobody else gets its key."""
        directory = DataDirectory.claim(tmp_path / "data")
        announce(
            Running(
                pid=os.getpid(),
                address=foliot.serving.address,
                tenant_id="acme",
                api_key=await foliot.serving.key(),
                executor_key="",
                database_url="",
                redis_url="",
                data_dir=str(tmp_path / "data"),
            )
        )
        here = ("whoami", "--data-dir", str(tmp_path / "data"))

        asked = await foliot.run(
            *here, environment={**NOTHING_SAID, "FOLIOT_TLS_CA_FILE": "/nowhere/ca.pem"}
        )
        refused = await foliot.run(*here, "--address", ELSEWHERE, environment=NOTHING_SAID)
        directory.release()

        assert 0 == asked.exit_code, asked.output
        assert (1, True) == (
            refused.exit_code,
            f"no key is known for {ELSEWHERE}" in refused.stderr,
        )


class TestAServerThatIsNotThere:
    async def test_is_told_with_what_to_look_at(self, foliot: Foliot) -> None:
        """And with the exit code of what may be tried again."""
        refused = await foliot.run("whoami", "--address", ELSEWHERE)

        assert (5, "") == (refused.exit_code, refused.stdout)
        assert f"no control plane answers at {ELSEWHERE}" in refused.stderr
        assert "--address" in refused.stderr

    async def test_is_not_sent_a_key_in_the_open(self, foliot: Foliot) -> None:
        """Beyond this machine a connection is encrypted, unless it is said that it need not be."""
        refused = await foliot.run("whoami", "--address", "foliot.invalid:443")
        open_ = await foliot.run("whoami", "--address", "foliot.invalid:443", "--plaintext")

        assert (5, True) == (refused.exit_code, "asked encrypted" in refused.stderr)
        assert (5, True) == (open_.exit_code, "asked in the open" in open_.stderr)
