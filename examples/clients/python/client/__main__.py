"""
foliot from Python: a verb a module, and calls.py for what all of them need.

    deploy <file>             make a definition of a file, and activate it
    start <request> <parcel>  start an instance
    watch <instance>          print its history, to its end
    approve <instance>        complete what a person is asked to do
    work                      carry out tasks, until told to stop

ADDRESS says where foliot is. KEY is a key of a tenant, for work one of an executor.
"""

import os
import sys

import grpc

from client.approve import approve
from client.calls import Key, explain
from client.deploy import deploy
from client.start import start
from client.watch import watch
from client.work import work

VERBS = {"deploy": deploy, "start": start, "watch": watch, "approve": approve, "work": work}


def main() -> int:
    """Returns the exit status: 1 if what was asked could not be done."""
    verb, arguments = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    if verb not in VERBS:
        print(f"say one of: {', '.join(VERBS)}", file=sys.stderr)
        return 1
    # With TLS: grpc.secure_channel, and grpc.metadata_call_credentials for the key.
    with grpc.insecure_channel(os.environ["ADDRESS"]) as plain:
        channel = grpc.intercept_channel(plain, Key(os.environ["KEY"]))
        try:
            VERBS[verb](channel, *arguments)
        except grpc.RpcError as error:
            print(explain(error), file=sys.stderr)
            return 1
        except LookupError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


sys.exit(main())
