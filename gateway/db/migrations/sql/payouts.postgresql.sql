-- What never changes, written by python -m gateway.db.frozen for postgresql.

CREATE TRIGGER payout_account_frozen BEFORE UPDATE OF id, merchant_id, mode, kind, last4, bank, asked_by, reason, created_at, effective_at ON payout_account
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.kind IS DISTINCT FROM OLD.kind OR NEW.last4 IS DISTINCT FROM OLD.last4 OR NEW.bank IS DISTINCT FROM OLD.bank OR NEW.asked_by IS DISTINCT FROM OLD.asked_by OR NEW.reason IS DISTINCT FROM OLD.reason OR NEW.created_at IS DISTINCT FROM OLD.created_at OR NEW.effective_at IS DISTINCT FROM OLD.effective_at) EXECUTE FUNCTION refuse_change('payout account: what it was written with never changes')

-- next

CREATE TRIGGER payout_account_once BEFORE UPDATE OF canceled_at, canceled_by ON payout_account
  FOR EACH ROW WHEN ((OLD.canceled_at IS NOT NULL AND NEW.canceled_at IS DISTINCT FROM OLD.canceled_at) OR (OLD.canceled_by IS NOT NULL AND NEW.canceled_by IS DISTINCT FROM OLD.canceled_by)) EXECUTE FUNCTION refuse_change('payout account: what is set once stands')

-- next

CREATE TRIGGER payout_account_remains BEFORE DELETE ON payout_account
  FOR EACH ROW EXECUTE FUNCTION refuse_change('payout account: a row is never removed')

-- next

CREATE TRIGGER payout_in_transit_at_once BEFORE UPDATE OF in_transit_at ON payout
  FOR EACH ROW WHEN (OLD.in_transit_at IS NOT NULL AND NEW.in_transit_at IS DISTINCT FROM OLD.in_transit_at) EXECUTE FUNCTION refuse_change('payout: what is set once stands')

-- next

CREATE TRIGGER payout_account_id_once BEFORE UPDATE OF account_id ON payout
  FOR EACH ROW WHEN (OLD.account_id IS NOT NULL AND NEW.account_id IS DISTINCT FROM OLD.account_id) EXECUTE FUNCTION refuse_change('payout: what is set once stands')
