-- What never changes, written by python -m gateway.db.frozen for sqlite.

CREATE TRIGGER settlement_terms_proposal_frozen BEFORE UPDATE OF id, merchant_id, mode, valid_from, changes, proposed_by, proposed_at, reason ON settlement_terms_proposal WHEN NEW.id IS NOT OLD.id OR NEW.merchant_id IS NOT OLD.merchant_id OR NEW.mode IS NOT OLD.mode OR NEW.valid_from IS NOT OLD.valid_from OR NEW.changes IS NOT OLD.changes OR NEW.proposed_by IS NOT OLD.proposed_by OR NEW.proposed_at IS NOT OLD.proposed_at OR NEW.reason IS NOT OLD.reason
BEGIN
  SELECT RAISE(ABORT, 'settlement terms proposal: what it was written with never changes');
END

-- next

CREATE TRIGGER settlement_terms_proposal_once BEFORE UPDATE OF decided_by, decided_at, decision_reason, terms_id ON settlement_terms_proposal WHEN (OLD.decided_by IS NOT NULL AND NEW.decided_by IS NOT OLD.decided_by) OR (OLD.decided_at IS NOT NULL AND NEW.decided_at IS NOT OLD.decided_at) OR (OLD.decision_reason IS NOT NULL AND NEW.decision_reason IS NOT OLD.decision_reason) OR (OLD.terms_id IS NOT NULL AND NEW.terms_id IS NOT OLD.terms_id)
BEGIN
  SELECT RAISE(ABORT, 'settlement terms proposal: what is set once stands');
END

-- next

CREATE TRIGGER settlement_terms_proposal_status_steps BEFORE UPDATE OF status ON settlement_terms_proposal WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'proposed' AND NEW.status IN ('confirmed', 'rejected', 'withdrawn')))
BEGIN
  SELECT RAISE(ABORT, 'settlement terms proposal: that is no step of its status');
END

-- next

CREATE TRIGGER settlement_terms_proposal_remains BEFORE DELETE ON settlement_terms_proposal
BEGIN
  SELECT RAISE(ABORT, 'settlement terms proposal: a row is never removed');
END
