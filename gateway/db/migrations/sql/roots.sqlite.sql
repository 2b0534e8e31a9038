-- The guards of signed roots on SQLite: a root is never changed or removed.
-- Statements are parted by a line "-- next". What RAISE refuses here, roots.postgresql.sql refuses in the same words.

CREATE TRIGGER signed_root_no_update BEFORE UPDATE ON signed_root
BEGIN
  SELECT RAISE(ABORT, 'roots: what was signed is never changed or removed');
END

-- next

CREATE TRIGGER signed_root_no_delete BEFORE DELETE ON signed_root
BEGIN
  SELECT RAISE(ABORT, 'roots: what was signed is never changed or removed');
END
