-- What never changes, written by python -m gateway.db.frozen for postgresql.

CREATE TRIGGER operator_frozen BEFORE UPDATE OF id, name, added_by, created_at ON operator
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.name IS DISTINCT FROM OLD.name OR NEW.added_by IS DISTINCT FROM OLD.added_by OR NEW.created_at IS DISTINCT FROM OLD.created_at) EXECUTE FUNCTION refuse_change('operator: what it was written with never changes')

-- next

CREATE TRIGGER operator_once BEFORE UPDATE OF removed_at ON operator
  FOR EACH ROW WHEN ((OLD.removed_at IS NOT NULL AND NEW.removed_at IS DISTINCT FROM OLD.removed_at)) EXECUTE FUNCTION refuse_change('operator: what is set once stands')

-- next

CREATE TRIGGER operator_remains BEFORE DELETE ON operator
  FOR EACH ROW EXECUTE FUNCTION refuse_change('operator: a row is never removed')

-- next

CREATE TRIGGER rate_card_frozen BEFORE UPDATE OF id, merchant_id, first_day, prices, subsidy_programmes, proposed_by, proposed_at, reason ON rate_card
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.first_day IS DISTINCT FROM OLD.first_day OR NEW.prices IS DISTINCT FROM OLD.prices OR NEW.subsidy_programmes IS DISTINCT FROM OLD.subsidy_programmes OR NEW.proposed_by IS DISTINCT FROM OLD.proposed_by OR NEW.proposed_at IS DISTINCT FROM OLD.proposed_at OR NEW.reason IS DISTINCT FROM OLD.reason) EXECUTE FUNCTION refuse_change('rate card: what it was written with never changes')

-- next

CREATE TRIGGER rate_card_once BEFORE UPDATE OF decided_by, decided_at, decision_reason ON rate_card
  FOR EACH ROW WHEN ((OLD.decided_by IS NOT NULL AND NEW.decided_by IS DISTINCT FROM OLD.decided_by) OR (OLD.decided_at IS NOT NULL AND NEW.decided_at IS DISTINCT FROM OLD.decided_at) OR (OLD.decision_reason IS NOT NULL AND NEW.decision_reason IS DISTINCT FROM OLD.decision_reason)) EXECUTE FUNCTION refuse_change('rate card: what is set once stands')

-- next

CREATE TRIGGER rate_card_status_steps BEFORE UPDATE OF status ON rate_card
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:proposed>confirmed,proposed>rejected,proposed>withdrawn')

-- next

CREATE TRIGGER rate_card_remains BEFORE DELETE ON rate_card
  FOR EACH ROW EXECUTE FUNCTION refuse_change('rate card: a row is never removed')

-- next

CREATE TRIGGER plan_price_rate_card_id_once BEFORE UPDATE OF rate_card_id ON plan_price
  FOR EACH ROW WHEN (OLD.rate_card_id IS NOT NULL AND NEW.rate_card_id IS DISTINCT FROM OLD.rate_card_id) EXECUTE FUNCTION refuse_change('plan price: what is set once stands')
