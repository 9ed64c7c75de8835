"""What the tree may be called, from the distribution's packages to the last module."""

import importlib
import importlib.metadata
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.tree import GENERATED, OURS, ROOT, parsed, production_files, shown

NOT_A_SUBJECT = {
    *("utils", "util", "helpers", "helper", "common", "misc", "models", "types"),
    *("constants", "base", "core", "lib", "stuff"),
}
LOADED_BY_PATH = {"migrations/versions"}
"""Alembic loads these files one by one; there is no package around them."""


class TestTheTopLevelNames:
    @pytest.mark.parametrize("name", [*OURS, GENERATED])
    def test_are_imported_from_here(self, name: str) -> None:
        """Others publish an `executor` and a `shared`; whoever installs one gets a clash."""
        package = importlib.import_module(name)
        owners = importlib.metadata.packages_distributions().get(name, ["foliot"])

        assert ["foliot"] == owners
        assert Path(package.__path__[0]).resolve().is_relative_to(ROOT)

    def test_of_the_wheel_are_these_and_no_more(self, tmp_path: Path) -> None:
        """What a build picks up by accident, `tests` first of all, would be everybody's."""
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        (wheel,) = tmp_path.glob("*.whl")
        names = {name.split("/", 1)[0] for name in zipfile.ZipFile(wheel).namelist()}

        assert {*OURS, GENERATED} == {name for name in names if not name.endswith(".dist-info")}


class TestAModule:
    def test_is_named_after_its_subject(self) -> None:
        """Such a name attracts whatever has no home, and tells a reader nothing."""
        misnamed = [
            shown(path)
            for path in production_files()
            if NOT_A_SUBJECT & {path.stem, *path.relative_to(ROOT).parts[:-1]}
        ]

        assert [] == misnamed


class TestAPackage:
    def test_says_its_subject(self) -> None:
        """Its docstring is what a reader meets first."""
        packages = {
            path.parent for path in production_files() if shown(path.parent) not in LOADED_BY_PATH
        }
        silent = sorted(
            shown(package)
            for package in packages
            if not (package / "__init__.py").exists()
            or not _docstring(package / "__init__.py").strip()
        )

        assert [] == silent


def _docstring(path: Path) -> str:
    first = parsed(path).body[:1]
    text = getattr(getattr(first[0], "value", None), "value", "") if first else ""
    return text if isinstance(text, str) else ""
