-- What never changes, written by python -m gateway.db.frozen for postgresql.

CREATE TRIGGER checkout_counter_offer_once BEFORE UPDATE OF counter_offer ON checkout
  FOR EACH ROW WHEN (OLD.counter_offer IS NOT NULL AND NEW.counter_offer IS DISTINCT FROM OLD.counter_offer) EXECUTE FUNCTION refuse_change('checkout: what is set once stands')

-- next

CREATE TRIGGER checkout_counter_offer_of_once BEFORE UPDATE OF counter_offer_of ON checkout
  FOR EACH ROW WHEN (OLD.counter_offer_of IS NOT NULL AND NEW.counter_offer_of IS DISTINCT FROM OLD.counter_offer_of) EXECUTE FUNCTION refuse_change('checkout: what is set once stands')
