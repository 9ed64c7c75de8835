-- The next tenants after `p_after`, up to and with `p_until` (null: to the last one), that have
-- something ready in one of the lanes, a queue and a type each: `p_at_most` of them, in order.
--
-- Walks the claim's index from tenant to tenant, in every lane at once: the cost is in the
-- tenants found, not in the rows that wait. The rows are compared as rows, so that no other
-- index can serve. For foliot.claim, whose settings it needs.
CREATE FUNCTION foliot.next_tenants(
  p_queues text[], p_types text[], p_after text, p_until text, p_at_most integer)
RETURNS text[]
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN ARRAY(
    WITH RECURSIVE walk AS (
      SELECT p_after COLLATE "C" AS tenant_id, 0 AS place
      UNION ALL
      SELECT (SELECT min(next.tenant_id COLLATE "C")
                FROM unnest(p_queues, p_types) AS lane(queue, type)
               CROSS JOIN LATERAL (
                 SELECT CASE WHEN r.queue = lane.queue AND r.type = lane.type
                             THEN r.tenant_id END AS tenant_id
                   FROM foliot.ready r
                  WHERE (r.queue, r.type, r.tenant_id COLLATE "C")
                        > (lane.queue, lane.type, w.tenant_id)
                  ORDER BY r.queue, r.type, r.tenant_id COLLATE "C"
                  LIMIT 1) AS next),
             w.place + 1
        FROM walk w
       WHERE w.tenant_id IS NOT NULL AND (p_until IS NULL OR w.tenant_id COLLATE "C" < p_until))
    SELECT w.tenant_id
      FROM walk w
     WHERE w.place > 0 AND w.tenant_id IS NOT NULL
       AND (p_until IS NULL OR w.tenant_id COLLATE "C" <= p_until)
     LIMIT p_at_most);
END
$$
