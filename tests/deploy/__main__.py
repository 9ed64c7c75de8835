"""
`make check-deploy`: what an image, a compose file, an Envoy and a cluster would be given, read by
their own tools. A tool that is missing is said, and its part is skipped. Ends with 1 if something
is not as it should be.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.campaigns.topology.balancer import HOST, ROOT, TOOLS, configured
from tests.deploy.schemas import written
from tests.security.authority import Authority

CHART = "deploy/helm/foliot"
KUBERNETES = ("1.31.0", "1.34.0", "1.37.0")
"""The oldest that is tried, one of between, and the newest whose schemas there are."""

VARIANTS: dict[str, Sequence[str]] = {
    "as it is": (),
    "with everything": (
        *("--set", "tls.secretName=foliot-tls,autoscaling.by=backlog"),
        *("--set", "metrics.podMonitor.enabled=true,image.digest=sha256:0123"),
        *("--set", "networkPolicy.scrapers[0].namespaceSelector.matchLabels.name=monitoring"),
        *("--set", "networkPolicy.callers[0].podSelector.matchLabels.app=shop"),
        *("--set", "networkPolicy.executorEgress[0].ports[0].port=443"),
        *("--set", "networkPolicy.databasePeers[0].ipBlock.cidr=10.0.0.0/24"),
        *("--set", "executor.functions[0]=orders:functions,executor.env.FOLIOT_POLL_S=2"),
    ),
    "scaled by CPU": (
        *("--set", "autoscaling.by=cpu,migrate.enabled=false,networkPolicy.enabled=false"),
    ),
}
SCHEMAS = "kubernetes-validate"
"""What comes with the schemas that kubeconform is given."""

REFUSED = {
    "controlPlane.terminationGracePeriodSeconds=30": "has to be more than",
    "executor.terminationGracePeriodSeconds=30": "has to be more than",
    "autoscaling.by=luck": "none, cpu or backlog",
}


class Wrong(Exception):
    """A tool said so."""


class Step(NamedTuple):
    about: str
    tool: str
    words: Sequence[str]
    refusal: str = ""
    """What the tool has to refuse it with; empty where it has to take it."""


def main() -> int:
    """Zero when nothing was found."""
    failures = 0
    with tempfile.TemporaryDirectory(prefix="foliot-deploy-") as made:
        folder = Path(made)
        for step in (*_files(folder), *_charts(folder)):
            tool = find(step.tool)
            if tool is None:
                _say(f"skipped: {step.about}; there is no {step.tool} (`make deploy-tools`)")
                continue
            try:
                said = run((tool, *step.words), step.refusal)
            except Wrong as wrong:
                _say(f"FAILED: {step.about}, by {step.tool}:\n{wrong}")
                failures += 1
            else:
                _say(f"{step.about}, by {step.tool}: good{said}")
    return 1 if failures else 0


def find(tool: str) -> str | None:
    """Where a tool is: below build/deploy, or on the PATH."""
    ours = TOOLS / tool
    return str(ours) if ours.exists() else shutil.which(tool)


def run(command: Sequence[str], refusal: str = "") -> str:
    """Its last line, where that is a summary. Raises Wrong if it does not end as it should."""
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    is_good = refusal in ran.stderr if refusal else True
    if (ran.returncode != 0) != bool(refusal) or not is_good:
        raise Wrong(ran.stdout + ran.stderr)
    last = (ran.stdout.strip().splitlines() or [""])[-1]
    return f" ({last})" if last.startswith("Summary") else ""


def _files(folder: Path) -> Iterator[Step]:
    yield Step("Dockerfile", "hadolint", ["Dockerfile"])
    compose = ("--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    yield Step("docker-compose.yml", "check-jsonschema", compose)
    authority = Authority(folder, "ca")
    authority.server("server")
    secured = folder / "envoy.yaml"
    secured.write_text(
        yaml.safe_dump(
            configured(
                listen=("127.0.0.1", 7233),
                admin=("127.0.0.1", 9901),
                control_planes=[("127.0.0.1", 7001), ("127.0.0.1", 7002)],
                tls=folder,
                server_name=HOST,
            )
        )
    )
    for about, path in (("deploy/envoy", "deploy/envoy/envoy.yaml"), ("with TLS", str(secured))):
        words = ("--mode", "validate", "--log-level", "error", "--config-path", path)
        yield Step(about, "envoy", words)
    prometheus = folder / "prometheus.yml"
    shutil.copy(ROOT / "deploy" / "otel" / "prometheus.yml", prometheus)
    shutil.copy(ROOT / "deploy" / "prometheus" / "foliot.rules.yml", folder)
    yield Step("deploy/otel/prometheus.yml", "promtool", ("check", "config", str(prometheus)))


def _charts(folder: Path) -> Iterator[Step]:
    yield Step("deploy/helm", "helm", ("lint", "--strict", "--quiet", CHART))
    for word, why in REFUSED.items():
        asked = ("template", "x", CHART, "--kube-version", KUBERNETES[-1], "--set", word)
        yield Step(f"that {word} is refused", "helm", asked, why)
    helm = find("helm")
    if helm is None or not (TOOLS / SCHEMAS).exists():
        yield Step("the chart for each Kubernetes", SCHEMAS, ("--help",))
        return
    for version in KUBERNETES:
        for variant, words in VARIANTS.items():
            made = run_out((helm, "template", "x", CHART, "--kube-version", version, *words))
            name = f"{version}-{variant.replace(' ', '-')}"
            (folder / f"{name}.yaml").write_text(made)
            about = f"the chart {variant}, for Kubernetes {version}"
            written(folder / name, TOOLS.parent, kinds_of(made), version)
            location = f"{folder / name}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
            given = ("-strict", "-summary", "-schema-location", location)
            yield Step(about, "kubeconform", (*given, str(folder / f"{name}.yaml")))


def run_out(command: Sequence[str]) -> str:
    """All that a command says. Raises Wrong if it fails."""
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise Wrong(ran.stderr)
    return ran.stdout


def kinds_of(manifests: str) -> Sequence[str]:
    """The kinds of Kubernetes' own among them, as their schemas are called."""
    found = set()
    documents: list[dict[str, Any]] = [one for one in yaml.safe_load_all(manifests) if one]
    for one in documents:
        group, _, version = one["apiVersion"].rpartition("/")
        if "." not in group or group.endswith(".k8s.io"):
            names = (one["kind"].lower(), group.partition(".")[0], version)
            found.add("-".join(filter(None, names)))
    return sorted(found)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
