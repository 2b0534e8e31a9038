-- The guards of late entries on PostgreSQL: what was said of an entry's own day is never changed or removed.
-- Statements are parted by a line "-- next". What is refused here, ledger_late.sqlite.sql refuses in the same words.

CREATE FUNCTION ledger_check_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = NEW.entry_id AND effective_date > NEW.original_date) THEN
    RAISE EXCEPTION 'ledger: a late entry is booked after its own day' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$

-- next

CREATE TRIGGER ledger_late_entry_is_late BEFORE INSERT ON ledger_late_entry
  FOR EACH ROW EXECUTE FUNCTION ledger_check_late()

-- next

CREATE FUNCTION ledger_keep_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'ledger: late entries are only ever added' USING ERRCODE = 'check_violation';
END $$

-- next

CREATE TRIGGER ledger_late_entry_no_change BEFORE UPDATE OR DELETE ON ledger_late_entry
  FOR EACH ROW EXECUTE FUNCTION ledger_keep_late()

-- next

CREATE TRIGGER ledger_late_entry_no_truncate BEFORE TRUNCATE ON ledger_late_entry
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_keep_late()
