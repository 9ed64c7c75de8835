"""Every command and every piece of code in README.md and the pages that go on from it works."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic_core import PydanticUndefined

from control_plane.settings import ControlPlaneSettings
from shared.settings import Settings
from tests.docs.pages import Block, blocks, page, rows, section
from tests.docs.shell import (
    environment,
    folder,
    free_address,
    needs,
    run,
    run_within,
    serving,
    with_children,
)
from tests.e2e.commands import wait_for
from tests.servers import Servers, open_directory

PAGES = ("README.md", "docs/clients.md", "docs/operating.md")
"""They are read beside one `foliot dev`, so they are tested beside one."""

SHOWN = {(name, block.line): block for name in PAGES for block in blocks(page(name))}

KINDS = {
    "sh ci": "a target of the Makefile; CI runs it",
    "sh dev": "starts `foliot dev`, which the blocks below talk to",
    "sh story": "runs beside `foliot dev`",
    "sh run": "runs with `foliot dev`",
    "sh grpcurl": "runs with `foliot dev`, where grpcurl is installed",
    "sh buf": "runs with `foliot dev`",
    "sh call": "runs once with each tool",
    "sh refused": "runs once with each tool, and is refused",
    "sh operate": "runs beside `foliot dev`",
    "sh yours": "values of the reader's; the test has its own",
    "sh own": "runs on servers of the test's",
    "sh serve": "runs in the background of `sh own`",
    "sh keys": "asks the control plane of `sh serve`",
    "text demo": "is what `foliot demo` prints",
    "json hello": "is part of the hello definition",
    "json order": "is part of examples/order.json",
}
ANYTHING = "…"
OPERATED_WITHIN_S = 90.0
"""Six processes, on a machine that does other things as well."""


def kind_of(block: Block) -> str:
    return f"{block.language} {block.word}".strip()


def of(kind: str) -> list[Block]:
    return [block for block in SHOWN.values() if kind_of(block) == kind]


def text_of(kind: str) -> str:
    return "".join(block.text for block in of(kind))


FILES = [block for block in SHOWN.values() if block.language == "python"]


@pytest.fixture(scope="module")
def where() -> Iterator[Path]:
    """A reader's folder in which `foliot dev` runs as the README starts it."""
    with open_directory() as at, serving(of("sh dev")[-1].text, folder(at, FILES)):
        yield at


class TestEveryBlock:
    def test_is_of_a_kind_that_something_tests(self) -> None:
        """A block nobody runs is one that will be wrong, and nobody will know."""
        known = {*KINDS, *(kind_of(block) for block in FILES)}

        assert [] == [
            f"{name}:{line}: {kind_of(block)}"
            for (name, line), block in SHOWN.items()
            if kind_of(block) not in known
        ]

    def test_of_ci_is_a_target_of_the_makefile(self) -> None:
        """What the README says first is what must not fail."""
        makefile = page("Makefile")

        assert [] == [
            line
            for line in text_of("sh ci").splitlines()
            if not re.search(rf"^{line.removeprefix('make ')}:", makefile, re.MULTILINE)
        ]

    @pytest.mark.parametrize(
        ("kind", "path"),
        [("json hello", "control_plane/cli/hello.json"), ("json order", "examples/order.json")],
    )
    def test_that_shows_a_definition_is_part_of_it(self, kind: str, path: str) -> None:
        """An explained piece that is not there any more explains nothing."""
        whole = json.loads(page(path))
        shown = [json.loads("{" + block.text + "}") for block in of(kind)]

        assert [] == [piece for piece in shown if not _holds(whole, piece)]


class TestFoliotDev:
    def test_takes_an_order_to_its_end_in_five_minutes(self, where: Path) -> None:
        """The first thing that a reader does; the function of theirs is what prices it."""
        printed = run_within(OPERATED_WITHIN_S, text_of("sh story"), where)

        assert "instance completed" in printed.splitlines()[-1]
        assert '"total": 2500' in printed.splitlines()[-1]

    def test_is_what_the_demo_tells_its_story_on(self, where: Path) -> None:
        """The demo's output is the README's picture, so it must be a true one."""
        printed = run("foliot demo", where, COLUMNS="200")

        assert [] == _missing(text_of("text demo"), printed)


class TestTheClients:
    def test_in_python_works(self, where: Path) -> None:
        """It is what people copy first; it ends where the function's outcome has come in."""
        printed = run(text_of("sh run"), where)

        assert "STATE_TRANSITION" in printed.splitlines()[-1]
        assert '"total":2500' in printed

    @pytest.mark.parametrize("tool", ["grpcurl", "buf"])
    def test_on_the_command_line_work(self, where: Path, tool: str) -> None:
        """One set of recipes for both tools, from the definition to the end of an instance."""
        needs(tool)
        script = _settings() + text_of(f"sh {tool}") + text_of("sh call")
        refused = f"if {text_of('sh refused').strip()}; then exit 1; fi\n"

        printed = run(script + refused, where)

        assert "foliot.v1.InstanceService" in printed
        assert "INSTANCE_STATUS_COMPLETED" in printed
        assert "has ended: it is completed" in printed


