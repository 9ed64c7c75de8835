"""What the tests of the protos look at: the protos as protoc sees them, and a copy to try on."""

import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[FileDescriptorProto]:
    """Every proto of ours, described, comments included."""
    sources = ROOT / "proto"
    google = importlib.metadata.distribution("googleapis-common-protos").locate_file("")
    described = tmp_path_factory.mktemp("described") / "set.binpb"
    protos = sorted(
        str(path.relative_to(sources)) for path in (sources / "foliot").rglob("*.proto")
    )
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", "--include_source_info"),
            *(f"--proto_path={sources}", f"--proto_path={google}"),
            *(f"--descriptor_set_out={described}", *protos),
        ],
        check=True,
    )
    return list(FileDescriptorSet.FromString(described.read_bytes()).file)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the protos, their scripts and what was generated, with Google's laid out."""
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    google = importlib.metadata.distribution("googleapis-common-protos")
    for name in (
        "google/api/annotations.proto",
        "google/api/http.proto",
        "google/rpc/status.proto",
    ):
        target = tmp_path / "build" / "proto" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(str(google.locate_file(name)), target)
    return tmp_path


@pytest.fixture(scope="session")
def buf() -> str:
    """The buf command beside the interpreter or on the PATH."""
    found = shutil.which("buf", path=str(Path(sys.executable).parent)) or shutil.which("buf")
    if found is None:
        pytest.skip("no buf here; install the dev dependency group for it (buf-bin)")
    return found
