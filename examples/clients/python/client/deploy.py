import hashlib
from pathlib import Path

import grpc
from foliot.v1.definition_service_pb2 import ActivateDefinitionRequest, CreateDefinitionRequest
from foliot.v1.definition_service_pb2_grpc import DefinitionServiceStub
from foliot.v1.json_pb2 import Json

from client.calls import repeating


def deploy(channel: grpc.Channel, path: str) -> None:
    """Make a definition of a file, under the key that the file is named after; activate it."""
    definitions = DefinitionServiceStub(channel)
    spec = Path(path).read_text("utf-8")
    create = CreateDefinitionRequest(
        key=Path(path).stem,
        spec=Json(json=spec),
        # It follows from the spec, so that to deploy the same file twice makes one version.
        request_id=f"deploy-{hashlib.sha256(spec.encode()).hexdigest()}",
    )
    created = repeating(definitions.CreateDefinition, create).definition
    activate = ActivateDefinitionRequest(definition_id=created.definition_id)
    active = repeating(definitions.ActivateDefinition, activate).definition
    print(f"definition {active.key} version {active.version} is active")
