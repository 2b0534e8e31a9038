-- What never changes, written by python -m gateway.db.frozen for sqlite.

CREATE TRIGGER payout_account_frozen BEFORE UPDATE OF id, merchant_id, mode, kind, last4, bank, asked_by, reason, created_at, effective_at ON payout_account WHEN NEW.id IS NOT OLD.id OR NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode OR NEW.kind IS NOT OLD.kind OR NEW.last4 IS NOT OLD.last4 OR NEW.bank IS NOT OLD.bank OR NEW.asked_by IS NOT OLD.asked_by OR NEW.reason IS NOT OLD.reason OR NEW.created_at IS NOT OLD.created_at OR NEW.effective_at IS NOT OLD.effective_at
BEGIN
  SELECT RAISE(ABORT, 'payout account: what it was written with never changes');
END

-- next

CREATE TRIGGER payout_account_once BEFORE UPDATE OF canceled_at, canceled_by ON payout_account WHEN (OLD.canceled_at IS NOT NULL AND NEW.canceled_at IS NOT OLD.canceled_at) OR (OLD.canceled_by IS NOT NULL AND NEW.canceled_by IS NOT OLD.canceled_by)
BEGIN
  SELECT RAISE(ABORT, 'payout account: what is set once stands');
END

-- next

CREATE TRIGGER payout_account_remains BEFORE DELETE ON payout_account
BEGIN
  SELECT RAISE(ABORT, 'payout account: a row is never removed');
END

-- next

CREATE TRIGGER payout_in_transit_at_once BEFORE UPDATE OF in_transit_at ON payout WHEN OLD.in_transit_at IS NOT NULL AND NEW.in_transit_at IS NOT OLD.in_transit_at
BEGIN
  SELECT RAISE(ABORT, 'payout: what is set once stands');
END

-- next

CREATE TRIGGER payout_account_id_once BEFORE UPDATE OF account_id ON payout WHEN OLD.account_id IS NOT NULL AND NEW.account_id IS NOT OLD.account_id
BEGIN
  SELECT RAISE(ABORT, 'payout: what is set once stands');
END
