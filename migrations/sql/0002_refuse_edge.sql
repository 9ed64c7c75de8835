-- What the lifecycles of control_plane/lifecycles.py do not allow, whoever asks for it. The
-- triggers that call this are made with a condition, so a legal change costs a comparison.
CREATE FUNCTION foliot.refuse_edge() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'the status of a row of % cannot go from % to %', TG_TABLE_NAME, OLD.status,
    NEW.status
    USING ERRCODE = 'FO002', HINT = 'The lifecycles in ARCHITECTURE.md say what can follow what.';
END
$$
