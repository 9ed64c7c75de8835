"""
A throw-away environment for the other implementations of CEL, below build/.

They are kept out of foliot's own environment, as they are no part of it and bring their own
versions of what foliot depends on.
"""

import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")


def python() -> Path:
    """Its interpreter; made anew if its requirements have changed since. Takes a download."""
    here = ROOT / "build" / "cel" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    made, wanted = here / "made", REQUIREMENTS.read_text("utf-8")
    found = here / "bin" / "python"
    if made.exists() and made.read_text("utf-8") == wanted:
        return found
    sys.stderr.write(f"making {here.relative_to(ROOT)} with {REQUIREMENTS.name}; once\n")
    shutil.rmtree(here, ignore_errors=True)
    venv.create(here, with_pip=True)
    pip = f"{found} -m pip --disable-pip-version-check --quiet install --require-hashes".split()
    subprocess.run([*pip, "--requirement", REQUIREMENTS], check=True)
    made.write_text(wanted, "utf-8")
    return found
