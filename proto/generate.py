"""
Generate the Python code of the protos into proto/gen, or check that it is current.

    .venv/bin/python proto/generate.py            generate
    .venv/bin/python proto/generate.py --check    fail if proto/gen is not what the protos give
    .venv/bin/python proto/generate.py --google   only lay out what clients generate from as well

In any case, the Google protos that ours import are laid out under build/proto first, from the
installed googleapis-common-protos: protoc and buf read them there, and no third-party file is
committed. Messages get their types from mypy-protobuf; stubs and servicers are typed for
grpc.aio only, which is all that this project speaks.
"""

import argparse
import importlib.metadata
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

# ruff: noqa: INP001 -- a script among the protos; there is no package around it

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "proto"
GENERATED = SOURCES / "gen"
GOOGLE = ROOT / "build" / "proto"

GOOGLE_PROTOS = (
    "google/api/annotations.proto",
    "google/api/http.proto",
    "google/rpc/status.proto",
    # No proto of ours imports it, but every error carries an ErrorInfo: clients need the type.
    "google/rpc/error_details.proto",
)
# mypy-protobuf 5.1 gives a servicer's context the types of the method, as
# ServicerContext[Request, Awaitable[Response]]; what it reads and writes are the messages.
CONTEXT = re.compile(r"(?<=_aio\.ServicerContext\[)(.+)(?=\],\n)")
WRAPPED = re.compile(r"_abc\.(?:Awaitable|AsyncIterator)\[([\w.]+)\]")

REMEDY = "run `python proto/generate.py` and commit proto/gen"


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, or 1 if --check found a difference."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="compare, and write nothing to proto/gen"
    )
    parser.add_argument(
        "--google", action="store_true", help="lay out Google's protos, and generate nothing"
    )
    asked = parser.parse_args(arguments)
    lay_out_google()
    if asked.google:
        return 0
    if not asked.check:
        replace_generated()
        return 0
    differing = drift()
    for path in differing:
        sys.stderr.write(f"proto/gen/{path} is not what the protos give\n")
    if differing:
        sys.stderr.write(f"{REMEDY}\n")
    return 1 if differing else 0


def lay_out_google() -> None:
    """Copy the Google protos that ours go with to build/proto. Others there are left alone."""
    installed = importlib.metadata.distribution("googleapis-common-protos")
    for name in GOOGLE_PROTOS:
        target = GOOGLE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(Path(str(installed.locate_file(name))).read_bytes())


def drift() -> list[str]:
    """The files, relative to proto/gen and sorted, that are missing, left over or different."""
    with tempfile.TemporaryDirectory() as directory:
        fresh = Path(directory)
        generate(fresh)
        wanted, found = contents(fresh), contents(GENERATED)
    return sorted(
        path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path)
    )


def replace_generated() -> None:
    """Generate beside proto/gen, then take over: what no proto gives any more is removed."""
    with tempfile.TemporaryDirectory() as directory:
        fresh = Path(directory)
        generate(fresh)
        wanted = contents(fresh)
    for path in contents(GENERATED).keys() - wanted.keys():
        (GENERATED / path).unlink()
    for path, content in wanted.items():
        target = GENERATED / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def generate(target: Path) -> None:
    """Run protoc on every proto of ours, and make packages of what it leaves in target."""
    ours = sorted((SOURCES / "foliot").rglob("*.proto"))
    # protoc finds its plugins on the PATH; ours are installed beside the interpreter.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    subprocess.run(  # noqa: S603 -- our own interpreter, our own files
        [
            *(sys.executable, "-m", "grpc_tools.protoc"),
            *(f"--proto_path={SOURCES}", f"--proto_path={GOOGLE}"),
            *(f"--python_out={target}", f"--mypy_out=quiet:{target}"),
            *(f"--grpc_python_out={target}", f"--mypy_grpc_out=quiet,only_async:{target}"),
            *(str(proto.relative_to(SOURCES)) for proto in ours),
        ],
        check=True,
        env={**os.environ, "PATH": path},
    )
    package = target / "foliot"
    for folder in (package, *(path for path in package.rglob("*") if path.is_dir())):
        (folder / "__init__.py").touch()
    (package / "py.typed").touch()
    for types in package.rglob("*_pb2_grpc.pyi"):
        types.write_text(CONTEXT.sub(messages_only, types.read_text("utf-8")), "utf-8")
    # A proto without a service has no stubs; protoc writes the files all the same.
    for stub in package.rglob("*_pb2_grpc.py"):
        if not stub.name.endswith("_service_pb2_grpc.py"):
            stub.unlink()
            stub.with_suffix(".pyi").unlink(missing_ok=True)


def messages_only(context: re.Match[str]) -> str:
    """The parameters of a ServicerContext, without what wraps the messages."""
    return WRAPPED.sub(r"\1", context[0])


def contents(folder: Path) -> dict[str, bytes]:
    """Every generated file below the folder, by its path in it; not what Python caches there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in {".py", ".pyi", ".typed"}
    }


if __name__ == "__main__":
    sys.exit(main())
