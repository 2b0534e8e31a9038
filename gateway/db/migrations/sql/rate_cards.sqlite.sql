-- What never changes, written by python -m gateway.db.frozen for sqlite.

CREATE TRIGGER operator_frozen BEFORE UPDATE OF id, name, added_by, created_at ON operator WHEN NEW.id IS NOT OLD.id OR NEW.name IS NOT OLD.name OR NEW.added_by IS NOT OLD.added_by OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'operator: what it was written with never changes');
END

-- next

CREATE TRIGGER operator_once BEFORE UPDATE OF removed_at ON operator WHEN (OLD.removed_at IS NOT NULL AND NEW.removed_at IS NOT OLD.removed_at)
BEGIN
  SELECT RAISE(ABORT, 'operator: what is set once stands');
END

-- next

CREATE TRIGGER operator_remains BEFORE DELETE ON operator
BEGIN
  SELECT RAISE(ABORT, 'operator: a row is never removed');
END

-- next

CREATE TRIGGER rate_card_frozen BEFORE UPDATE OF id, merchant_id, first_day, prices, subsidy_programmes, proposed_by, proposed_at, reason ON rate_card WHEN NEW.id IS NOT OLD.id OR NEW.merchant_id IS NOT OLD.merchant_id OR NEW.first_day IS NOT OLD.first_day OR NEW.prices IS NOT OLD.prices OR NEW.subsidy_programmes IS NOT OLD.subsidy_programmes OR NEW.proposed_by IS NOT OLD.proposed_by OR NEW.proposed_at IS NOT OLD.proposed_at OR NEW.reason IS NOT OLD.reason
BEGIN
  SELECT RAISE(ABORT, 'rate card: what it was written with never changes');
END

-- next

CREATE TRIGGER rate_card_once BEFORE UPDATE OF decided_by, decided_at, decision_reason ON rate_card WHEN (OLD.decided_by IS NOT NULL AND NEW.decided_by IS NOT OLD.decided_by) OR (OLD.decided_at IS NOT NULL AND NEW.decided_at IS NOT OLD.decided_at) OR (OLD.decision_reason IS NOT NULL AND NEW.decision_reason IS NOT OLD.decision_reason)
BEGIN
  SELECT RAISE(ABORT, 'rate card: what is set once stands');
END

-- next

CREATE TRIGGER rate_card_status_steps BEFORE UPDATE OF status ON rate_card WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'proposed' AND NEW.status IN ('confirmed', 'rejected', 'withdrawn')))
BEGIN
  SELECT RAISE(ABORT, 'rate card: that is no step of its status');
END

-- next

CREATE TRIGGER rate_card_remains BEFORE DELETE ON rate_card
BEGIN
  SELECT RAISE(ABORT, 'rate card: a row is never removed');
END

-- next

CREATE TRIGGER plan_price_rate_card_id_once BEFORE UPDATE OF rate_card_id ON plan_price WHEN OLD.rate_card_id IS NOT NULL AND NEW.rate_card_id IS NOT OLD.rate_card_id
BEGIN
  SELECT RAISE(ABORT, 'plan price: what is set once stands');
END
