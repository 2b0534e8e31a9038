-- What never changes, written by python -m gateway.db.frozen for sqlite.

CREATE TRIGGER complaint_frozen BEFORE UPDATE OF id, mode, shopper_id, loan_id, kind, text_sealed, due_on, created_at ON complaint WHEN NEW.id IS NOT OLD.id OR NEW.mode IS NOT OLD.mode OR NEW.shopper_id IS NOT OLD.shopper_id OR NEW.loan_id IS NOT OLD.loan_id OR NEW.kind IS NOT OLD.kind OR NEW.text_sealed IS NOT OLD.text_sealed OR NEW.due_on IS NOT OLD.due_on OR NEW.created_at IS NOT OLD.created_at
BEGIN
  SELECT RAISE(ABORT, 'complaint: what it was written with never changes');
END

-- next

CREATE TRIGGER complaint_once BEFORE UPDATE OF answer_sealed, answered_by, answered_at ON complaint WHEN (OLD.answer_sealed IS NOT NULL AND NEW.answer_sealed IS NOT OLD.answer_sealed) OR (OLD.answered_by IS NOT NULL AND NEW.answered_by IS NOT OLD.answered_by) OR (OLD.answered_at IS NOT NULL AND NEW.answered_at IS NOT OLD.answered_at)
BEGIN
  SELECT RAISE(ABORT, 'complaint: what is set once stands');
END

-- next

CREATE TRIGGER complaint_status_steps BEFORE UPDATE OF status ON complaint WHEN NEW.status IS NOT OLD.status AND NOT ((OLD.status = 'open' AND NEW.status IN ('answered')))
BEGIN
  SELECT RAISE(ABORT, 'complaint: that is no step of its status');
END

-- next

CREATE TRIGGER complaint_rests BEFORE UPDATE OF answer_sealed, answered_at, answered_by ON complaint WHEN (OLD.status = 'answered') AND (NEW.answer_sealed IS NOT OLD.answer_sealed OR NEW.answered_at IS NOT OLD.answered_at OR NEW.answered_by IS NOT OLD.answered_by)
BEGIN
  SELECT RAISE(ABORT, 'complaint: it has ended and rests');
END

-- next

CREATE TRIGGER complaint_remains BEFORE DELETE ON complaint
BEGIN
  SELECT RAISE(ABORT, 'complaint: a row is never removed');
END
