"""Objects in files: whole or not there, and never through a link."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from executor.adapters.file_objects import FileObjects
from executor.ports.object_storage import ObjectMissing, ObjectRef, Objects, ObjectsUnavailable
from shared.errors import InvalidRequest
from shared.ids import TenantId

ACME = TenantId("acme")
SHA256 = hashlib.sha256(b"hello").hexdigest()
REF = ObjectRef(tenant_id=ACME, sha256=SHA256, size=5, content_type="text/plain")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the objects are."""
    return tmp_path / "objects"


def files_in(folder: Path) -> list[Path]:
    """All of them, whatever they are called."""
    return [path for path in folder.rglob("*") if path.is_file()]


def modes_in(folder: Path) -> set[int]:
    """Who may do what with it and the folders in it."""
    return {stat.S_IMODE(p.stat().st_mode) for p in (folder, *folder.rglob("*")) if p.is_dir()}


def objects_in(folder: Path) -> Objects:
    return Objects(FileObjects(str(folder)), ACME)


class TestAFile:
    async def test_stands_below_its_tenant_by_its_hash_for_its_user_alone(
        self, folder: Path
    ) -> None:
        """So that rules about age can be made by tenant, and nobody else reads along."""
        await objects_in(folder).put(b"hello", "text/plain")

        place = folder / "acme" / SHA256[:2] / SHA256
        assert [place] == files_in(folder)
        assert 0o600 == stat.S_IMODE(place.stat().st_mode)
        assert {0o700} == modes_in(folder)

    async def test_has_its_name_only_once_it_is_whole_and_on_the_disk(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A machine that loses power leaves the whole object or none."""
        objects = objects_in(folder)
        told: list[str] = []
        fsync, replace = os.fsync, Path.replace

        def kept(descriptor: int) -> None:
            is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            told.append("folder" if is_folder else f"file of {os.fstat(descriptor).st_size}")
            fsync(descriptor)

        def named(self: Path, target: Path) -> Path:
            told.append("name")
            return replace(self, target)

        monkeypatch.setattr(os, "fsync", kept)
        monkeypatch.setattr(Path, "replace", named)
        await objects.put(b"hello", "text/plain")

        assert ["folder", "folder", "file of 5", "name", "folder"] == told

    async def test_is_not_there_at_all_if_it_cannot_be_finished(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A full disk leaves no rubbish behind either."""
        objects = objects_in(folder)

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        (folder / "acme" / SHA256[:2]).mkdir(parents=True)
        with pytest.raises(ObjectsUnavailable) as failed:
            await objects.put(b"hello", "text/plain")

        assert "No space left on device" in failed.value.message
        assert [] == files_in(folder)


class TestALink:
    @pytest.mark.parametrize("linked", ["acme", f"acme/{SHA256[:2]}"])
    async def test_in_the_place_of_a_folder_is_not_written_through(
        self, folder: Path, tmp_path: Path, linked: str
    ) -> None:
        """Whoever can make one must not make the executor write elsewhere."""
        objects = objects_in(folder)
        outside = tmp_path / "outside"
        outside.mkdir()
        (folder / linked).parent.mkdir(exist_ok=True)
        (folder / linked).symlink_to(outside)

        with pytest.raises(ObjectsUnavailable):
            await objects.put(b"hello", "text/plain")
        assert [] == list(outside.iterdir())

    async def test_in_the_place_of_a_file_is_not_read_and_is_replaced(
        self, folder: Path, tmp_path: Path
    ) -> None:
        """Its end stays as it was."""
        objects = objects_in(folder)
        secret = tmp_path / "secret"
        secret.write_bytes(b"hello")
        await objects.put(b"hello", "text/plain")
        place = folder / "acme" / SHA256[:2] / SHA256
        place.unlink()
        place.symlink_to(secret)

        with pytest.raises(ObjectMissing):
            await objects.get(REF)
        with pytest.raises(ObjectMissing):
            await objects.stat(REF)
        await objects.put(b"hello", "text/plain")
        assert (b"hello", False, b"hello") == (
            await objects.get(REF),
            place.is_symlink(),
            secret.read_bytes(),
        )


class TestWhatIsNoFile:
    @pytest.mark.parametrize("kind", ["folder", "pipe"])
    async def test_is_no_object(self, folder: Path, kind: str) -> None:
        """A pipe would be waited for without end."""
        place = folder / "acme" / SHA256[:2] / SHA256
        place.parent.mkdir(parents=True)
        if kind == "folder":
            place.mkdir()
        else:
            os.mkfifo(place)

        with pytest.raises((ObjectMissing, ObjectsUnavailable)):
            await objects_in(folder).get(REF)
        with pytest.raises(ObjectMissing):
            await objects_in(folder).stat(REF)


class TestAFolder:
    def test_that_cannot_be_made_is_an_error_at_the_start(self, tmp_path: Path) -> None:
        """Not at the first output that is too large."""
        (tmp_path / "file").touch()

        with pytest.raises(InvalidRequest) as refused:
            FileObjects(str(tmp_path / "file" / "objects"))
        assert "FOLIOT_OBJECTS_URL" in refused.value.message