class TestTheCommandLine:
    def test_needs_to_be_told_nothing_beside_foliot_dev(self, where: Path) -> None:
        """What the page promises; the last thing that is printed is the key that was made."""
        printed = run_within(OPERATED_WITHIN_S, text_of("sh operate"), where)

        assert printed.splitlines()[-1].startswith("fol_")


class TestServersOfOnesOwn:
    def test_are_migrated_keyed_served_and_drained(
        self, tmp_path: Path, servers: Servers, database_url: str
    ) -> None:
        """The whole way of an operator, in production mode, to a first instance and the end."""
        folder(tmp_path, FILES)
        address = free_address()
        given = {
            "FOLIOT_DATABASE_URL": database_url,
            "FOLIOT_REDIS_URL": servers.redis_url,
            "FOLIOT_LISTEN": address,
            "FOLIOT_CONTROL_PLANE": address,
        }
        keys = _exported("sh own", tmp_path, given)
        planes = []

        def begin(block: Block) -> None:
            planes.append(
                subprocess.Popen(
                    ["bash", "-c", f"exec env {block.text}"],
                    cwd=tmp_path,
                    env=environment(**given, **keys),
                    start_new_session=True,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )

        control_plane, executor = of("sh serve")
        try:
            begin(control_plane)
            wait_for(lambda: _is_serving(address))
            keys |= _exported("sh keys", tmp_path, {**given, **keys})
            begin(executor)
            told = run("python client.py", tmp_path, ADDRESS=address, KEY=keys["KEY"])
        finally:
            for plane in reversed(planes):
                with_children(plane, signal.SIGTERM)

        assert set(given) == set(re.findall(r"^export (\w+)=", text_of("sh yours"), re.MULTILINE))
        assert '"total":2500' in told
        assert [0, 0] == [plane.returncode for plane in planes]


def _exported(word: str, where: Path, given: Mapping[str, str]) -> dict[str, str]:
    """The variables that commands of the page set."""
    names = re.findall(r"^export (\w+)=", text_of(word), re.MULTILINE)
    printed = run_within(OPERATED_WITHIN_S, text_of(word) + "env -0", where, **given)
    found = dict(line.split("=", 1) for line in printed.split("\0") if "=" in line)
    return {name: found[name] for name in names if name in found}


class TestTheTableOfVariables:
    def test_has_every_setting_with_its_default(self) -> None:
        """An operator reads the table, not the classes."""
        told = {
            cells[0].strip("`"): cells[1].strip("`")
            for cells in rows(section(page("docs/settings.md"), "## Environment variables"))
        }

        assert _variables() == told


def _variables() -> dict[str, str]:
    found = {}
    for settings in (Settings, ControlPlaneSettings):
        prefix = settings.model_config["env_prefix"]
        for name, field in settings.model_fields.items():
            assert field.default is not PydanticUndefined, f"{name} has no default to tell"
            found[prefix + name.upper()] = _written(field.default)
    return found


def _written(default: Any) -> str:
    """A default as the table writes it."""
    if hasattr(default, "get_secret_value"):
        default = default.get_secret_value()
    match default:
        case bool():
            return str(default).lower()
        case "":
            return "–"
        case list():
            return json.dumps(default)
        case float():
            return f"{default:g}"
        case _:
            return str(default)


def _settings() -> str:
    """The part of `sh run` that says where the server is."""
    return of("sh run")[0].text


def _holds(whole: Any, piece: dict[str, Any]) -> bool:
    """Whether an object somewhere inside has all of the piece's members, as they are."""
    if isinstance(whole, list):
        return any(_holds(item, piece) for item in whole)
    if not isinstance(whole, dict):
        return False
    if all(key in whole and whole[key] == value for key, value in piece.items()):
        return True
    return any(_holds(item, piece) for item in whole.values())


def _missing(told: str, printed: str) -> list[str]:
    """The lines of a page that are not in an output, in their order; what varies is left out."""
    rest = iter([_same(line) for line in printed.splitlines()])
    wanted = [_same(line) for line in told.splitlines() if line.strip() and line != ANYTHING]
    return [line for line in wanted if line not in rest]


def _same(line: str) -> str:
    """A line without what is different each time: instants, ids, ports."""
    for varies in (
        r"\d+\.\d\d s",
        r"[0-9a-f]{8}-[0-9a-f-]{27}",
        r"127\.0\.0\.1:\d+",
        r"version \d+",
    ):
        line = re.sub(varies, ANYTHING, line)
    return " ".join(line.split())


def _is_serving(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=1
            )
        except grpc.RpcError:
            return False
        serving: bool = answer.status == health_pb2.HealthCheckResponse.SERVING
        return serving
