-- What never changes, written by python -m gateway.db.frozen for postgresql.

CREATE TRIGGER checkout_locale_once BEFORE UPDATE OF locale ON checkout
  FOR EACH ROW WHEN (OLD.locale IS NOT NULL AND NEW.locale IS DISTINCT FROM OLD.locale) EXECUTE FUNCTION refuse_change('checkout: what is set once stands')

-- next

CREATE TRIGGER checkout_cancel_reason_once BEFORE UPDATE OF cancel_reason ON checkout
  FOR EACH ROW WHEN (OLD.cancel_reason IS NOT NULL AND NEW.cancel_reason IS DISTINCT FROM OLD.cancel_reason) EXECUTE FUNCTION refuse_change('checkout: what is set once stands')
