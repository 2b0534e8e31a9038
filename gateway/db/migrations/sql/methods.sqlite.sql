-- What never changes, written by python -m gateway.db.frozen for sqlite.

CREATE TRIGGER repayment_method_frozen BEFORE UPDATE OF id, shopper_id, mode, reference, place, language, created_at, set_up_by ON repayment_method WHEN NEW.id IS NOT OLD.id OR NEW.shopper_id IS NOT OLD.shopper_id OR NEW.mode IS NOT OLD.mode OR NEW.reference IS NOT OLD.reference OR NEW.place IS NOT OLD.place OR NEW.language IS NOT OLD.language OR NEW.created_at IS NOT OLD.created_at OR NEW.set_up_by IS NOT OLD.set_up_by
BEGIN
  SELECT RAISE(ABORT, 'repayment method: what it was written with never changes');
END

-- next

CREATE TRIGGER repayment_method_once BEFORE UPDATE OF kind, brand, last4, exp_year, exp_month, failure, attached_at, ended_at, ended_because, detached_at ON repayment_method WHEN (OLD.kind IS NOT NULL AND NEW.kind IS NOT OLD.kind) OR (OLD.brand IS NOT NULL AND NEW.brand IS NOT OLD.brand) OR (OLD.last4 IS NOT NULL AND NEW.last4 IS NOT OLD.last4) OR (OLD.exp_year IS NOT NULL AND NEW.exp_year IS NOT OLD.exp_year) OR (OLD.exp_month IS NOT NULL AND NEW.exp_month IS NOT OLD.exp_month) OR (OLD.failure IS NOT NULL AND NEW.failure IS NOT OLD.failure) OR (OLD.attached_at IS NOT NULL AND NEW.attached_at IS NOT OLD.attached_at) OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS NOT OLD.ended_at) OR (OLD.ended_because IS NOT NULL AND NEW.ended_because IS NOT OLD.ended_because) OR (OLD.detached_at IS NOT NULL AND NEW.detached_at IS NOT OLD.detached_at)
BEGIN
  SELECT RAISE(ABORT, 'repayment method: what is set once stands');
END

-- next

CREATE TRIGGER repayment_method_status_steps BEFORE UPDATE OF status ON repayment_method WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'pending' AND NEW.status IN ('active', 'failed', 'detached')) OR (OLD.status = 'active' AND NEW.status IN ('detached')))
BEGIN
  SELECT RAISE(ABORT, 'repayment method: that is no step of its status');
END

-- next

CREATE TRIGGER repayment_method_remains BEFORE DELETE ON repayment_method
BEGIN
  SELECT RAISE(ABORT, 'repayment method: a row is never removed');
END

-- next

CREATE TRIGGER collection_method_id_once BEFORE UPDATE OF method_id ON collection WHEN OLD.method_id IS NOT NULL AND NEW.method_id IS NOT OLD.method_id
BEGIN
  SELECT RAISE(ABORT, 'collection: what is set once stands');
END
