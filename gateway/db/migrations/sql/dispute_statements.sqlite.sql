-- What never changes, written by python -m gateway.db.frozen for sqlite.

CREATE TRIGGER dispute_statement_frozen BEFORE UPDATE OF id, shopper_id, text_sealed, created_at ON dispute_statement WHEN NEW.id IS NOT OLD.id OR NEW.shopper_id IS NOT OLD.shopper_id OR NEW.text_sealed IS NOT OLD.text_sealed OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'dispute statement: what it was written with never changes');
END

-- next

CREATE TRIGGER dispute_statement_remains BEFORE DELETE ON dispute_statement
BEGIN
  SELECT RAISE(ABORT, 'dispute statement: a row is never removed');
END
