import sys

import grpc
from foliot.v1.event_service_pb2 import WatchInstanceRequest
from foliot.v1.event_service_pb2_grpc import EventServiceStub
from foliot.v1.history_entry_pb2 import HistoryEntryType

from client.calls import explain, may_pass, pause

RENEW_AFTER_S = 300.0
"""
A stream is opened anew after this time, so that one whose connection died without a word is not
listened to for ever.
"""


def watch(channel: grpc.Channel, instance_id: str) -> None:
    """
    Print what happens to an instance until it has ended. When the stream breaks, go on after the
    last entry there was: none is left out, none comes twice.
    """
    events = EventServiceStub(channel)
    seen = failures = 0
    while True:
        ask = WatchInstanceRequest(instance_id=instance_id, after_seq=seen)
        try:
            for message in events.WatchInstance(ask, timeout=RENEW_AFTER_S):
                if message.HasField("entry"):  # without one it is a bookmark
                    name = HistoryEntryType.Name(message.entry.type)
                    print(message.entry.seq, name.removeprefix("HISTORY_ENTRY_TYPE_"), flush=True)
                seen = message.seq
                failures = 0
        except grpc.RpcError as error:
            if not may_pass(error):
                raise
            failures += 1
            print(f"reconnecting after seq {seen}: {explain(error)}", file=sys.stderr, flush=True)
            pause(failures, error)
        else:
            return  # the instance has ended, and all of it was told
