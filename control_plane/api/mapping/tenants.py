"""Tenants, keys and audit entries on the wire."""

from foliot.v1 import api_key_pb2, audit_entry_pb2, tenant_pb2

from control_plane.api.mapping.times import timestamp
from control_plane.ports.audit import AuditEntry
from control_plane.ports.key_store import KeyRecord
from control_plane.ports.tenant_store import Tenant


def tenant_to(tenant: Tenant) -> tenant_pb2.Tenant:
    return tenant_pb2.Tenant(
        tenant_id=tenant.tenant_id,
        display_name=tenant.display_name,
        create_time=timestamp(tenant.created_at),
        suspend_time=timestamp(tenant.suspended_at),
        suspend_reason=tenant.suspend_reason or "",
    )


def key_to(key: KeyRecord) -> api_key_pb2.ApiKey:
    return api_key_pb2.ApiKey(
        key_id=key.key_id,
        tenant_id=key.tenant_id or "",
        role=key.role,
        label=key.label,
        created_by=key.created_by,
        create_time=timestamp(key.created_at),
        expire_time=timestamp(key.expires_at),
        revoke_time=timestamp(key.revoked_at),
        user=key.user,
        groups=key.groups,
    )


def audit_entry_to(entry: AuditEntry) -> audit_entry_pb2.AuditEntry:
    noted = entry.noted
    return audit_entry_pb2.AuditEntry(
        entry_id=str(entry.entry_id),
        tenant_id=entry.tenant_id or "",
        create_time=timestamp(entry.at),
        principal=noted.principal,
        credential_id=noted.credential_id,
        method=noted.method,
        target_kind=entry.target.kind,
        target_id=entry.target.id,
        reason=noted.reason,
        request_id=noted.request_id,
        correlation_id=noted.correlation_id,
        before_hash=entry.before_hash or b"",
        after_hash=entry.after_hash or b"",
    )
