"""docs/objects.md: its reference is one, its code runs, its settings and its numbers hold."""

import hashlib
import importlib.util
import json
import os
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from control_plane.use_cases.validate_definition import diagnose
from executor.adapters.file_objects import FileObjects
from executor.adapters.memory_objects import MemoryObjects
from executor.adapters.s3_objects import S3Objects
from executor.bootstrap.objects import objects_of
from executor.functions import Functions
from executor.handlers.system import SystemHandler
from executor.heartbeats import Heartbeats
from executor.ports.object_storage import MAX_OBJECT_BYTES, ObjectRef, Objects
from shared.ids import TenantId
from shared.json import MAX_PAYLOAD_BYTES
from shared.settings import Settings
from tests.docs.pages import blocks, page
from tests.docs.shell import run
from tests.executor.ports import canned
from tests.executor.work import a_task

ACME = TenantId("acme")
PAGE = page("docs/objects.md")
BLOCKS = {block.word: block.text for block in blocks(PAGE)}
PLACE = "/var/lib/foliot/objects"


class TestItsReference:
    def test_is_one_to_five_letters(self) -> None:
        """Whoever tries it out finds it so."""
        ref = ObjectRef.read(json.loads(BLOCKS["reference"]))

        assert (hashlib.sha256(b"hello").hexdigest(), 5) == (ref.sha256, ref.size)


class TestItsFunction:
    async def test_reads_an_object_and_makes_another(self, tmp_path: Path) -> None:
        """As it stands, called as a task calls it."""
        file = tmp_path / "report.py"
        file.write_text(BLOCKS["report.py"], "utf-8")
        spec = importlib.util.spec_from_file_location("report_of_the_page", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        functions = module.functions
        assert isinstance(functions, Functions)
        storage = MemoryObjects()
        objects = Objects(storage, ACME)
        table = await objects.put(b"a,b", "text/csv")
        with ThreadPoolExecutor(1) as threads:
            handler = SystemHandler(functions, threads, Heartbeats())
            outcome = await handler.execute(
                a_task(function="report", input=table.as_json()), canned(objects=storage).of(ACME)
            )

        assert isinstance(outcome.output, dict)
        assert b"A,B" == await objects.get(ObjectRef.read(outcome.output["report"]))


class TestItsDefinition:
    def test_is_one(self) -> None:
        """Without a warning."""
        _, found = diagnose(BLOCKS["handing"])

        assert () == tuple(found)


class TestItsSettings:
    def test_are_ones(self, tmp_path: Path) -> None:
        """Each names a storage; that of files in another place than the page's."""
        urls = [shlex.split(line)[1].partition("=")[2] for line in BLOCKS["settings"].splitlines()]
        found = [
            objects_of(Settings(objects_url=url.replace(PLACE, str(tmp_path)))) for url in urls
        ]

        assert [FileObjects, S3Objects, S3Objects] == [type(one) for one in found]


class TestItsCommand:
    @pytest.mark.parametrize(("days", "stays"), [(399, True), (402, False)])
    async def test_removes_what_is_old(self, tmp_path: Path, days: int, stays: bool) -> None:
        """And what was put again is not."""
        objects = Objects(FileObjects(str(tmp_path)), ACME)
        old = await objects.put(b"old", "text/plain")
        again = await objects.put(b"again", "text/plain")
        then = (await objects.stat(old)).stored_at.timestamp() - days * 86_400
        for file in _files(tmp_path):
            os.utime(file, (then, then))
        await objects.put(b"again", "text/plain")

        run(BLOCKS["remove"].replace(PLACE, str(tmp_path)), tmp_path)

        assert stays == (len(_files(tmp_path)) == 2)
        assert b"again" == await objects.get(again)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


class TestItsNumbers:
    def test_are_those_that_are_kept(self) -> None:
        """Nobody should first hear of a bound when it is reached."""
        assert f"A row holds {MAX_PAYLOAD_BYTES // 1024} KiB" in PAGE
        assert f"An object has at most {MAX_OBJECT_BYTES // 1024**2} MiB" in PAGE
