-- Whether any tenant has an instance whose id lies there.
CREATE FUNCTION foliot.has_instances(p_from uuid, p_to uuid) RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  SELECT EXISTS (
    SELECT FROM foliot.tenant t
     CROSS JOIN LATERAL (
       SELECT FROM foliot.instance i
        WHERE i.tenant_id = t.tenant_id AND i.instance_id >= p_from AND i.instance_id < p_to
        LIMIT 1) AS x)
$$
