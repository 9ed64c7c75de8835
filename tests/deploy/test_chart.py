"""deploy/helm, read without helm: what is set is read by a plane, and the numbers go together."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from control_plane.settings import ControlPlaneSettings
from executor.plane import FLUSH_WITHIN
from shared.settings import Settings
from shared.telemetry import metric_names
from tests.architecture.test_deployment import DOCKERFILE, settings_of
from tests.architecture.tree import ROOT

CHART = ROOT / "deploy" / "helm" / "foliot"
ABOUT: dict[str, Any] = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
TEMPLATES = {path.name: path.read_text("utf-8") for path in (CHART / "templates").iterdir()}

WHOLE = re.compile(r"^\.secrets\.|\.resources\.|\.disruptionBudget\.")
"""What templates take as a whole, and not leaf by leaf."""


def leaves(value: Any, path: str = "") -> set[str]:
    """Where a value stands, as templates write it; a map that is empty is one."""
    if not isinstance(value, dict) or not value:
        return {path}
    return {leaf for name, one in value.items() for leaf in leaves(one, f"{path}.{name}")}


class TestTheChart:
    def test_is_of_this_release(self) -> None:
        """It names the image by its version."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

        assert project["version"] == ABOUT["version"] == ABOUT["appVersion"]

    def test_sets_variables_that_are_read(self) -> None:
        """A misspelt variable is no error anywhere else."""
        named = set(re.findall(r"FOLIOT_\w+", "".join(TEMPLATES.values())))

        assert named
        assert set() == named - settings_of(Settings, ControlPlaneSettings)

    def test_uses_every_value_that_it_offers(self) -> None:
        """One that nothing reads is a promise that nobody keeps."""
        text = "".join(TEMPLATES.values())
        offered = {leaf for leaf in leaves(VALUES) if not WHOLE.search(leaf)}

        assert set() == {
            leaf for leaf in offered if not re.search(rf"\.{leaf.rpartition('.')[2]}\b", text)
        }

    def test_gives_planes_longer_to_end_than_they_take(self) -> None:
        """The kill would come in the middle of what they have promised to finish."""
        control_plane, executor = VALUES["controlPlane"], VALUES["executor"]
        flush_s = FLUSH_WITHIN.total_seconds()
        leaving_s = control_plane["drainDelaySeconds"] + control_plane["drainSeconds"]

        assert leaving_s + flush_s < control_plane["terminationGracePeriodSeconds"]
        assert executor["drainSeconds"] + flush_s < executor["terminationGracePeriodSeconds"]

    def test_runs_as_the_user_of_the_image(self) -> None:
        """Who may write nothing, and is not root."""
        helpers = TEMPLATES["_helpers.tpl"]

        assert "runAsNonRoot: true" in helpers
        assert "readOnlyRootFilesystem: true" in helpers
        assert re.findall(r"runAsUser: (\d+)", helpers) == re.findall(r"USER (\d+):", DOCKERFILE)

    def test_probes_what_is_served(self) -> None:
        """At the port that the image tells of itself on."""
        assert f"FOLIOT_METRICS_LISTEN=0.0.0.0:{VALUES['metrics']['port']}" in DOCKERFILE
        assert {"/livez", "/readyz"} == set(
            re.findall(r"path: (/\w+), port: metrics", TEMPLATES["_helpers.tpl"])
        )

    def test_scales_by_a_metric_that_there_is(self) -> None:
        """KEDA takes a query without an answer for an error, and changes nothing."""
        [name] = re.findall(r"max\((\w+)\{", TEMPLATES["autoscaling.yaml"])
        names = Path(metric_names.__file__).read_text("utf-8")

        assert f'"{name}"' in names

    def test_holds_no_secret(self) -> None:
        """Secrets are named; what is in them is nobody's here."""
        assert {"name", "key"} == {word for one in VALUES["secrets"].values() for word in one}
        assert not re.search(r"kind: Secret\b", "".join(TEMPLATES.values()))
