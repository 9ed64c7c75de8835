"""The wheel as a user has it: in a fresh environment, by each interpreter."""

import json
import shutil
import sys
import time
from pathlib import Path

from tests.campaigns.release.building import Built
from tests.campaigns.release.running import Broken, done, environment, run, say

SUPPORTED = ("3.11", "3.12", "3.13")

FROM_WHERE = """
import control_plane, executor, foliot.v1, json, migrations, shared, sys
ours = (control_plane, executor, migrations, shared)
print(json.dumps([sys.prefix, *(one.__file__ for one in ours)]))
"""


def interpreters() -> list[Path]:
    """One of each supported version, where it is at hand: on the PATH, or kept by pyenv."""
    kept = Path.home() / ".pyenv" / "versions"
    found = []
    for version in SUPPORTED:
        on_path = shutil.which(f"python{version}")
        candidates = [
            *(Path(one) for one in [on_path] if one is not None),
            *sorted(kept.glob(f"{version}.*/bin/python")),
        ]
        good = next((one for one in candidates if _version_of(one) == version), None)
        if good is None:
            say(f"note   there is no Python {version} here: not tried with it")
        else:
            found.append(good)
    return found


def try_out(where: Path, python: Path, source: Path, built: Built) -> list[str]:
    """Install the locked versions and the wheel, and run the demo from there."""
    version = _version_of(python)
    try:
        interpreter = environment(where, python, [str(source / "requirements" / "run.lock")])
        done(
            [
                *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"),
                *("--no-index", "--python", interpreter, built.wheel),
            ]
        )
        done([sys.executable, "-m", "uv", "pip", "check", "--python", interpreter])
        away = where / "elsewhere"
        away.mkdir()
        prefix, *files = json.loads(done([interpreter, "-c", FROM_WHERE], where=away))
        foliot = where / "bin" / "foliot"
        said = done([foliot, "--version"], where=away).strip()
        began = time.monotonic()
        ended = run([foliot, "demo"], where=away, more={"COLUMNS": "200"})
    except Broken as error:
        return [f"Python {version}: {error}"]
    problems = [f"{file} is not of the wheel" for file in files if not file.startswith(prefix)]
    if said != f"foliot {built.version}":
        problems.append(f"it says that it is {said!r}, and it is {built.version}")
    if ended.returncode or "instance completed" not in ended.stdout:
        problems.append(f"the demo ended with {ended.returncode}:\n{ended.stdout}")
    if not problems:
        say(f"tried  Python {version}: demo, {time.monotonic() - began:.1f} s")
    return [f"Python {version}: {one}" for one in problems]


def _version_of(python: Path) -> str | None:
    asks = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    ended = run([python, "-c", asks])
    return ended.stdout.strip() if ended.returncode == 0 else None
