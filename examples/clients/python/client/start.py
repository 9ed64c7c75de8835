import json

import grpc
from foliot.v1.instance_service_pb2 import StartInstanceRequest
from foliot.v1.instance_service_pb2_grpc import InstanceServiceStub
from foliot.v1.json_pb2 import Json

from client.calls import repeating


def start(channel: grpc.Channel, request: str, parcel: str) -> None:
    """
    Start an instance for a parcel. With the same request a repeat starts no other one, whether the
    answer to the first was lost or not.
    """
    ask = StartInstanceRequest(
        definition_key="parcel",
        input=Json(json=json.dumps({"parcel": parcel, "seconds": 4})),
        request_id=request,
    )
    started = repeating(InstanceServiceStub(channel).StartInstance, ask)
    print(started.instance.instance_id)
