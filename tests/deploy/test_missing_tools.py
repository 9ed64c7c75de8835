"""Where the tools are missing, that is said, and nothing fails."""

from pathlib import Path

import pytest

from tests.campaigns.topology import __main__ as topology
from tests.campaigns.topology import balancer
from tests.deploy import __main__ as checking

TOOLS = {"hadolint", "check-jsonschema", "envoy", "promtool", "helm", "kubernetes-validate"}


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any of them."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(balancer, "TOOLS", tmp_path)
    monkeypatch.setattr(checking, "TOOLS", tmp_path)


class TestAMachineWithoutTheTools:
    def test_is_told_which_of_them_would_check_what(
        self, nothing_installed: None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Silence would be taken for a good word."""
        code = checking.main()
        said = capsys.readouterr().out.splitlines()

        assert 0 == code
        assert all(line.startswith("skipped: ") for line in said)
        assert {line.rpartition("there is no ")[2].split()[0] for line in said} == TOOLS

    def test_is_told_why_nothing_is_rolled(
        self,
        nothing_installed: None,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """With what to do about it."""
        monkeypatch.setattr("sys.argv", ["topology"])
        code = topology.main()

        assert (0, f"{topology.NO_ENVOY}\n") == (code, capsys.readouterr().out)
