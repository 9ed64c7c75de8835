"""
Something for hostile calls to meet: a tenant with definitions, instances and tasks, and who may
call what.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from foliot.v1 import auth_options_pb2
from google.protobuf.descriptor import MethodDescriptor

from control_plane.access.keys import mint
from control_plane.access.roles import PERMISSIONS, PLATFORM_ROLES
from control_plane.ports.credentials import StoredKey
from control_plane.server import SERVICES
from shared.ids import TenantId
from tests.api.serving import Client
from tests.api.stories import APPROVAL, CHAIN, GREETING, activate, create, send, start, waiting_task

METHODS: Sequence[MethodDescriptor] = tuple(
    method for service in SERVICES for method in service.methods
)
TENANT = TenantId("hostile")
SCXML = (
    '<scxml xmlns="http://www.w3.org/2005/07/scxml" version="1.0" initial="a">'
    '<state id="a"><transition event="go" target="b"/></state><final id="b"/></scxml>'
)


def keys(pepper: str) -> tuple[Mapping[str, str], Sequence[StoredKey]]:
    """A key for each role, as its holder sends it, and as they are stored."""
    minted = {
        role: mint(tenant_id=None if role in PLATFORM_ROLES else TENANT, role=role, pepper=pepper)
        for role in PERMISSIONS
    }
    return {role: one.text for role, one in minted.items()}, [one.stored for one in minted.values()]


def caller_of(method: MethodDescriptor) -> str:
    """A role that may call the method: of several, the one that may do most."""
    auth = method.GetOptions().Extensions[auth_options_pb2.auth]
    is_platforms = auth.scope == auth_options_pb2.AUTH_SCOPE_PLATFORM
    able = [
        role
        for role, granted in PERMISSIONS.items()
        if granted.issuperset(auth.permissions) and (role in PLATFORM_ROLES) == is_platforms
    ]
    return max(able, key=lambda role: len(PERMISSIONS[role]))


async def inhabited(client: Client) -> Mapping[str, Sequence[str]]:
    """Make the tenant's things; what is known of them, by the ends of fields' names."""
    definitions = [await create(client, APPROVAL)]
    for key, spec in (("approval", APPROVAL), ("greeting", GREETING), ("chain", CHAIN)):
        definitions.append(await activate(client, spec, key))
    instances = [
        (await start(client, key, business_key=f"{key}-{number}")).instance_id
        for key in ("approval", "greeting", "chain")
        for number in range(3)
    ]
    tasks: list[str] = []
    for instance_id in instances[:3]:
        await send(client, instance_id, "SUBMIT")
        tasks.append((await waiting_task(client, instance_id)).task_id)
    return {
        "definition_id": definitions,
        "instance_id": instances,
        "task_id": tasks,
        "task_ids": tasks,
        "definition_key": ["approval", "greeting", "chain", "none"],
        "business_key": ["approval-0", "approval-1", "new-1", "new-2"],
        "key": ["approval", "greeting", "new"],
        "type": ["SUBMIT", "WITHDRAW", "STOP", "NOBODY_KNOWS"],
        "event_id": ["e1", "e2", "e3"],
        "request_id": ["", "r1", "r2", "r3"],
        "session_id": ["0199f0c0-0000-7000-8000-000000000000"],
        "schedule_id": ["nightly", "hourly"],
        "tenant_id": ["globex", "initech"],
        "cron": ["0 3 * * *", "*/5 * * * *"],
        "time_zone": ["Europe/Berlin", "UTC"],
        "filter": ["", 'definition_key = "approval"', "status = WAITING"],
        "order_by": [""],
        "page_token": [""],
        "after": [""],
        "queue": ["default"],
        "queues": ["default"],
        "reason": ["because", "it had to be"],
        "kind": ["busy", "payment.declined"],
        "role": ["viewer", "tenant_admin"],
        "api_key_id": ["abcdefgh"],
        "name": ["approve", "greet"],
        "document": [_as_text(APPROVAL), SCXML],
        "json": ["{}", '{"amount": 5}', "null", _as_text(APPROVAL), _as_text(GREETING)],
        "sha256": ["a" * 64],
        "": ["", "x", "region"],
    }


def _as_text(value: dict[str, Any]) -> str:
    return json.dumps(value)
