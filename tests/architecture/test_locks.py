"""The locks hold what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return found[0].lower()


def locked(name: str) -> set[str]:
    """The names of what a lock installs."""
    text = (ROOT / "requirements" / f"{name}.lock").read_text("utf-8")
    return {name_of(line) for line in text.splitlines() if line and line[0].isalnum()}


class TestTheLockOfTheTools:
    @pytest.mark.parametrize("extra", sorted(EXTRAS))
    def test_holds_every_extra(self, extra: str) -> None:
        """What users may install is what the tests run with."""
        assert set() == {name_of(one) for one in EXTRAS[extra]} - locked("dev")


class TestTheLockOfTheImage:
    def test_holds_graphviz_and_no_servers(self) -> None:
        """A control plane draws; PostgreSQL and Valkey are somebody else's containers."""
        assert {name_of(one) for one in EXTRAS["draw"]} <= locked("image")
        assert set() == {name_of(one) for one in EXTRAS["embedded"]} & locked("image")

    def test_holds_what_foliot_depends_on(self) -> None:
        """The image installs foliot itself without looking at its dependencies."""
        assert set() == {name_of(one) for one in PROJECT["dependencies"]} - locked("image")
