"""What a turn's statement does to AI tasks. Turns without one do not have these parts."""

from control_plane.adapters.postgres.write_parts import Part, RecordSet
from shared import json
from shared.json import Json

# The versions that are active as of this statement's snapshot bind the task. Those of a repeated
# task may be others than bound it: it is begun anew.
AI_TASKS = Part(
    is_in=lambda changes: any(c.ai_tasks for c in changes),
    sets={
        "binding": RecordSet(
            "n int, ordinal int, policy text, events text, guardrails text, repeats int",
            lambda changes: (
                (
                    n,
                    one.ordinal,
                    one.policy,
                    json.dump(list[Json](one.events)),
                    f"[{','.join(one.guardrails)}]",
                    one.repeats,
                )
                for n, c in enumerate(changes, 1)
                for one in c.ai_tasks
            ),
        )
    },
    keeping="""
bound AS (
  INSERT INTO foliot.ai_task
         (tenant_id, instance_id, ordinal, policy_name, policy_version, default_version,
          platform_version, events, guardrails)
  SELECT {change.tenant_id}[b.n], {change.instance_id}[b.n], b.ordinal, b.policy,
         (SELECT p.version FROM foliot.ai_policy p
           WHERE p.tenant_id = {change.tenant_id}[b.n] AND p.name = b.policy AND p.is_active),
         (SELECT p.version FROM foliot.ai_policy p
           WHERE p.tenant_id = {change.tenant_id}[b.n] AND p.name = 'default'
             AND p.is_active),
         (SELECT p.version FROM foliot.ai_platform_policy p WHERE p.is_active),
         b.events, b.guardrails
    FROM (SELECT binding.n, binding.ordinal, coalesce(was.policy_name, binding.policy) AS policy,
                 coalesce(was.events, binding.events::json) AS events,
                 coalesce(was.guardrails, binding.guardrails::json) AS guardrails
            FROM {binding}
            LEFT JOIN LATERAL (
              SELECT a.policy_name, a.events, a.guardrails FROM foliot.ai_task a
               WHERE a.tenant_id = {change.tenant_id}[binding.n]
                 AND a.instance_id = {change.instance_id}[binding.n]
                 AND a.ordinal = binding.repeats OFFSET 0) AS was ON true) AS b
   WHERE {kept}[b.n])""",
)

SUGGESTED = Part(
    is_in=lambda changes: any(c.suggested for c in changes),
    sets={
        "suggesting": RecordSet(
            """
            n int, ordinal int, review int, hash text, body text, policy_name text,
            policy_version int, proposed text, is_shadow bool, at timestamptz
            """,
            lambda changes: (
                (
                    n,
                    one.ordinal,
                    one.review,
                    one.hash,
                    one.body,
                    one.policy_name,
                    one.policy_version,
                    one.proposed,
                    one.is_shadow,
                    c.after.updated_at,
                )
                for n, c in enumerate(changes, 1)
                for one in c.suggested
            ),
        )
    },
    keeping="""
suggested AS (
  INSERT INTO foliot.ai_suggestion
         (tenant_id, instance_id, ordinal, review, hash, body, policy_name, policy_version,
          proposed, is_shadow, suggested_at)
  SELECT {change.tenant_id}[suggesting.n], {change.instance_id}[suggesting.n], suggesting.ordinal,
         suggesting.review, suggesting.hash, suggesting.body::json, suggesting.policy_name,
         suggesting.policy_version, suggesting.proposed, suggesting.is_shadow, suggesting.at
    FROM {suggesting}
   WHERE {kept}[suggesting.n])""",
)

SUGGESTIONS_DECIDED = Part(
    is_in=lambda changes: any(c.decided for c in changes),
    sets={
        "settling": RecordSet(
            "n int, ordinal int, decision text, event text, person text, at timestamptz",
            lambda changes: (
                (n, one.ordinal, one.decision, one.event, one.by, c.after.updated_at)
                for n, c in enumerate(changes, 1)
                for one in c.decided
            ),
        )
    },
    keeping="""
settled AS (
  UPDATE foliot.ai_suggestion s
     SET decision = settling.decision, decided_event = settling.event,
         decided_by = settling.person, decided_at = settling.at
    FROM {settling}
   CROSS JOIN LATERAL (
     SELECT s.ctid AS place FROM foliot.ai_suggestion s
      WHERE s.tenant_id = {change.tenant_id}[settling.n]
        AND s.instance_id = {change.instance_id}[settling.n]
        AND s.ordinal = settling.ordinal OFFSET 0) AS p
   WHERE s.ctid = p.place AND {kept}[settling.n])""",
)
