-- The guards of the audit log on SQLite: an entry follows the last one, and none is ever changed or removed.
-- Statements are parted by a line "-- next". What RAISE refuses here, audit.postgresql.sql refuses in the same words.

CREATE TRIGGER audit_entry_follows BEFORE INSERT ON audit_entry
BEGIN
  SELECT RAISE(ABORT, 'audit: an entry follows the last one')
   WHERE NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM audit_entry)
      OR NEW.previous_hash <> coalesce(
           (SELECT hash FROM audit_entry ORDER BY number DESC LIMIT 1),
           '0000000000000000000000000000000000000000000000000000000000000000'
         );
END

-- next

CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry
BEGIN
  SELECT RAISE(ABORT, 'audit: what was recorded is never changed or removed');
END

-- next

CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry
BEGIN
  SELECT RAISE(ABORT, 'audit: what was recorded is never changed or removed');
END

-- next

CREATE TRIGGER audit_root_no_update BEFORE UPDATE ON audit_root
BEGIN
  SELECT RAISE(ABORT, 'audit: what was recorded is never changed or removed');
END

-- next

CREATE TRIGGER audit_root_no_delete BEFORE DELETE ON audit_root
BEGIN
  SELECT RAISE(ABORT, 'audit: what was recorded is never changed or removed');
END
