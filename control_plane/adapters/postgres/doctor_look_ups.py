"""
What must not be found in the tables by which instances and tasks are looked up, one statement
each, as in doctor_checks.py: what they say has to be what the instance and the task say.
"""

LABELS = """
SELECT coalesce(l.instance_id, b.instance_id) AS instance_id, NULL::integer AS ordinal,
       CASE WHEN b.instance_id IS NULL
            THEN format('nobody finds it by its label %L, which is %L', l.name, l.value)
            WHEN l.instance_id IS NULL
            THEN format('it is found by the label %L as %L, which it does not have', b.name,
                        b.value)
            ELSE format('by its label %L it is found among those of %s, and it started at %s',
                        l.name, b.started_at, l.started_at) END AS detail
  FROM (SELECT i.instance_id, i.started_at, o.key AS name, o.value
          FROM foliot.instance i
         CROSS JOIN LATERAL json_each_text(i.labels) AS o
         WHERE i.tenant_id = $1 AND i.instance_id > $2 AND i.instance_id <= $3) AS l
  FULL JOIN (
    SELECT b.* FROM foliot.label b
     WHERE b.tenant_id = $1 AND b.instance_id > $2 AND b.instance_id <= $3) AS b
    ON b.instance_id = l.instance_id AND b.name = l.name AND b.value = l.value
 WHERE l.started_at IS DISTINCT FROM b.started_at
 LIMIT $4
"""

# An open task of a person is found by who has it, and by when it should be done.
TAKEN = """
SELECT t.instance_id, t.ordinal,
       format('%s has it, due %s, and it is found as that of %s, due %s',
              coalesce(p.assignee, 'nobody'), coalesce(p.due_at::text, 'never'),
              coalesce(o.name, 'nobody'), coalesce(d.due_at::text, 'never')) AS detail
  FROM foliot.task_terms p
  JOIN foliot.task t USING (tenant_id, instance_id, ordinal)
  LEFT JOIN foliot.offer o
    ON o.tenant_id = p.tenant_id AND o.instance_id = p.instance_id AND o.ordinal = p.ordinal
       AND o.kind = 'assignee'
  LEFT JOIN foliot.offer d
    ON d.tenant_id = p.tenant_id AND d.instance_id = p.instance_id AND d.ordinal = p.ordinal
       AND d.kind = 'due'
 WHERE p.tenant_id = $1 AND p.instance_id > $2 AND p.instance_id <= $3
   AND t.completed_at IS NULL
   AND (p.assignee, p.due_at) IS DISTINCT FROM (o.name, d.due_at)
 LIMIT $4
"""

SAID_OF_NOTHING = """
SELECT x.instance_id, x.ordinal, format('there is %s of it, and no such task', x.what) AS detail
  FROM (SELECT p.tenant_id, p.instance_id, p.ordinal, 'whom it is for' AS what
          FROM foliot.task_terms p
         WHERE p.tenant_id = $1 AND p.instance_id > $2 AND p.instance_id <= $3
        UNION ALL
        SELECT c.tenant_id, c.instance_id, c.ordinal, 'a comment' FROM foliot.task_comment c
         WHERE c.tenant_id = $1 AND c.instance_id > $2 AND c.instance_id <= $3) AS x
 WHERE NOT EXISTS (SELECT FROM foliot.task t
                    WHERE t.tenant_id = x.tenant_id AND t.instance_id = x.instance_id
                      AND t.ordinal = x.ordinal)
 LIMIT $4
"""
