-- The guards of late entries on SQLite: what was said of an entry's own day is never changed or removed.
-- Statements are parted by a line "-- next". What RAISE refuses here, ledger_late.postgresql.sql refuses in the same words.

CREATE TRIGGER ledger_late_entry_is_late BEFORE INSERT ON ledger_late_entry
BEGIN
  SELECT RAISE(ABORT, 'ledger: a late entry is booked after its own day')
   WHERE NOT EXISTS (SELECT 1 FROM ledger_entry WHERE id = NEW.entry_id AND effective_date > NEW.original_date);
END

-- next

CREATE TRIGGER ledger_late_entry_no_update BEFORE UPDATE ON ledger_late_entry
BEGIN
  SELECT RAISE(ABORT, 'ledger: late entries are only ever added');
END

-- next

CREATE TRIGGER ledger_late_entry_no_delete BEFORE DELETE ON ledger_late_entry
BEGIN
  SELECT RAISE(ABORT, 'ledger: late entries are only ever added');
END
