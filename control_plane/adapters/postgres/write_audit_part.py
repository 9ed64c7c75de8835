"""What a turn's statement adds to the audit log: who asked for what it keeps."""

from control_plane.adapters.postgres.write_parts import Part, RecordSet
from shared.ids import new_uuid7

AUDIT = Part(
    is_in=lambda changes: any(c.noted for c in changes),
    sets={
        "noting": RecordSet(
            """
            n int, entry_id uuid, principal text, credential_id text, method text,
            target_kind text, target_id text, reason text, request_id text, correlation_id text,
            before_hash bytea, after_hash bytea
            """,
            lambda changes: (
                (
                    n,
                    new_uuid7(),
                    one.noted.principal,
                    one.noted.credential_id,
                    one.noted.method,
                    *one.target,
                    one.noted.reason,
                    one.noted.request_id,
                    one.noted.correlation_id,
                    one.before_hash,
                    one.after_hash,
                )
                for n, c in enumerate(changes, 1)
                for one in c.noted
            ),
        )
    },
    keeping="""
audited AS (
  INSERT INTO foliot.audit
         (tenant_id, at, entry_id, principal, credential_id, method, target_kind, target_id,
          reason, request_id, correlation_id, before_hash, after_hash)
  SELECT {change.tenant_id}[noting.n], {change.updated_at}[noting.n], noting.entry_id,
         noting.principal, noting.credential_id, noting.method, noting.target_kind,
         noting.target_id, noting.reason, noting.request_id, noting.correlation_id,
         noting.before_hash, noting.after_hash
    FROM {noting}
   WHERE {kept}[noting.n])""",
)
