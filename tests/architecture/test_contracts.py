"""
The import contracts of .importlinter, each seen to break.

A contract that cannot fail protects nothing: a mistyped module name is enough. So a copy of
the tree gets one file that breaks one contract, and the linter has to name both.
"""

import configparser
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.tree import GENERATED, OURS, ROOT

CONTRACT = "importlinter:contract:"
LINT = "from importlinter.cli import lint_imports_command as lint; lint()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A file that nobody may add, and what the linter has to say about it."""

    contract: str
    planted: Mapping[str, str]
    says: tuple[str, ...]


ENGINE_IMPORTS = (
    *("asyncio", "time", "random", "uuid", "os", "socket", "logging", "grpc", "google"),
    *("sqlalchemy", "asyncpg", "redis", "taskiq", "opentelemetry"),
)

VIOLATIONS = {
    "a handler that reaches into the control plane": Violation(
        contract="planes",
        planted={"executor/handlers/planted.py": "import control_plane.ports"},
        says=("executor.handlers.planted -> control_plane.ports",),
    ),
    "a use case that reaches into the executor": Violation(
        contract="planes",
        planted={"control_plane/use_cases/planted.py": "import executor.ports"},
        says=("control_plane.use_cases.planted -> executor.ports",),
    ),
    "something shared that knows a plane": Violation(
        contract="planes",
        planted={"shared/planted.py": "import executor.ports"},
        says=("shared.planted -> executor.ports",),
    ),
    "a use case that asks a loop": Violation(
        contract="control-plane",
        planted={"control_plane/use_cases/planted.py": "import control_plane.loops.pace"},
        says=("control_plane.use_cases.planted -> control_plane.loops.pace",),
    ),
    "a servicer that asks an adapter": Violation(
        contract="control-plane",
        planted={"control_plane/api/planted.py": "import control_plane.adapters.memory"},
        says=("control_plane.api.planted -> control_plane.adapters.memory",),
    ),
    "a module of the control plane that nobody placed": Violation(
        contract="control-plane",
        planted={"control_plane/planted.py": ""},
        says=("planted",),
    ),
    "a port of the executor that knows the runner": Violation(
        contract="executor",
        planted={"executor/ports/planted.py": "import executor.runner"},
        says=("executor.ports.planted -> executor.runner",),
    ),
    "a module of the executor that nobody placed": Violation(
        contract="executor",
        planted={"executor/planted.py": ""},
        says=("planted",),
    ),
    "a handler that reaches past its ports": Violation(
        contract="handlers",
        planted={"executor/handlers/planted.py": "import httpx\nimport socket\nimport os"},
        says=tuple(f"executor.handlers.planted -> {name}" for name in ("httpx", "socket", "os")),
    ),
    "a function that reaches past its ports": Violation(
        contract="handlers",
        planted={"executor/functions/planted.py": "from shared import settings"},
        says=("executor.functions.planted -> shared.settings",),
    ),
    "an adapter of the executor that knows the handlers": Violation(
        contract="executor-adapters",
        planted={"executor/adapters/planted.py": "import executor.handlers"},
        says=("executor.adapters.planted -> executor.handlers",),
    ),
    "a use case that chooses its adapter": Violation(
        contract="adapters",
        planted={"control_plane/use_cases/planted.py": "import control_plane.adapters.memory"},
        says=("control_plane.use_cases.planted -> control_plane.adapters.memory",),
    ),
    "a loop that makes an instrument of its own": Violation(
        contract="metrics",
        planted={"control_plane/loops/planted.py": "import prometheus_client"},
        says=("control_plane.loops.planted -> prometheus_client",),
    ),
    "a use case that makes spans of its own": Violation(
        contract="tracing",
        planted={"control_plane/use_cases/planted.py": "import opentelemetry.trace"},
        says=("control_plane.use_cases.planted -> opentelemetry",),
    ),
    "a use case that reads cron expressions for itself": Violation(
        contract="cron",
        planted={"control_plane/use_cases/planted.py": "from cronsim import CronSim"},
        says=("control_plane.use_cases.planted -> cronsim",),
    ),
    "a handler that asks a model past the gates": Violation(
        contract="models",
        planted={"executor/handlers/planted.py": "import openai"},
        says=("executor.handlers.planted -> openai",),
    ),
    "guardrails with I/O, a clock, chance and frameworks": Violation(
        contract="guardrails",
        planted={
            "shared/guardrails/planted.py": "\n".join(f"import {name}" for name in ENGINE_IMPORTS)
        },
        says=tuple(
            f"shared.guardrails is not allowed to import {name}:" for name in ENGINE_IMPORTS
        ),
    ),
    "an engine with I/O, a clock, chance and frameworks": Violation(
        contract="engine",
        planted={
            "control_plane/engine/planted.py": "\n".join(
                f"import {name}" for name in ENGINE_IMPORTS
            )
        },
        says=tuple(
            f"control_plane.engine is not allowed to import {name}:" for name in ENGINE_IMPORTS
        ),
    ),
    "a loop that decides": Violation(
        contract="decide",
        planted={"control_plane/loops/planted.py": "from control_plane.engine import decide"},
        says=("control_plane.loops.planted -> control_plane.engine.decide",),
    ),
    "a use case that commits": Violation(
        contract="commit",
        planted={
            "control_plane/use_cases/planted.py": (
                "from control_plane.orchestrator.turn import take_turn"
            )
        },
        says=("control_plane.use_cases.planted -> control_plane.orchestrator.turn",),
    ),
    "a use case that speaks protobuf and gRPC": Violation(
        contract="wire",
        planted={
            "control_plane/use_cases/planted.py": (
                "import grpc\nimport foliot.v1.task_pb2\nfrom google.protobuf import duration_pb2"
            )
        },
        says=(
            "control_plane.use_cases.planted -> grpc",
            "control_plane.use_cases.planted -> foliot.v1.task_pb2",
            "control_plane.use_cases.planted -> google",
        ),
    ),
    "a handler that speaks SQL": Violation(
        contract="sql",
        planted={"executor/handlers/planted.py": "import asyncpg\nimport sqlalchemy"},
        says=(
            "executor.handlers.planted -> asyncpg",
            "executor.handlers.planted -> sqlalchemy",
        ),
    ),
    "a use case that publishes past the doorbell": Violation(
        contract="redis",
        planted={"control_plane/use_cases/planted.py": "import redis\nimport taskiq"},
        says=(
            "control_plane.use_cases.planted -> redis",
            "control_plane.use_cases.planted -> taskiq",
        ),
    ),
    "a loop with a logger of its own": Violation(
        contract="logging",
        planted={"control_plane/loops/planted.py": "import structlog"},
        says=("control_plane.loops.planted -> structlog",),
    ),
    "two ports that import each other": Violation(
        contract="cycles",
        planted={
            "control_plane/ports/planted.py": "import control_plane.ports.planted_too",
            "control_plane/ports/planted_too.py": "import control_plane.ports.planted",
        },
        says=("planted", "planted_too"),
    ),
}


