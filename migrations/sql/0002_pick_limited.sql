-- Which rows of `ready` to take from tenants with limits: the places of `p_share` rows a tenant
-- at most, and of each the tenant's turn. As many as the tenant's own limit and the limits of
-- their keys have room for, in the order of their precedence. Whoever calls holds the locks of
-- these tenants' limits.
--
-- A row that waits in the common flow, and whose key was given a limit since, is put into
-- the flow of its key and not picked.
--
-- Locks: rows of `ready`, SKIP LOCKED. For foliot.claim, whose settings it needs.
CREATE FUNCTION foliot.pick_limited(
  p_tenants text[], p_turns integer[], p_queues text[], p_types text[], p_share integer,
  p_now timestamptz, OUT places tid[], OUT turns integer[])
LANGUAGE plpgsql
AS $$
BEGIN
  WITH own AS MATERIALIZED (
    SELECT t.tenant_id, t.turn, least(p_share, foliot.room_at(l.whole, p_now)) AS room
      FROM unnest(p_tenants, p_turns) AS t(tenant_id, turn)
     CROSS JOIN LATERAL (
       SELECT l AS whole FROM foliot.task_limit l
        WHERE l.tenant_id = t.tenant_id AND l.limit_key = '' OFFSET 0) AS l),
  flow AS MATERIALIZED (
    SELECT o.tenant_id, '' AS flow, o.room AS at_most, NULL::foliot.task_limit AS whole
      FROM own o
    UNION ALL
    SELECT o.tenant_id, l.limit_key, least(o.room, l.max_running, l.burst), l.whole
      FROM own o
     CROSS JOIN LATERAL (
       SELECT l.limit_key, l.max_running, l.burst, l AS whole FROM foliot.task_limit l
        WHERE l.tenant_id = o.tenant_id AND l.limit_key > '' OFFSET 0) AS l),
  head AS MATERIALIZED (
    SELECT f.tenant_id, f.flow, c.place, c.precedence, k.limit_key AS belongs_to
      FROM flow f
     CROSS JOIN unnest(p_queues, p_types) AS lane(queue, type)
     CROSS JOIN LATERAL (
       SELECT r.ctid AS place, r.precedence, r.instance_id, r.ordinal
         FROM foliot.ready r
        WHERE r.queue = lane.queue AND r.type = lane.type AND r.tenant_id COLLATE "C" = f.tenant_id
          AND r.flow = f.flow
        ORDER BY r.precedence
        LIMIT f.at_most FOR UPDATE SKIP LOCKED) AS c
      LEFT JOIN LATERAL (
       SELECT l.limit_key
         FROM foliot.task t
        CROSS JOIN LATERAL (
          SELECT l.limit_key FROM foliot.task_limit l
           WHERE l.tenant_id = t.tenant_id AND l.limit_key = t.limit_key
             AND num_nulls(l.max_running, l.rate_per_s) < 2 OFFSET 0) AS l
        WHERE t.tenant_id = f.tenant_id AND t.instance_id = c.instance_id
          AND t.ordinal = c.ordinal OFFSET 0) AS k ON f.flow = ''),
  moved AS (
    UPDATE foliot.ready r SET flow = h.belongs_to
      FROM head h WHERE r.ctid = h.place AND h.belongs_to IS NOT NULL),
  -- Only of flows in which something waits: to know a key's room its leases are counted.
  room AS MATERIALIZED (
    SELECT f.tenant_id, f.flow,
           CASE WHEN f.flow = '' THEN f.at_most
                ELSE least(f.at_most, foliot.room_at(f.whole, p_now)) END AS room
      FROM flow f
     WHERE EXISTS (SELECT FROM head h WHERE h.tenant_id = f.tenant_id AND h.flow = f.flow)),
  fitting AS MATERIALIZED (
    SELECT h.tenant_id, h.place, h.precedence,
           row_number() OVER (PARTITION BY h.tenant_id ORDER BY h.precedence) AS nth
      FROM (SELECT h.*, row_number() OVER (PARTITION BY h.tenant_id, h.flow
                                               ORDER BY h.precedence) AS nth
              FROM head h WHERE h.belongs_to IS NULL) AS h
      JOIN room r ON r.tenant_id = h.tenant_id AND r.flow = h.flow
     WHERE h.nth <= r.room)
  SELECT coalesce(array_agg(f.place ORDER BY f.precedence), '{}'),
         coalesce(array_agg(o.turn ORDER BY f.precedence), '{}')
    INTO places, turns
    FROM fitting f
    JOIN own o ON o.tenant_id = f.tenant_id
   WHERE f.nth <= o.room;
END
$$
