-- What never changes, written by python -m gateway.db.frozen for sqlite.

CREATE TRIGGER payment_extended_to_once BEFORE UPDATE OF extended_to ON payment WHEN OLD.extended_to IS NOT NULL AND NEW.extended_to IS NOT OLD.extended_to
BEGIN
  SELECT RAISE(ABORT, 'payment: what is set once stands');
END
