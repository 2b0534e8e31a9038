-- What never changes, written by python -m gateway.db.frozen for postgresql.

CREATE TRIGGER repayment_method_frozen BEFORE UPDATE OF id, shopper_id, mode, reference, place, language, created_at, set_up_by ON repayment_method
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.shopper_id IS DISTINCT FROM OLD.shopper_id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.reference IS DISTINCT FROM OLD.reference OR NEW.place IS DISTINCT FROM OLD.place OR NEW.language IS DISTINCT FROM OLD.language OR NEW.created_at IS DISTINCT FROM OLD.created_at OR NEW.set_up_by IS DISTINCT FROM OLD.set_up_by) EXECUTE FUNCTION refuse_change('repayment method: what it was written with never changes')

-- next

CREATE TRIGGER repayment_method_once BEFORE UPDATE OF kind, brand, last4, exp_year, exp_month, failure, attached_at, ended_at, ended_because, detached_at ON repayment_method
  FOR EACH ROW WHEN ((OLD.kind IS NOT NULL AND NEW.kind IS DISTINCT FROM OLD.kind) OR (OLD.brand IS NOT NULL AND NEW.brand IS DISTINCT FROM OLD.brand) OR (OLD.last4 IS NOT NULL AND NEW.last4 IS DISTINCT FROM OLD.last4) OR (OLD.exp_year IS NOT NULL AND NEW.exp_year IS DISTINCT FROM OLD.exp_year) OR (OLD.exp_month IS NOT NULL AND NEW.exp_month IS DISTINCT FROM OLD.exp_month) OR (OLD.failure IS NOT NULL AND NEW.failure IS DISTINCT FROM OLD.failure) OR (OLD.attached_at IS NOT NULL AND NEW.attached_at IS DISTINCT FROM OLD.attached_at) OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at) OR (OLD.ended_because IS NOT NULL AND NEW.ended_because IS DISTINCT FROM OLD.ended_because) OR (OLD.detached_at IS NOT NULL AND NEW.detached_at IS DISTINCT FROM OLD.detached_at)) EXECUTE FUNCTION refuse_change('repayment method: what is set once stands')

-- next

CREATE TRIGGER repayment_method_status_steps BEFORE UPDATE OF status ON repayment_method
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:pending>active,pending>failed,pending>detached,active>detached')

-- next

CREATE TRIGGER repayment_method_remains BEFORE DELETE ON repayment_method
  FOR EACH ROW EXECUTE FUNCTION refuse_change('repayment method: a row is never removed')

-- next

CREATE TRIGGER collection_method_id_once BEFORE UPDATE OF method_id ON collection
  FOR EACH ROW WHEN (OLD.method_id IS NOT NULL AND NEW.method_id IS DISTINCT FROM OLD.method_id) EXECUTE FUNCTION refuse_change('collection: what is set once stands')
