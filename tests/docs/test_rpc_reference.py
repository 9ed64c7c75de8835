"""docs/rpc: every RPC is told, with what its options say; `make check` compares the rest."""

import importlib
import re
from typing import Any

import pytest
from foliot.v1 import auth_options_pb2

from tests.docs.pages import ROOT, page, section

MODULES = sorted(
    path.relative_to(ROOT / "proto/gen").as_posix().removesuffix(".py").replace("/", ".")
    for path in (ROOT / "proto/gen").rglob("*_service_pb2.py")
)
METHODS = [
    method
    for name in MODULES
    for service in importlib.import_module(name).DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


def page_of(method: Any) -> str:
    """Where the overview says that a method is told."""
    links: dict[str, str] = {}
    for heading, table in re.findall(
        r"^## (.+)\n((?:(?!## ).*\n)*)", page("docs/rpc/index.md"), re.MULTILINE
    ):
        links |= {
            f"{heading}.{name}": there
            for name, there in re.findall(r"^\| \[(\w+)\]\(([^#]+)#", table, re.MULTILINE)
        }
    package = method.containing_service.full_name.split(".")[-2]
    alpha = "" if package == "v1" else f" ({package})"
    return links[f"{method.containing_service.name}{alpha}.{method.name}"]


class TestAnRpc:
    @pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
    def test_is_told_with_its_permissions_and_its_messages(self, method: Any) -> None:
        """What a caller has to know stands in one place."""
        told = section(page(f"docs/rpc/{page_of(method)}"), f"## {method.name}")
        auth = method.GetOptions().Extensions[auth_options_pb2.auth]
        permissions = re.search(r"^- \*\*Permission\*\*: (.*?)(?:, which .*)?$", told, re.MULTILINE)

        assert permissions is not None
        assert sorted(auth.permissions) == sorted(re.findall(r"`(.+?)`", permissions[1]))
        assert f"`{method.input_type.name}`" in told
        assert f"`{method.output_type.name}`" in told
