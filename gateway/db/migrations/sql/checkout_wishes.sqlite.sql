-- What never changes, written by python -m gateway.db.frozen for sqlite.

CREATE TRIGGER checkout_locale_once BEFORE UPDATE OF locale ON checkout WHEN OLD.locale IS NOT NULL AND NEW.locale IS NOT OLD.locale
BEGIN
  SELECT RAISE(ABORT, 'checkout: what is set once stands');
END

-- next

CREATE TRIGGER checkout_cancel_reason_once BEFORE UPDATE OF cancel_reason ON checkout WHEN OLD.cancel_reason IS NOT NULL AND NEW.cancel_reason IS NOT OLD.cancel_reason
BEGIN
  SELECT RAISE(ABORT, 'checkout: what is set once stands');
END
