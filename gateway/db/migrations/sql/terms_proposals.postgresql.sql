-- What never changes, written by python -m gateway.db.frozen for postgresql.

CREATE TRIGGER settlement_terms_proposal_frozen BEFORE UPDATE OF id, merchant_id, mode, valid_from, changes, proposed_by, proposed_at, reason ON settlement_terms_proposal
  FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.merchant_id IS DISTINCT FROM OLD.merchant_id OR NEW.mode IS DISTINCT FROM OLD.mode OR NEW.valid_from IS DISTINCT FROM OLD.valid_from OR NEW.changes IS DISTINCT FROM OLD.changes OR NEW.proposed_by IS DISTINCT FROM OLD.proposed_by OR NEW.proposed_at IS DISTINCT FROM OLD.proposed_at OR NEW.reason IS DISTINCT FROM OLD.reason) EXECUTE FUNCTION refuse_change('settlement terms proposal: what it was written with never changes')

-- next

CREATE TRIGGER settlement_terms_proposal_once BEFORE UPDATE OF decided_by, decided_at, decision_reason, terms_id ON settlement_terms_proposal
  FOR EACH ROW WHEN ((OLD.decided_by IS NOT NULL AND NEW.decided_by IS DISTINCT FROM OLD.decided_by) OR (OLD.decided_at IS NOT NULL AND NEW.decided_at IS DISTINCT FROM OLD.decided_at) OR (OLD.decision_reason IS NOT NULL AND NEW.decision_reason IS DISTINCT FROM OLD.decision_reason) OR (OLD.terms_id IS NOT NULL AND NEW.terms_id IS DISTINCT FROM OLD.terms_id)) EXECUTE FUNCTION refuse_change('settlement terms proposal: what is set once stands')

-- next

CREATE TRIGGER settlement_terms_proposal_status_steps BEFORE UPDATE OF status ON settlement_terms_proposal
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status)
  EXECUTE FUNCTION keep_steps('status:proposed>confirmed,proposed>rejected,proposed>withdrawn')

-- next

CREATE TRIGGER settlement_terms_proposal_remains BEFORE DELETE ON settlement_terms_proposal
  FOR EACH ROW EXECUTE FUNCTION refuse_change('settlement terms proposal: a row is never removed')
