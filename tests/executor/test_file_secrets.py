"""Secrets in files: where a link may lead, what is no secret, and what is read again."""

import os
from pathlib import Path

import pytest

from executor.adapters.file_secrets import FileSecrets
from executor.ports.secrets import MAX_SECRET_BYTES, SecretMissing, SecretsUnavailable
from shared.errors import InvalidRequest
from shared.ids import TenantId

ACME = TenantId("acme")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of two tenants, the other one with a secret."""
    for tenant_id in ("acme", "globex"):
        (tmp_path / "secrets" / tenant_id).mkdir(parents=True)
    (tmp_path / "secrets" / "globex" / "key").write_text("battery staple")
    (tmp_path / "outside").write_text("root of all")
    return tmp_path / "secrets"


class TestAFile:
    @pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
    async def test_may_end_with_a_line_end(self, folder: Path, ending: str) -> None:
        """Editors and `echo` write one."""
        (folder / "acme" / "key").write_bytes(f"correct horse{ending}".encode())

        assert "correct horse" == await FileSecrets(str(folder)).resolve(ACME, "key")

    async def test_that_kubernetes_has_renewed_is_used_at_once(self, folder: Path) -> None:
        """It mounts links to a folder of the day, and puts another one in its place."""
        secrets, own = FileSecrets(str(folder)), folder / "acme"
        found = []
        for day, value in [("..monday", "correct horse"), ("..tuesday", "correct horses")]:
            (own / day).mkdir()
            (own / day / "key").write_text(value)
            (own / "..next").symlink_to(day)
            (own / "..next").rename(own / "..data")
            if not (own / "key").is_symlink():
                (own / "key").symlink_to("..data/key")
            found.append(await secrets.resolve(ACME, "key"))

        assert ["correct horse", "correct horses"] == found

    async def test_may_be_in_a_folder_of_one_mount_for_all_tenants(self, folder: Path) -> None:
        """A projected volume has its links above the tenants."""
        (folder / "..data" / "initech").mkdir(parents=True)
        (folder / "..data" / "initech" / "key").write_text("swordfish")
        (folder / "initech").symlink_to("..data/initech")

        assert "swordfish" == await FileSecrets(str(folder)).resolve(TenantId("initech"), "key")

    @pytest.mark.parametrize("target", ["../globex/key", "../../outside", "{folder}/globex/key"])
    async def test_that_is_a_link_out_of_the_tenants_folder_is_none(
        self, folder: Path, target: str
    ) -> None:
        """Whoever may write into one tenant's folder must not read another's through it."""
        (folder / "acme" / "key").symlink_to(target.format(folder=folder))

        with pytest.raises(SecretMissing, match="leads out"):
            await FileSecrets(str(folder)).resolve(ACME, "key")

    @pytest.mark.parametrize("target", ["globex", "..", "../.."])
    async def test_in_a_folder_that_is_a_link_to_anothers_is_none(
        self, folder: Path, target: str
    ) -> None:
        """The tenant's folder itself is no way out either."""
        (folder / "acme").rmdir()
        (folder / "acme").symlink_to(target)

        with pytest.raises(SecretMissing, match=r"leads out|is not there"):
            await FileSecrets(str(folder)).resolve(ACME, "key")

    @pytest.mark.parametrize(
        "content", [b"\xff\xfe not text", b"x" * (MAX_SECRET_BYTES + 1)], ids=["binary", "long"]
    )
    async def test_that_holds_something_else_is_none(self, folder: Path, content: bytes) -> None:
        """The remedy is in the message, the content is not."""
        (folder / "acme" / "key").write_bytes(content)

        with pytest.raises(SecretMissing) as missing:
            await FileSecrets(str(folder)).resolve(ACME, "key")
        assert "xxx" not in missing.value.message

    @pytest.mark.parametrize("kind", ["folder", "pipe"])
    async def test_that_is_none_is_no_secret(self, folder: Path, kind: str) -> None:
        """Reading a pipe would wait for ever."""
        place = folder / "acme" / "key"
        if kind == "pipe":
            os.mkfifo(place)
        else:
            place.mkdir()

        with pytest.raises((SecretMissing, SecretsUnavailable)):
            await FileSecrets(str(folder)).resolve(ACME, "key")

    async def test_that_cannot_be_read_now_is_tried_again(self, folder: Path) -> None:
        """A link that leads to itself is what the system calls an error of its own."""
        (folder / "acme" / "key").symlink_to("key")

        with pytest.raises(SecretsUnavailable):
            await FileSecrets(str(folder)).resolve(ACME, "key")


class TestAFolder:
    def test_that_is_not_there_is_an_error_at_the_start(self, tmp_path: Path) -> None:
        """And not at the first task."""
        with pytest.raises(InvalidRequest, match="FOLIOT_SECRETS_DIR"):
            FileSecrets(str(tmp_path / "nowhere"))
