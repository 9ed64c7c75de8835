-- Raises unless a text of a caller is there and not too long.
CREATE FUNCTION foliot.check_text(p_value text, p_name text, p_longest integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF coalesce(p_value, '') = '' THEN
    RAISE EXCEPTION '% is required', p_name USING ERRCODE = 'FO010';
  END IF;
  IF length(p_value) > p_longest THEN
    RAISE EXCEPTION '% has % characters; it may have %', p_name, length(p_value), p_longest
      USING ERRCODE = 'FO010';
  END IF;
END
$$
