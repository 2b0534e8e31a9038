-- What never changes, written by python -m gateway.db.frozen for sqlite.

CREATE TRIGGER checkout_counter_offer_once BEFORE UPDATE OF counter_offer ON checkout WHEN OLD.counter_offer IS NOT NULL AND NEW.counter_offer IS NOT OLD.counter_offer
BEGIN
  SELECT RAISE(ABORT, 'checkout: what is set once stands');
END

-- next

CREATE TRIGGER checkout_counter_offer_of_once BEFORE UPDATE OF counter_offer_of ON checkout WHEN OLD.counter_offer_of IS NOT NULL AND NEW.counter_offer_of IS NOT OLD.counter_offer_of
BEGIN
  SELECT RAISE(ABORT, 'checkout: what is set once stands');
END