@pytest.fixture(name="copied")
def _copied(tmp_path: Path) -> Path:
    """The tree, to be broken."""
    for package in OURS:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copytree(ROOT / "proto" / "gen" / GENERATED, tmp_path / GENERATED)
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def lint(tree: Path, *arguments: str) -> tuple[bool, str]:
    """Whether the contracts are kept, and what the linter said."""
    ran = subprocess.run(
        [sys.executable, "-c", LINT, "--no-logo", "--no-cache", *arguments],
        cwd=tree,
        # Wide enough that no name is broken over two lines.
        env={**os.environ, "COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode == 0, ran.stdout + ran.stderr


def contracts() -> dict[str, str]:
    """The name of each contract, by its id."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", "utf-8")
    return {
        section.removeprefix(CONTRACT): parser[section]["name"]
        for section in parser.sections()
        if section.startswith(CONTRACT)
    }


class TestTheImportContracts:
    def test_are_kept(self, copied: Path) -> None:
        """The tree as it is; also the proof that a copy is linted, and not what is installed."""
        kept, said = lint(copied)

        assert kept, said

    def test_have_each_a_violation_here(self) -> None:
        """A contract that was never seen to break may be one that cannot."""
        assert set(contracts()) == {violation.contract for violation in VIOLATIONS.values()}

    @pytest.mark.parametrize("violation", VIOLATIONS.values(), ids=VIOLATIONS)
    def test_refuse(self, copied: Path, violation: Violation) -> None:
        """The contract breaks, and the message leads to the file."""
        for path, content in violation.planted.items():
            (copied / path).write_text(content + "\n")

        kept, said = lint(copied, "--contract", violation.contract)

        assert not kept
        assert () == tuple(words for words in violation.says if words not in said), said
