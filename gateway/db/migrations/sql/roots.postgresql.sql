-- The guards of signed roots on PostgreSQL: a root is never changed or removed.
-- Statements are parted by a line "-- next". What is refused here, roots.sqlite.sql refuses in the same words.

CREATE FUNCTION roots_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'roots: what was signed is never changed or removed' USING ERRCODE = 'check_violation';
END $$

-- next

CREATE TRIGGER signed_root_no_change BEFORE UPDATE OR DELETE ON signed_root
  FOR EACH ROW EXECUTE FUNCTION roots_refuse()

-- next

CREATE TRIGGER signed_root_no_truncate BEFORE TRUNCATE ON signed_root
  FOR EACH STATEMENT EXECUTE FUNCTION roots_refuse()
