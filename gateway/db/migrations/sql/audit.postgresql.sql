-- The guards of the audit log on PostgreSQL: an entry follows the last one, and none is ever changed or removed.
-- Statements are parted by a line "-- next". What is refused here, audit.sqlite.sql refuses in the same words.

CREATE FUNCTION audit_check_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM audit_entry)
     OR NEW.previous_hash <> coalesce(
          (SELECT hash FROM audit_entry ORDER BY number DESC LIMIT 1), repeat('0', 64)
        )
  THEN
    RAISE EXCEPTION 'audit: an entry follows the last one' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER audit_entry_follows BEFORE INSERT ON audit_entry
  FOR EACH ROW EXECUTE FUNCTION audit_check_order()

-- next

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit: what was recorded is never changed or removed' USING ERRCODE = 'check_violation';
END $$

-- next

CREATE TRIGGER audit_entry_no_change BEFORE UPDATE OR DELETE ON audit_entry
  FOR EACH ROW EXECUTE FUNCTION audit_refuse()

-- next

CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()

-- next

CREATE TRIGGER audit_root_no_change BEFORE UPDATE OR DELETE ON audit_root
  FOR EACH ROW EXECUTE FUNCTION audit_refuse()

-- next

CREATE TRIGGER audit_root_no_truncate BEFORE TRUNCATE ON audit_root
  FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
