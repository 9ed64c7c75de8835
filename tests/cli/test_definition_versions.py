"""`foliot definition` against a control plane that serves: versions, from their creation on."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Foliot

FIRST = "initial: open\nstates:\n  open: {on: {END: closed}}\n  closed: {type: final}\n"
SECOND = FIRST.replace("END", "CLOSE")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    at = tmp_path / "order.yaml"
    at.write_text(FIRST)
    return at


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    at = tmp_path / "order.changed.yaml"
    at.write_text(SECOND)
    return at


async def kept(foliot: Foliot, file: Path, *options: str) -> str:
    made = await foliot.run("definition", "create", "order", str(file), *options)
    assert 0 == made.exit_code, made.output
    return made.stdout.strip()


class TestCreating:
    async def test_prints_the_id_and_tells_the_version_aside(
        self, foliot: Foliot, file: Path
    ) -> None:
        """A script takes the one, a person reads the other."""
        made = await foliot.run("definition", "create", "order", str(file), "--description", "New")
        used = await foliot.run("definition", "create", "order", "-", "--activate", given=SECOND)

        assert ("order@1, inactive", "order@2, active") == (
            made.stderr.strip(),
            used.stderr.strip(),
        )
        shown = await foliot.run("definition", "get", made.stdout.strip())
        assert "New" in shown.stdout

    async def test_of_what_is_wrong_tells_every_place(self, foliot: Foliot) -> None:
        """The server's findings, with their places in the file, and what to do about them."""
        refused = await foliot.run(
            "definition", "create", "order", "-", given=FIRST.replace("closed}", "nowhere}")
        )

        assert (1, "") == (refused.exit_code, refused.stdout)
        assert refused.stderr.startswith("foliot: DEFINITION_INVALID: ")
        assert "    <stdin>:3:15 (/states/open/on/END): " in refused.stderr


class TestAVersion:
    async def test_is_named_by_id_by_number_or_by_its_key(self, foliot: Foliot, file: Path) -> None:
        """A key alone is the active version's."""
        first = await kept(foliot, file, "--activate")
        second = await kept(foliot, file)

        async def found(name: str) -> str:
            got = await foliot.run("definition", "get", name, "-o", "json")
            return str(json.loads(got.stdout)["definitionId"])

        assert [first, first, second, second] == [
            await found(name) for name in ("order", "order@1", "order@2", second)
        ]

    @pytest.mark.parametrize("name", ["bill", "order@7", "order@x"])
    async def test_that_there_is_not_is_not_found(
        self, foliot: Foliot, file: Path, name: str
    ) -> None:
        """With the exit code of what is not there."""
        await kept(foliot, file)

        absent = await foliot.run("definition", "get", name)

        assert (3, True) == (absent.exit_code, f"'{name}'" in absent.stderr)

    async def test_gives_back_its_spec(self, foliot: Foliot, file: Path) -> None:
        """Alone, so that it can be kept as a file: the order of states is part of what it means."""
        await kept(foliot, file, "--activate")

        spec = await foliot.run("definition", "get", "order", "--spec")

        assert ["open", "closed"] == list(json.loads(spec.stdout)["states"])

    async def test_is_activated_deactivated_and_archived(self, foliot: Foliot, file: Path) -> None:
        """A key alone is the newest to activate, the active one to deactivate."""
        await kept(foliot, file)
        await kept(foliot, file)

        async def states() -> list[tuple[str, int]]:
            listed = await foliot.run("definition", "list", "-d", "order", "-o", "json")
            return [
                (one["status"].removeprefix("DEFINITION_STATUS_"), one["version"])
                for one in json.loads(listed.stdout)
            ]

        ran = [await foliot.run("definition", "activate", "order")]
        active = await states()
        ran.append(await foliot.run("definition", "deactivate", "order"))
        ran.append(await foliot.run("definition", "archive", "order@1"))
        unclear = await foliot.run("definition", "archive", "order")

        assert [0, 0, 0] == [one.exit_code for one in ran], ran[-1].output
        assert [("ACTIVE", 2), ("INACTIVE", 1)] == active
        assert [("INACTIVE", 2), ("ARCHIVED", 1)] == await states()
        assert (1, True) == (unclear.exit_code, "order@1" in unclear.stderr)

    async def test_is_listed_in_a_line(self, foliot: Foliot, file: Path) -> None:
        """By the name that other commands take."""
        await kept(foliot, file)

        listed = await foliot.run("definition", "list", "-s", "inactive")
        none = await foliot.run("definition", "list", "-s", "archived", "-o", "json")

        assert listed.stdout.splitlines()[1].startswith("order@1  inactive")
        assert [] == json.loads(none.stdout)


class TestAVersionOnTheServer:
    async def test_is_compared_with_a_file_and_with_another(
        self, foliot: Foliot, file: Path, changed: Path
    ) -> None:
        """Before it is replaced: what do running instances notice?"""
        await kept(foliot, file)
        second = await kept(foliot, changed)
        compared = [
            await foliot.run("definition", "diff", *versions, "-o", "json")
            for versions in (
                ("order@1", str(changed)),
                ("order@1", second),
                ("order@2", str(changed)),
            )
        ]

        assert [1, 1, 0] == [one.exit_code for one in compared]
        assert compared[0].stdout == compared[1].stdout
        assert "IDENTICAL" == json.loads(compared[2].stdout)["compatibility"]

    async def test_is_exported(self, foliot: Foliot, file: Path) -> None:
        """As the file that it was made of."""
        version = await kept(foliot, file)
        exported = [
            await foliot.run("definition", "export", one, "--format", "scxml", "--partial")
            for one in ("order@1", version, str(file))
        ]

        assert "<scxml" in exported[0].stdout
        assert 1 == len({one.stdout for one in exported})

    async def test_that_there_is_not_is_told_apart_from_a_file_that_is_missing(
        self, foliot: Foliot, file: Path
    ) -> None:
        """Who asked for neither must not wonder which of both it was."""
        version = await foliot.run("definition", "diff", "order@7", str(file))
        missing = await foliot.run("definition", "diff", "order.yml", str(file))

        assert "DEFINITION_NOT_FOUND" in version.output
        assert (2, "No such file") == (
            missing.exit_code,
            "No such file" if "No such file" in missing.output else missing.output,
        )
