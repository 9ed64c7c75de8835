"""How a command ends that cannot go on."""

import pytest

from control_plane.cli.failing import explained
from shared.errors import InvalidRequest


class TestWhatIsSaid:
    def test_stays_on_its_line(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A program that reads it, or a person who searches for it, finds it in one piece."""
        monkeypatch.setenv("COLUMNS", "40")
        said = "order.yaml:3:4: " + "the key 'a' stands twice " * 5

        with pytest.raises(SystemExit), explained():
            raise InvalidRequest(said)

        assert f"foliot: {said}\n" == capsys.readouterr().err
