"""
Write the descriptors of all protos, and of those they import, for what reads them at run time:
gateways, grpcurl, load generators.

    .venv/bin/python proto/descriptors.py                   to build/foliot.binpb
    .venv/bin/python proto/descriptors.py somewhere.binpb

Google's error details are in it too, so that the details of a status can be read.
"""

import argparse
import importlib.metadata
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# ruff: noqa: INP001 -- a script among the protos; there is no package around it

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "proto"
DEFAULT = ROOT / "build" / "foliot.binpb"
BESIDES = ("google/rpc/status.proto", "google/rpc/error_details.proto")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: protoc's."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("target", nargs="?", type=Path, default=DEFAULT, help="where to write")
    target: Path = parser.parse_args(arguments).target
    target.parent.mkdir(parents=True, exist_ok=True)
    return write(target)


def write(target: Path, *options: str) -> int:
    """Have protoc write them, by options of its own; its exit status."""
    google = importlib.metadata.distribution("googleapis-common-protos").locate_file("")
    ours = sorted(str(path.relative_to(SOURCES)) for path in (SOURCES / "foliot").rglob("*.proto"))
    return subprocess.run(  # noqa: S603, PLW1510 -- our own interpreter, our own files; the status is the answer
        [
            *(sys.executable, "-m", "grpc_tools.protoc", "--include_imports"),
            *(f"--proto_path={SOURCES}", f"--proto_path={google}"),
            *(f"--descriptor_set_out={target}", *options, *ours, *BESIDES),
        ]
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
