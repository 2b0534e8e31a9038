-- References to the outside on SQLite. What RAISE refuses here, references.postgresql.sql refuses in the same words.

CREATE TRIGGER collection_keeps_reference BEFORE UPDATE OF reference ON collection WHEN NEW.reference IS NOT OLD.reference
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the reference of a collection never changes');
END

-- next

CREATE TRIGGER shopper_return_keeps_reference BEFORE UPDATE OF reference ON shopper_return WHEN NEW.reference IS NOT OLD.reference
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the reference of a return never changes');
END

-- next

CREATE TRIGGER payout_keeps_reference BEFORE UPDATE OF reference ON payout WHEN NEW.reference IS NOT OLD.reference
BEGIN
  SELECT RAISE(ABORT, 'tenancy: the reference of a payout never changes');
END
