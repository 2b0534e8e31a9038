-- What never changes, written by python -m gateway.db.frozen for postgresql.

CREATE TRIGGER payment_extended_to_once BEFORE UPDATE OF extended_to ON payment
  FOR EACH ROW WHEN (OLD.extended_to IS NOT NULL AND NEW.extended_to IS DISTINCT FROM OLD.extended_to) EXECUTE FUNCTION refuse_change('payment: what is set once stands')
