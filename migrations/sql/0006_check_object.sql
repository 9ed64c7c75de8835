-- Raises unless a value of a caller is a JSON object, at most 256 KiB long and 32 deep, with
-- numbers that a double can hold: the limits that the API has. jsonb cannot hold a NUL, so that
-- needs no look.
CREATE FUNCTION foliot.check_object(p_value jsonb, p_name text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF p_value IS NULL OR jsonb_typeof(p_value) <> 'object' THEN
    RAISE EXCEPTION '% is %; it must be a JSON object', p_name, coalesce(jsonb_typeof(p_value), 'NULL')
      USING ERRCODE = 'FO010';
  END IF;
  IF octet_length(p_value::text) > 262144 THEN
    RAISE EXCEPTION '% has % bytes; it may have 262144', p_name, octet_length(p_value::text)
      USING ERRCODE = 'FO010', HINT = 'Store it elsewhere, and send where.';
  END IF;
  IF jsonb_path_exists(p_value, 'strict $.**{33}') THEN
    RAISE EXCEPTION '% is nested deeper than 32', p_name USING ERRCODE = 'FO010';
  END IF;
  IF jsonb_path_exists(p_value, 'strict $.** ? (@.type() == "number"
                                  && (@ > 1.7976931348623157e308 || @ < -1.7976931348623157e308))')
  THEN
    RAISE EXCEPTION '% has a number beyond 1.8e308', p_name
      USING ERRCODE = 'FO010', HINT = 'Send it as a text.';
  END IF;
END
$$
